//! Runs the component of a mutator, with a new instance for each call.
//!
//! Invariant: an instance can use only the transaction that it was handed, and is dropped at the
//! end of its call.

use super::{Call, Error, Options};
use crate::Transaction;
use crate::backend::component::mutator::types::{self, Cell, Page, RowId, ScanOptions};
use crate::backend::component::mutator::{Host, HostTransaction, MutationError, Mutator, MutatorPre, answer};
use crate::backend::component::runtime::{Limits, MemoryRefused, Ticker, config};
use crate::backend::{Convert, list};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use wasmtime::component::{Component, HasSelf, Linker, Resource, ResourceTable};
use wasmtime::{Engine, Store, Trap};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::random::Deterministic;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};

/// The maximum number of bytes of a guest's standard error that are kept.
const MAX_STDERR_BYTES: usize = 4 << 10;

/// The bytes that guests read as random numbers, repeated.
const RANDOM: [u8; 16] = *b"converge-mutator";

/// The maximum number of resources of a guest: those of WASI, and its transaction.
const MAX_RESOURCES: usize = 1024;

/// The maximum number of random bytes that a guest can read with one call.
const MAX_RANDOM_BYTES: u64 = 1 << 20;

/// The interface of WASI with the functions that block. The linker uses it for every version of
/// WASI 0.2.
const POLL: &str = "wasi:io/poll@0.2.12";

/// The linker, and the clock that limits the time of calls, which all mutators of a process share.
struct Shared {
    linker: Linker<State>,
    ticker: Arc<Ticker>,
}

impl Shared {
    /// Returns the only value of this process.
    fn get() -> Result<&'static Self, crate::Error> {
        static SHARED: OnceLock<Result<Shared, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::new().map_err(|error| format!("{error:#}")));
        shared.as_ref().map_err(|error| crate::Error::Start(error.clone()))
    }

    fn new() -> wasmtime::Result<Self> {
        let engine = Engine::new(config().consume_fuel(true))?;
        let mut linker = Linker::<State>::new(&engine);
        Mutator::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        // A guest that blocks waits in the host, where neither fuel nor time can end its call.
        linker.allow_shadowing(true);
        let mut poll = linker.instance(POLL)?;
        poll.func_new("poll", |_, _, _, _| Err(Waits.into()))?;
        poll.func_new("[method]pollable.block", |_, _, _, _| Err(Waits.into()))?;
        Ok(Self { linker, ticker: Ticker::start(engine)? })
    }
}

/// A guest tried to wait.
#[derive(Debug, thiserror::Error)]
#[error("a mutator cannot wait")]
struct Waits;

/// A compiled component that is a mutator.
pub(super) struct Guest {
    component: MutatorPre<State>,
    ticker: &'static Arc<Ticker>,
    options: Options,
}

impl Guest {
    pub(super) fn load(component: &[u8], options: Options) -> Result<Self, Error> {
        let Shared { linker, ticker } = Shared::get()?;
        let not_a_mutator = |error: wasmtime::Error| Error::NotAMutator(format!("{error:#}"));
        let component = Component::new(linker.engine(), component).map_err(not_a_mutator)?;
        let component = linker.instantiate_pre(&component).and_then(MutatorPre::new).map_err(not_a_mutator)?;
        Ok(Self { component, ticker, options })
    }

    pub(super) fn names(&self) -> Result<Vec<String>, Error> {
        self.call(|store, mutator| mutator.converge_sync_mutators().call_names(store))
    }

    /// Runs a mutator in a new instance, which borrows the transaction. Returns the transaction
    /// with the buffered writes.
    pub(super) fn apply(&self, transaction: Transaction, call: &Call) -> Result<Transaction, Error> {
        let guest_call = call.clone().convert();
        let applied = self.call(|store, mutator| {
            let transaction = store.data_mut().table.push(transaction)?;
            let lent = Resource::new_borrow(transaction.rep());
            let applied = mutator.converge_sync_mutators().call_apply(&mut *store, lent, &guest_call)?;
            let transaction = store.data_mut().table.delete(transaction)?;
            Ok(applied.map(|()| transaction))
        })?;
        applied.map_err(|error| match error {
            MutationError::UnknownMutator => Error::UnknownMutator { name: call.name.clone(), known: Vec::new() },
            MutationError::InvalidArguments(expected) => Error::InvalidArguments(expected),
            MutationError::Rejected(why) => Error::Rejected(why),
            MutationError::Failed(error) => Error::Failed(error.convert()),
        })
    }

    /// Creates an instance and makes one call to it.
    fn call<T>(&self, call: impl FnOnce(&mut Store<State>, &Mutator) -> wasmtime::Result<T>) -> Result<T, Error> {
        let Options { fuel, memory_bytes, call_time, .. } = self.options;
        let time = self.ticker.limit(call_time);
        let mut store = Store::new(self.component.engine(), State::new(self.options));
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(time.ticks);
        let called = store
            .set_fuel(fuel)
            .and_then(|()| self.component.instantiate(&mut store))
            .and_then(|mutator| call(&mut store, &mutator));
        called.map_err(|error| {
            let state = store.data();
            let error = match error.downcast::<crate::Error>() {
                Ok(error) => return Error::Document(error),
                Err(error) => error,
            };
            match error.downcast_ref() {
                Some(Trap::OutOfFuel) => Error::OutOfFuel(fuel),
                Some(Trap::Interrupt) => Error::OutOfTime(call_time.unwrap_or_default()),
                _ if state.limits.was_refused || error.is::<MemoryRefused>() => Error::OutOfMemory(memory_bytes),
                _ => {
                    let stderr = String::from_utf8_lossy(&state.stderr.contents()).trim_end().to_owned();
                    Error::Trap { stderr, source: error.into_boxed_dyn_error() }
                }
            }
        })
    }
}

/// The data of an instance: its memory limit, its resources, and its WASI context.
struct State {
    limits: Limits,
    table: ResourceTable,
    wasi: WasiCtx,
    stderr: MemoryOutputPipe,
}

impl State {
    fn new(options: Options) -> Self {
        let stderr = MemoryOutputPipe::new(MAX_STDERR_BYTES);
        let wasi = WasiCtx::builder()
            .stderr(stderr.clone())
            .wall_clock(Stopped(options.clock))
            .monotonic_clock(Stopped(options.clock))
            .secure_random(Deterministic::new(RANDOM.to_vec()))
            .insecure_random(Deterministic::new(RANDOM.to_vec()))
            .insecure_random_seed(u128::from_le_bytes(RANDOM))
            .max_random_size(MAX_RANDOM_BYTES)
            .allow_tcp(false)
            .allow_udp(false)
            .build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        Self { limits: Limits::new(options.memory_bytes), table, wasi, stderr }
    }

    /// Returns the transaction of a resource.
    fn transaction(&self, transaction: &Resource<Transaction>) -> wasmtime::Result<&Transaction> {
        Ok(self.table.get(transaction)?)
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl Host for State {}

impl HostTransaction for State {
    fn get(
        &mut self,
        transaction: Resource<Transaction>,
        table: String,
        row: String,
    ) -> wasmtime::Result<Option<Vec<Cell>>> {
        Ok(self.transaction(&transaction)?.get(&table, &row)?.convert())
    }

    fn scan(
        &mut self,
        transaction: Resource<Transaction>,
        table: String,
        options: ScanOptions,
    ) -> wasmtime::Result<Result<Page, types::Error>> {
        answer(self.transaction(&transaction)?.scan(&table, &options.convert()))
    }

    fn insert(
        &mut self,
        transaction: Resource<Transaction>,
        table: String,
        row: String,
        cells: Vec<Cell>,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        answer(self.transaction(&transaction)?.insert(&table, &row, list::<_, crate::Cell>(cells)))
    }

    fn update(
        &mut self,
        transaction: Resource<Transaction>,
        table: String,
        row: String,
        cells: Vec<Cell>,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        answer(self.transaction(&transaction)?.update(&table, &row, list::<_, crate::Cell>(cells)))
    }

    fn delete(
        &mut self,
        transaction: Resource<Transaction>,
        table: String,
        row: String,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        answer(self.transaction(&transaction)?.delete(&table, &row))
    }

    fn unset(
        &mut self,
        transaction: Resource<Transaction>,
        table: String,
        row: String,
        columns: Vec<String>,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        answer(self.transaction(&transaction)?.unset(&table, &row, columns))
    }

    fn splice(
        &mut self,
        transaction: Resource<Transaction>,
        table: String,
        row: String,
        column: String,
        at: u32,
        remove: u32,
        insert: String,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        answer(self.transaction(&transaction)?.splice(&table, &row, &column, at, remove, &insert))
    }

    fn add(
        &mut self,
        transaction: Resource<Transaction>,
        table: String,
        row: String,
        column: String,
        amount: i64,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        answer(self.transaction(&transaction)?.add(&table, &row, &column, amount))
    }

    fn touched(&mut self, transaction: Resource<Transaction>) -> wasmtime::Result<Vec<RowId>> {
        Ok(list(self.transaction(&transaction)?.touched()?))
    }

    fn drop(&mut self, transaction: Resource<Transaction>) -> wasmtime::Result<()> {
        self.table.delete(transaction)?;
        Ok(())
    }
}

/// A clock that always shows the same time since 1970.
struct Stopped(Duration);

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

impl HostMonotonicClock for Stopped {
    fn resolution(&self) -> u64 {
        1_000_000_000
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX)
    }
}
