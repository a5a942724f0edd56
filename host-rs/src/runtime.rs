//! What all instances of a process share: the compiled components, and the clock that bounds their
//! calls.
//!
//! Knows no documents. The engine is compiled on first use, in some hundred milliseconds, and kept
//! on disk by wasmtime's cache, so that the next process loads it in one or two milliseconds.

use crate::{COMPONENT, Error, contract};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;
use wasmtime::component::{self, Linker};
use wasmtime::{Cache, CacheConfig, Config, Engine, ResourceLimiter, Store, Trap};

/// How often running calls check the time.
const TICK: Duration = Duration::from_millis(10);

/// The compiler of components, and the clock of their instances.
struct Runtime {
    linker: Linker<Limits>,
    ticker: Arc<Ticker>,
}

/// A compiled WebAssembly component that implements the contract: the engine, or a component in
/// front of it that was composed with the engine, such as the guard in `examples/guard` of the
/// sources. A clone is the same component.
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
    compiled: contract::ConvergePre<Limits>,
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
    /// Its instances are bounded in memory and time like those of the engine. The memory that its
    /// results take in this process is not bounded: load only components that are trusted.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] if the bytes are not a component that imports nothing and exports the
    /// contract's interfaces, or if this machine cannot run WebAssembly.
    pub fn new(bytes: &[u8]) -> Result<Self, Error> {
        let Runtime { linker, ticker } = Runtime::get()?;
        let compiled = component::Component::new(linker.engine(), bytes);
        let compiled = compiled.and_then(|component| linker.instantiate_pre(&component));
        let compiled = compiled.and_then(contract::ConvergePre::new);
        Ok(Self { compiled: compiled.map_err(|error| Error::Start(format!("{error:#}")))?, ticker })
    }

    /// Returns the engine.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] if this machine cannot run WebAssembly; every call then fails with the same
    /// error.
    pub(crate) fn engine() -> Result<&'static Self, Error> {
        static ENGINE: OnceLock<Result<Component, String>> = OnceLock::new();
        let engine = ENGINE.get_or_init(|| Self::new(COMPONENT).map_err(|error| error.to_string()));
        engine.as_ref().map_err(|error| Error::Start(error.clone()))
    }

    /// Creates an instance whose memory never exceeds `memory_bytes` and whose start takes no
    /// longer than `time`.
    pub(crate) fn instantiate(
        &self,
        memory_bytes: usize,
        time: &TimeLimit,
    ) -> wasmtime::Result<(Store<Limits>, contract::Converge)> {
        let mut store = Store::new(self.compiled.engine(), Limits::new(memory_bytes));
        store.limiter(|limits| limits);
        // The component is trusted, and its bounded memory also bounds what it can return from one
        // call.
        store.set_hostcall_fuel(usize::MAX);
        store.set_epoch_deadline(time.ticks);
        match self.compiled.instantiate(&mut store) {
            Ok(bindings) => Ok((store, bindings)),
            Err(_) if store.data().was_refused => Err(MemoryRefused.into()),
            Err(error) => Err(error),
        }
    }

    /// Returns a bound on the time of each call, which is in force until it is dropped. `None` does
    /// not bound.
    pub(crate) fn time_limit(&self, call_time: Option<Duration>) -> TimeLimit {
        self.ticker.limit(call_time)
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component").finish_non_exhaustive()
    }
}

/// Returns how components are compiled and run.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true).concurrency_support(false);
    // A memory reserves 4 GiB of addresses, so that the code needs no bounds checks, and never
    // more: it cannot grow larger.
    config.memory_reservation_for_growth(0).guard_before_linear_memory(false);
    // Without a writable folder, each process compiles the engine.
    config.cache(Cache::new(CacheConfig::new()).ok());
    config
}

/// A bound on the time of each call of an instance. While there is one, the ticker runs.
pub(crate) struct TimeLimit {
    /// The number of ticks that a call may take.
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

/// A thread that increments the engine's epoch while the time of some instance is bounded, and
/// sleeps otherwise.
pub(crate) struct Ticker {
    instances: Mutex<usize>,
    changed: Condvar,
}

impl Ticker {
    pub(crate) fn start(engine: Engine) -> std::io::Result<Arc<Self>> {
        let ticker = Arc::new(Self { instances: Mutex::new(0), changed: Condvar::new() });
        let of_thread = ticker.clone();
        thread::Builder::new().name("converge-ticker".to_owned()).spawn(move || {
            loop {
                of_thread.wait_for_instances();
                thread::sleep(TICK);
                engine.increment_epoch();
            }
        })?;
        Ok(ticker)
    }

    /// Returns a bound on the time of each call, which is in force until it is dropped. `None` does
    /// not bound.
    pub(crate) fn limit(self: &Arc<Self>, call_time: Option<Duration>) -> TimeLimit {
        let Some(call_time) = call_time else {
            // Never reached, and far from overflowing when it is added to the current epoch.
            return TimeLimit { ticks: u64::MAX / 2, ticker: None };
        };
        let ticks = call_time.as_nanos().div_ceil(TICK.as_nanos());
        // The first tick can come immediately.
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

/// The bounds of one instance. wasmtime consults them before memories and tables grow.
pub(crate) struct Limits {
    memory_bytes: usize,
    /// The memory that the instance has. It never shrinks.
    pub(crate) grown_bytes: usize,
    /// Whether a request for more was refused. The engine makes such requests to reserve memory,
    /// and then fails the call without changes. If it needs the memory for an argument or a result,
    /// the call ends in a trap.
    pub(crate) was_refused: bool,
}

impl Limits {
    pub(crate) fn new(memory_bytes: usize) -> Self {
        Self { memory_bytes, grown_bytes: 0, was_refused: false }
    }

    /// Grows by this many bytes, or returns false.
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

/// The instance's memory would exceed its bound.
#[derive(Debug, thiserror::Error)]
#[error("the instance's memory is used up")]
pub(crate) struct MemoryRefused;

impl Error {
    /// Says why an instance did not start. A failure that is neither a trap nor a bound of the
    /// instance is the system's.
    pub(crate) fn from_start(error: wasmtime::Error) -> Self {
        if error.is::<MemoryRefused>() || error.is::<Trap>() {
            return Self::from_trap(error, false);
        }
        Self::NoRoom(error.root_cause().to_string())
    }

    /// Says why a call failed in WebAssembly. `was_refused` means that a request for memory was
    /// refused before.
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
