//! The compiled components and the clock that limits the time of calls, which all instances of a
//! process share. This module does not depend on documents.
//!
//! The engine is compiled on first use, which takes some hundred milliseconds. wasmtime's cache
//! keeps the compiled code on disk, so that the next process loads it in one or two milliseconds.

use super::bindings;
use crate::{COMPONENT, Error};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;
use wasmtime::component::{self, Linker};
use wasmtime::{Cache, CacheConfig, Config, Engine, ResourceLimiter, Store, Trap};

/// The interval at which running calls check the time.
const TICK: Duration = Duration::from_millis(10);

/// The linker of components, and the clock of their instances.
struct Runtime {
    linker: Linker<Limits>,
    ticker: Arc<Ticker>,
}

/// A compiled WebAssembly component that implements the contract: the engine, or a composition of
/// the engine with a component in front of it, such as the guard in `examples/guard` of the
/// sources. A clone refers to the same component.
///
/// ```
/// use converge::{COMPONENT, Component, Instance, InstanceOptions};
///
/// let component = Component::new(COMPONENT)?; // or the bytes of another one
/// let doc = Instance::of(&component, InstanceOptions::default())?.doc("ann")?;
/// # Ok::<(), converge::Error>(())
/// ```
#[derive(Clone)]
pub struct Component {
    compiled: bindings::ConvergePre<Limits>,
    ticker: &'static Arc<Ticker>,
}

impl Runtime {
    /// Returns the runtime of this process.
    fn get() -> Result<&'static Self, Error> {
        static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
        let runtime = RUNTIME.get_or_init(|| Self::new().map_err(|error| format!("{error:#}")));
        runtime.as_ref().map_err(|error| Error::Start(error.clone()))
    }

    fn new() -> wasmtime::Result<Self> {
        let engine = Engine::new(&config())?;
        Ok(Self { linker: Linker::new(&engine), ticker: Ticker::start(engine)? })
    }
}

impl Component {
    /// Compiles a component, or loads it from the cache of compiled code. Compiling takes some
    /// hundred milliseconds for a component of the engine's size.
    ///
    /// The memory and the time of its instances are limited like those of the engine. The memory
    /// that the results of its calls take in this process is not limited, so load only components
    /// that are trusted.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] if the bytes are not a component that imports nothing and exports the
    /// contract's interfaces, or if this machine cannot run WebAssembly.
    pub fn new(bytes: &[u8]) -> Result<Self, Error> {
        let Runtime { linker, ticker } = Runtime::get()?;
        let compiled = component::Component::new(linker.engine(), bytes);
        let compiled = compiled.and_then(|component| linker.instantiate_pre(&component));
        let compiled = compiled.and_then(bindings::ConvergePre::new);
        Ok(Self { compiled: compiled.map_err(|error| Error::Start(format!("{error:#}")))?, ticker })
    }

    /// Returns the compiled engine. The first call in a process compiles it, or loads it from the
    /// cache of compiled code.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] if this machine cannot run WebAssembly. Later calls return the same error.
    pub(crate) fn engine() -> Result<&'static Self, Error> {
        static ENGINE: OnceLock<Result<Component, String>> = OnceLock::new();
        let engine = ENGINE.get_or_init(|| Self::new(COMPONENT).map_err(|error| error.to_string()));
        engine.as_ref().map_err(|error| Error::Start(error.clone()))
    }

    /// Creates an instance with at most `memory_bytes` of memory. The start of the instance takes
    /// no longer than `time`.
    pub(crate) fn instantiate(
        &self,
        memory_bytes: usize,
        time: &TimeLimit,
    ) -> wasmtime::Result<(Store<Limits>, bindings::Converge)> {
        let mut store = Store::new(self.compiled.engine(), Limits::new(memory_bytes));
        store.limiter(|limits| limits);
        // The component is trusted, and the limit on its memory also limits the size of its
        // results.
        store.set_hostcall_fuel(usize::MAX);
        store.set_epoch_deadline(time.ticks);
        match self.compiled.instantiate(&mut store) {
            Ok(bindings) => Ok((store, bindings)),
            Err(_) if store.data().was_refused => Err(MemoryRefused.into()),
            Err(error) => Err(error),
        }
    }

    /// Returns a limit on the time of each call, which is in effect until it is dropped. With
    /// `None` the time is not limited.
    pub(crate) fn time_limit(&self, call_time: Option<Duration>) -> TimeLimit {
        self.ticker.limit(call_time)
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component").finish_non_exhaustive()
    }
}

/// Returns the configuration for compiling and running components.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true).concurrency_support(false);
    // A memory reserves 4 GiB of address space, so that the code needs no bounds checks. It cannot
    // grow larger, so it reserves nothing for growth.
    config.memory_reservation_for_growth(0).guard_before_linear_memory(false);
    // If there is no writable folder for the cache, each process compiles the engine.
    config.cache(Cache::new(CacheConfig::new()).ok());
    config
}

/// A limit on the time of each call of an instance. The ticker runs while a limit exists.
pub(crate) struct TimeLimit {
    /// The maximum number of ticks of a call.
    pub(crate) ticks: u64,
    ticker: Option<Arc<Ticker>>,
}

impl Drop for TimeLimit {
    fn drop(&mut self) {
        if let Some(ticker) = &self.ticker {
            ticker.count(|instances| *instances -= 1);
        }
    }
}

/// A thread that increments the engine's epoch while the time of any instance is limited, and
/// sleeps otherwise.
pub(crate) struct Ticker {
    instances: Mutex<usize>,
    changed: Condvar,
}

impl Ticker {
    pub(crate) fn start(engine: Engine) -> std::io::Result<Arc<Self>> {
        let ticker = Arc::new(Self { instances: Mutex::new(0), changed: Condvar::new() });
        let thread_ticker = ticker.clone();
        thread::Builder::new().name("converge-ticker".to_owned()).spawn(move || {
            loop {
                thread_ticker.wait_for_instances();
                thread::sleep(TICK);
                engine.increment_epoch();
            }
        })?;
        Ok(ticker)
    }

    /// Returns a limit on the time of each call, which is in effect until it is dropped. With
    /// `None` the time is not limited.
    pub(crate) fn limit(self: &Arc<Self>, call_time: Option<Duration>) -> TimeLimit {
        let Some(call_time) = call_time else {
            // A count that is never reached, and that does not overflow when it is added to the
            // current epoch.
            return TimeLimit { ticks: u64::MAX / 2, ticker: None };
        };
        let ticks = call_time.as_nanos().div_ceil(TICK.as_nanos());
        // One more, because the first tick can come immediately.
        let ticks = u64::try_from(ticks).unwrap_or(u64::MAX / 2).min(u64::MAX / 2) + 1;
        self.count(|instances| *instances += 1);
        TimeLimit { ticks, ticker: Some(self.clone()) }
    }

    fn count(&self, change: impl FnOnce(&mut usize)) {
        // The count is valid even if a thread panicked while it held the lock.
        change(&mut self.instances.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }

    fn wait_for_instances(&self) {
        let instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(instances, |instances| *instances == 0));
    }
}

/// The memory limit of one instance. wasmtime checks it before memories and tables grow.
pub(crate) struct Limits {
    memory_bytes: usize,
    /// The memory of the instance in bytes. It never shrinks.
    pub(crate) grown_bytes: usize,
    /// Whether a request for more memory was refused during the current call. The engine reserves
    /// memory before it changes anything; if that is refused, the call fails and changes nothing.
    /// If memory for an argument or a result is refused, the call traps.
    pub(crate) was_refused: bool,
}

impl Limits {
    pub(crate) fn new(memory_bytes: usize) -> Self {
        Self { memory_bytes, grown_bytes: 0, was_refused: false }
    }

    /// Adds `more_bytes` to the memory, or returns false if the limit does not allow it.
    fn grow(&mut self, more_bytes: usize) -> bool {
        let grown_bytes = self.grown_bytes.saturating_add(more_bytes);
        self.was_refused |= grown_bytes > self.memory_bytes;
        if grown_bytes > self.memory_bytes {
            return false;
        }
        self.grown_bytes = grown_bytes;
        true
    }
}

/// The memory of an instance would exceed its limit.
#[derive(Debug, thiserror::Error)]
#[error("the memory of the instance would exceed its limit")]
pub(crate) struct MemoryRefused;

impl Error {
    /// Converts the error of an instance that did not start. An error that is neither a trap nor a
    /// refused request for memory comes from the operating system.
    pub(crate) fn from_start(error: wasmtime::Error) -> Self {
        if error.is::<MemoryRefused>() || error.is::<Trap>() {
            return Self::from_trap(error, false);
        }
        Self::NoRoom(error.root_cause().to_string())
    }

    /// Converts the error of a call that failed in WebAssembly. `was_refused` states whether a
    /// request for memory was refused during the call.
    pub(crate) fn from_trap(error: wasmtime::Error, was_refused: bool) -> Self {
        if error.is::<MemoryRefused>() {
            return Self::OutOfMemory;
        }
        match error.downcast_ref() {
            Some(Trap::UnreachableCodeReached) if was_refused => Self::OutOfMemory,
            Some(Trap::Interrupt) => Self::OutOfTime,
            _ => Self::Trap(error.into_boxed_dyn_error()),
        }
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current)))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.was_refused = true;
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current).saturating_mul(size_of::<usize>())))
    }
}
