//! Mutators: an application's writes as named functions, in components that are loaded at run time.
//!
//! A mutator is any component of the contract's world `mutator` (`wit/mutator.wit`), in whatever language it was written. It
//! reads and writes in a transaction, and becomes one event of a document or, where it fails, nothing. The same component runs
//! wherever the data is, and the same document and call give the same event: each call gets an instance of its own, bounded in
//! fuel, memory and time, that knows nothing of earlier calls. What a toolchain imports of WASI is there and grants nothing:
//! no files, no network, no environment, a clock that stands still, the same random numbers in each call, and no waiting.
//!
//! ```no_run
//! use converge::Doc;
//! use converge::mutators::{Mutators, Options};
//!
//! let board = Mutators::load(&std::fs::read("target/board.wasm")?, Options::default())?;
//! let doc = Doc::create("ann")?;
//! board.apply(&doc, "add", &["task-1".into(), "Write the minutes".into()])?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod guest;

use crate::{Doc, EventId, Value};
use guest::Guest;
use std::fmt;
use std::time::Duration;

/// The most bytes of a component.
pub const MOST_COMPONENT_BYTES: usize = 64 << 20;

/// The most names that a component may give.
pub const MOST_NAMES: usize = 1024;

/// What a call of a mutator may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How much may be computed: about one a WebAssembly instruction. Unlike the time it is the same on every machine.
    pub fuel: u64,
    /// The most memory of an instance, in bytes.
    pub memory_bytes: usize,
    /// The longest time that a call may take, looked at every 10 ms; as long as its fuel lasts where there is none.
    pub call_time: Option<Duration>,
    /// What a guest sees that asks WASI for the time: since 1970, throughout the call.
    pub clock: Duration,
}

/// 1,000,000,000 of fuel, 256 MiB, 10 seconds, and a clock that shows the beginning of 1970.
impl Default for Options {
    fn default() -> Self {
        Self {
            fuel: 1_000_000_000,
            memory_bytes: 256 << 20,
            call_time: Some(Duration::from_secs(10)),
            clock: Duration::ZERO,
        }
    }
}

/// The mutators of one component.
pub struct Mutators {
    guest: Guest,
    names: Vec<String>,
}

impl Mutators {
    /// Compiles a component and asks for its names. Costs a compilation, seconds for a component of 10 MB, or loads it from
    /// the cache of compiled code.
    ///
    /// # Errors
    ///
    /// [`Error::NotAMutator`], which says what is missing or is too much; those of [`apply`](Self::apply) where it gives no
    /// names.
    pub fn load(component: &[u8], options: Options) -> Result<Self, Error> {
        if component.len() > MOST_COMPONENT_BYTES {
            let given = component.len();
            return Err(Error::NotAMutator(format!("{given} bytes given, at most {MOST_COMPONENT_BYTES} taken")));
        }
        let guest = Guest::load(component, options)?;
        let names = guest.names()?;
        if names.len() > MOST_NAMES {
            return Err(Error::NotAMutator(format!("{} names given, at most {MOST_NAMES} taken", names.len())));
        }
        Ok(Self { guest, names })
    }

    /// What [`apply`](Self::apply) can be called with, in the component's order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Calls a mutator, and commits what it wrote to the document as one event; none where it wrote nothing. Costs an instance,
    /// tens of microseconds, beside what the mutator does.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] where the mutator says no, [`Error::Document`] where the document does not take what was written. As
    /// after every error, nothing is committed.
    pub fn apply(&self, doc: &Doc, name: &str, arguments: &[Value]) -> Result<Option<EventId>, Error> {
        if !self.names.iter().any(|known| known == name) {
            return Err(Error::UnknownName { name: name.to_owned(), known: self.names.clone() });
        }
        let transaction = self.guest.apply(doc.begin()?, name, arguments)?;
        Ok(transaction.commit()?)
    }
}

impl fmt::Debug for Mutators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutators").field("names", &self.names).finish_non_exhaustive()
    }
}

/// Why a mutator could not be loaded, or a call committed nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no component, or one of another interface; the text says what was found.
    #[error("this is no mutator: {0}")]
    NotAMutator(String),
    /// The component has no mutator of that name.
    #[error("no mutator is named {name:?}; there are {}", .known.join(", "))]
    UnknownName {
        /// What was called.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The mutator refused the call; the text is its own.
    #[error("{0}")]
    Refused(String),
    /// The document did not take what was written, or its instance is gone.
    #[error(transparent)]
    Document(#[from] crate::Error),
    /// The call would have computed more than its fuel allows.
    #[error("the mutator used up its fuel, {0}")]
    OutOfFuel(u64),
    /// The call needed more memory than it may have.
    #[error("the mutator needed more than its {0} bytes of memory")]
    OutOfMemory(usize),
    /// The call took longer than it may.
    #[error("the mutator took longer than its time, {0:?}")]
    OutOfTime(Duration),
    /// The mutator stopped in the middle of the call; what it last told on its standard error, if it did.
    #[error("the mutator stopped in the middle of the call{}{stderr}", if .stderr.is_empty() { "" } else { ": " })]
    Trap {
        /// The beginning of what it wrote to its standard error.
        stderr: String,
        /// How it stopped.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
