//! Why a call of a client fails.

use std::path::PathBuf;

/// Why a call of a client fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read or written.
    #[error(transparent)]
    Storage(#[from] converge_storage::Error),
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] converge::Error),
    /// The file contains another document.
    #[error("{}: the file contains the document {name:?}", file.display())]
    OtherDocument {
        /// The file.
        file: PathBuf,
        /// The name of its document.
        name: String,
    },
    /// The URL is not that of a server.
    #[error("{url:?} is not the URL of a server: {why}")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// The document on the server is another one than that with which this client synchronized.
    #[error("the server's document was replaced by another one; reset the client to continue with it")]
    Replaced,
    /// The client stopped. The text says why.
    #[error("{0}")]
    Stopped(String),
    /// There is no session with the server.
    #[error("the client is not connected")]
    Disconnected,
    /// The client was closed.
    #[error("the client was closed")]
    Closed,
    /// The system has no random numbers.
    #[error("the system has no random numbers: {0}")]
    Random(#[source] std::io::Error),
}
