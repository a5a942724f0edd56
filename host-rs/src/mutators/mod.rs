//! Mutators: an application's writes as named functions, in components that are loaded at run time.
//!
//! The component implements the contract's world `mutator` (`wit/mutator.wit`), in any language,
//! and exports any number of mutators. A call reads and writes in a transaction. Its writes become
//! one event of a document; if the call fails, nothing is committed. The same component runs in the
//! client and on the server.
//!
//! A call on the same document always results in the same event. Each call runs in a new instance,
//! with limits on fuel, memory and time, and without state of earlier calls. The instance has the
//! WASI interfaces that toolchains import, but they grant nothing: no files, no network and no
//! environment. Clocks do not advance, random numbers are the same in each call, and functions that
//! wait fail.
//!
//! ```no_run
//! use converge::Doc;
//! use converge::mutators::{Call, Mutators, Options};
//!
//! let board = Mutators::load(&std::fs::read("target/board.wasm")?, Options::default())?;
//! let doc = Doc::create("ann")?;
//! board.apply(&doc, &Call::new("add", ["task-1", "Write the minutes"]))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod guest;

use crate::{Doc, EventId, Transaction, Value};
use guest::Guest;
use std::fmt;
use std::time::Duration;

/// The maximum size of a component in bytes.
pub const MAX_COMPONENT_BYTES: usize = 64 << 20;

/// The maximum number of mutators of a component.
pub const MAX_NAMES: usize = 1024;

/// A call of a mutator.
///
/// ```
/// let call = converge::mutators::Call::new("rename", ["task-1", "Send the minutes"]).by("ann");
/// assert_eq!(call.caller.as_deref(), Some("ann"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The mutator's name.
    pub name: String,
    /// The arguments, in the order that the mutator documents.
    pub arguments: Vec<Value>,
    /// The authenticated subject on whose behalf the call runs, or `None` if nobody is
    /// authenticated.
    pub caller: Option<String>,
}

impl Call {
    /// Creates a call of the mutator `name` with these arguments, without a caller.
    pub fn new(name: impl Into<String>, arguments: impl IntoIterator<Item = impl Into<Value>>) -> Self {
        Self { name: name.into(), arguments: arguments.into_iter().map(Into::into).collect(), caller: None }
    }

    /// Sets the authenticated subject on whose behalf the call runs.
    #[must_use]
    pub fn by(self, caller: impl Into<String>) -> Self {
        Self { caller: Some(caller.into()), ..self }
    }
}

/// The limits of each call of a mutator, and the time that its clocks show. The defaults are
/// 1,000,000,000 units of fuel, 256 MiB of memory, 10 seconds, and the beginning of 1970.
///
/// ```
/// use converge::mutators::Options;
/// use std::time::Duration;
///
/// let options = Options::default().fuel(1_000_000).call_time(Duration::from_secs(1));
/// assert_eq!(options.memory_bytes, 256 << 20);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The maximum fuel of a call. A WebAssembly instruction uses about one unit.
    pub fuel: u64,
    /// The maximum memory of an instance, in bytes.
    pub memory_bytes: usize,
    /// The maximum duration of a call, or `None` if only fuel limits it.
    pub call_time: Option<Duration>,
    /// The time since 1970 that WASI's clocks show during the whole call.
    pub clock: Duration,
}

impl Options {
    /// Sets the maximum fuel of a call. A WebAssembly instruction uses about one unit. Unlike its
    /// duration, the fuel that a call uses is the same on every machine.
    #[must_use]
    pub fn fuel(self, fuel: u64) -> Self {
        Self { fuel, ..self }
    }

    /// Sets the maximum memory of a call, in bytes.
    #[must_use]
    pub fn memory_bytes(self, memory_bytes: usize) -> Self {
        Self { memory_bytes, ..self }
    }

    /// Sets the maximum duration of a call, which is checked every 10 ms, or `None` if only fuel
    /// limits the call.
    #[must_use]
    pub fn call_time(self, call_time: impl Into<Option<Duration>>) -> Self {
        Self { call_time: call_time.into(), ..self }
    }

    /// Sets the time since 1970 that WASI's clocks show during each call.
    #[must_use]
    pub fn clock(self, clock: Duration) -> Self {
        Self { clock, ..self }
    }
}

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
    /// Compiles a component, or loads it from the cache of compiled code, and reads its names.
    /// Compiling a component of 10 MB takes seconds.
    ///
    /// # Errors
    ///
    /// [`Error::NotAMutator`] if the bytes are not a component of the world `mutator`, or if the
    /// component is too large or has too many mutators; the errors of [`apply`](Self::apply) if it
    /// does not return the names of its mutators.
    pub fn load(component: &[u8], options: Options) -> Result<Self, Error> {
        if component.len() > MAX_COMPONENT_BYTES {
            let actual = component.len();
            return Err(Error::NotAMutator(format!(
                "the component is {actual} bytes long; the maximum is {MAX_COMPONENT_BYTES}"
            )));
        }
        let guest = Guest::load(component, options)?;
        let names = guest.names()?;
        if names.len() > MAX_NAMES {
            let actual = names.len();
            return Err(Error::NotAMutator(format!("the component has {actual} mutators; the maximum is {MAX_NAMES}")));
        }
        Ok(Self { guest, names })
    }

    /// Returns the names of all mutators, in the component's order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Runs a mutator, and commits its writes to the document as one event. Returns the name of the
    /// event, or `None` if there were no writes.
    ///
    /// Creates an instance of the component, which takes tens of microseconds in addition to the
    /// mutator's own work.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownMutator`]; [`Error::InvalidArguments`], [`Error::Rejected`] and
    /// [`Error::Failed`] as the mutator returns them; [`Error::OutOfFuel`], [`Error::OutOfMemory`],
    /// [`Error::OutOfTime`] and [`Error::Trap`]; [`Error::Document`] if the document does not
    /// accept the writes. On an error nothing is committed.
    pub fn apply(&self, doc: &Doc, call: &Call) -> Result<Option<EventId>, Error> {
        Ok(doc.commit_transaction(self.run(doc.begin()?, call)?)?)
    }

    /// Runs a mutator in a transaction, and returns the transaction with the mutator's writes. The
    /// caller can write more in the same event, or drop the transaction to show what the call would
    /// change.
    ///
    /// # Errors
    ///
    /// Those of [`apply`](Self::apply). The transaction is dropped then, with all its writes.
    pub fn run(&self, transaction: Transaction, call: &Call) -> Result<Transaction, Error> {
        let unknown = || Error::UnknownMutator { name: call.name.clone(), known: self.names.clone() };
        if !self.names.contains(&call.name) {
            return Err(unknown());
        }
        self.guest.apply(transaction, call).map_err(|error| match error {
            // The component returned the name, but has no mutator of this name.
            Error::UnknownMutator { .. } => unknown(),
            error => error,
        })
    }
}

impl fmt::Debug for Mutators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutators").field("names", &self.names).finish_non_exhaustive()
    }
}

/// Why a mutator could not be loaded, or why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not a component that implements the world `mutator`. The text says why.
    #[error("this is not a mutator: {0}")]
    NotAMutator(String),
    /// No mutator has this name.
    #[error("no mutator is named {name:?}; the component has {}", .known.join(", "))]
    UnknownMutator {
        /// The name that was called.
        name: String,
        /// The names of all mutators.
        known: Vec<String>,
    },
    /// The arguments have the wrong number or types. The text says what was expected.
    #[error("{0}")]
    InvalidArguments(String),
    /// The application's rules reject the call. The text is shown to the user.
    #[error("{0}")]
    Rejected(String),
    /// A read or write of the transaction failed, and the mutator returned the error.
    #[error(transparent)]
    Failed(crate::Error),
    /// The document does not accept the writes, or its instance is gone.
    #[error(transparent)]
    Document(#[from] crate::Error),
    /// The call used more than this amount of fuel.
    #[error("the mutator used more than its {0} units of fuel")]
    OutOfFuel(u64),
    /// The call needed more than this number of bytes of memory.
    #[error("the mutator needed more than its {0} bytes of memory")]
    OutOfMemory(usize),
    /// The call took longer than this duration.
    #[error("the mutator took longer than its maximum of {0:?}")]
    OutOfTime(Duration),
    /// The mutator stopped in the middle of the call: it trapped, or called a function that waits.
    #[error("the mutator stopped in the middle of the call{}{stderr}", if .stderr.is_empty() { "" } else { ": " })]
    Trap {
        /// The beginning of what the mutator wrote to standard error.
        stderr: String,
        /// The trap.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Returns a short name of the kind of error, as servers record it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAMutator(_) => "not-a-mutator",
            Self::UnknownMutator { .. } => "unknown-mutator",
            Self::InvalidArguments(_) => "invalid-arguments",
            Self::Rejected(_) => "rejected",
            Self::Failed(_) | Self::Document(_) => "failed",
            Self::OutOfFuel(_) => "out-of-fuel",
            Self::OutOfMemory(_) => "out-of-memory",
            Self::OutOfTime(_) => "out-of-time",
            Self::Trap { .. } => "stopped",
        }
    }
}
