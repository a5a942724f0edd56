//! What all instances of a process share: the compiled components, and the clock that bounds their calls.
//!
//! Knows no documents. The engine is compiled at the first use, in some hundred milliseconds, and kept on disk by
//! wasmtime's cache, so that the next process loads it in one or two.

use crate::{COMPONENT, Error, contract};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;
use wasmtime::component::{self, Linker};
use wasmtime::{Cache, CacheConfig, Config, Engine, ResourceLimiter, Store};

/// How often running calls look at the clock.
const TICK: Duration = Duration::from_millis(10);

/// Where components are compiled and run.
struct Runtime {
    linker: Linker<Limits>,
    ticker: Arc<Ticker>,
}

/// A component that does what the contract says: the engine, or one that was composed with it and stands before it, such as the
/// guard in the sources' `examples/guard`. A clone is the same component.
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
    /// The one of this process.
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
    /// Compiles a component, or loads it from the cache of compiled code. Its instances are bounded in memory and time as those of
    /// the engine are; what its answers take of this process is not, so it must be one that is trusted.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] where the bytes are none that imports nothing and exports what the contract says, and where this machine
    /// cannot run WebAssembly.
    pub fn new(bytes: &[u8]) -> Result<Self, Error> {
        let Runtime { linker, ticker } = Runtime::get()?;
        let compiled = component::Component::new(linker.engine(), bytes);
        let compiled = compiled.and_then(|component| linker.instantiate_pre(&component));
        let compiled = compiled.and_then(contract::ConvergePre::new);
        Ok(Self { compiled: compiled.map_err(|error| Error::Start(format!("{error:#}")))?, ticker })
    }

    /// The engine.
    ///
    /// # Errors
    ///
    /// Where this machine cannot run WebAssembly; it is then the same error each time.
    pub(crate) fn engine() -> Result<&'static Self, Error> {
        static ENGINE: OnceLock<Result<Component, String>> = OnceLock::new();
        let engine = ENGINE.get_or_init(|| Self::new(COMPONENT).map_err(|error| error.to_string()));
        engine.as_ref().map_err(|error| Error::Start(error.clone()))
    }

    /// A new instance, whose memory never exceeds `memory_bytes` and whose start takes no longer than the limit says.
    pub(crate) fn instantiate(
        &self,
        memory_bytes: usize,
        time: &TimeLimit,
    ) -> wasmtime::Result<(Store<Limits>, contract::Converge)> {
        let mut store = Store::new(self.compiled.engine(), Limits::new(memory_bytes));
        store.limiter(|limits| limits);
        // The component is trusted and its memory is bounded: that bounds what it can hand over in one call, too.
        store.set_hostcall_fuel(usize::MAX);
        store.set_epoch_deadline(time.ticks);
        match self.compiled.instantiate(&mut store) {
            Ok(bindings) => Ok((store, bindings)),
            Err(_) if store.data().was_refused => Err(MemoryRefused.into()),
            Err(error) => Err(error),
        }
    }

    /// A bound on the time of each call, for as long as it is kept. `None` does not bound.
    pub(crate) fn time_limit(&self, call_time: Option<Duration>) -> TimeLimit {
        self.ticker.limit(call_time)
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component").finish_non_exhaustive()
    }
}

/// How components are compiled and run here.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true).concurrency_support(false);
    // A memory reserves 4 GiB of addresses, so that the code needs no checks of bounds, and never more: it cannot grow beyond.
    config.memory_reservation_for_growth(0).guard_before_linear_memory(false);
    // Without a folder that can be written, each process compiles.
    config.cache(Cache::new(CacheConfig::new()).ok());
    config
}

/// A bound on the time of each call of an instance. While there is one, the ticker runs.
pub(crate) struct TimeLimit {
    /// The ticks that a call may see.
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

/// A thread that moves the engine's epoch on while some instance's time is bounded, and sleeps otherwise.
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

    /// A bound on the time of each call, for as long as it is kept. `None` does not bound.
    pub(crate) fn limit(self: &Arc<Self>, call_time: Option<Duration>) -> TimeLimit {
        let Some(call_time) = call_time else {
            // Far beyond what ticks in a lifetime, and far from overflowing when it is added to the ticks so far.
            return TimeLimit { ticks: u64::MAX / 2, ticker: None };
        };
        let ticks = call_time.as_nanos().div_ceil(TICK.as_nanos());
        // The first tick may come at once.
        let ticks = u64::try_from(ticks).unwrap_or(u64::MAX / 2).min(u64::MAX / 2) + 1;
        self.count(|instances| *instances += 1);
        TimeLimit { ticks, ticker: Some(self.clone()) }
    }

    fn count(&self, change: impl FnOnce(&mut usize)) {
        // A count stays a count, whatever happened to who held the lock.
        change(&mut self.instances.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }

    fn wait_for_instances(&self) {
        let instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(instances, |instances| *instances == 0));
    }
}

/// The bounds of one instance, asked by wasmtime before its memories and tables grow.
pub(crate) struct Limits {
    memory_bytes: usize,
    /// What the instance has of that. It never shrinks.
    pub(crate) grown_bytes: usize,
    /// Whether more was asked for. The engine does so to find out whether there is more, and refuses a call where there is
    /// not; but where it needs it for an argument or an answer, the call ends in a trap.
    pub(crate) was_refused: bool,
}

impl Limits {
    pub(crate) fn new(memory_bytes: usize) -> Self {
        Self { memory_bytes, grown_bytes: 0, was_refused: false }
    }

    /// Whether there may be so many bytes more.
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

/// The instance's memory would have grown beyond its bound.
#[derive(Debug, thiserror::Error)]
#[error("the instance's memory is used up")]
pub(crate) struct MemoryRefused;

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
