//! The options of a client.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Returns a fresh token, or why there is none.
pub(crate) type TokenSource = Arc<dyn Fn() -> Result<String, Failure> + Send + Sync>;

/// The options of a client.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// The file that keeps the document; without one, the document is kept in memory alone.
    pub file: Option<PathBuf>,
    /// How the name starts that the client writes as; a token can require it.
    pub peer_prefix: String,
    /// The maximum memory of the document in bytes.
    pub memory_bytes: usize,
    /// The shortest pause before the client connects again.
    pub min_pause: Duration,
    /// The longest pause before the client connects again.
    pub max_pause: Duration,
    /// How long the server may take to answer before the connection counts as lost.
    pub timeout: Duration,
    pub(crate) token: TokenSource,
}

impl Options {
    /// Sets the file that keeps the document. It is created if it does not exist. One client at a
    /// time can use it.
    #[must_use]
    pub fn file(self, file: impl Into<PathBuf>) -> Self {
        Self { file: Some(file.into()), ..self }
    }

    /// Sets the token that the client sends.
    #[must_use]
    pub fn token(self, token: impl Into<String>) -> Self {
        let token = token.into();
        self.token_source(move || Ok(token.clone()))
    }

    /// Sets a function that returns a fresh token. The client calls it for each connection, and
    /// before a token expires. It can block.
    #[must_use]
    pub fn token_source(self, source: impl Fn() -> Result<String, Failure> + Send + Sync + 'static) -> Self {
        Self { token: Arc::new(source), ..self }
    }

    /// Sets how the name starts that the client writes as. A file keeps its name.
    #[must_use]
    pub fn peer_prefix(self, prefix: impl Into<String>) -> Self {
        Self { peer_prefix: prefix.into(), ..self }
    }

    /// Sets the maximum memory of the document in bytes.
    #[must_use]
    pub fn memory_bytes(self, memory_bytes: usize) -> Self {
        Self { memory_bytes, ..self }
    }

    /// Sets the shortest and the longest pause before the client connects again.
    #[must_use]
    pub fn pauses(self, min_pause: Duration, max_pause: Duration) -> Self {
        Self { min_pause, max_pause, ..self }
    }

    /// Sets how long the server may take to answer before the connection counts as lost.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            file: None,
            peer_prefix: "client.".to_owned(),
            memory_bytes: 256 << 20,
            min_pause: Duration::from_millis(250),
            max_pause: Duration::from_secs(30),
            timeout: Duration::from_secs(30),
            token: Arc::new(|| Ok(String::new())),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, peer_prefix, memory_bytes, min_pause, max_pause, timeout, token: _ } = self;
        f.debug_struct("Options")
            .field("file", file)
            .field("peer_prefix", peer_prefix)
            .field("memory_bytes", memory_bytes)
            .field("min_pause", min_pause)
            .field("max_pause", max_pause)
            .field("timeout", timeout)
            .finish_non_exhaustive()
    }
}
