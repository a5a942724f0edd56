//! A document as a benchmark uses it, natively and in wasmtime, each through its own types.

use converge::EventRun;
use std::fmt::Debug;

/// One operation of the work, on the table `table`.
pub enum Op {
    /// A row of three cells.
    Insert { row: String, name: &'static str, number: i64, share: f64 },
    /// One cell.
    Update { row: String, number: i64 },
}

/// A document, by one way of running the engine.
pub trait Replica: Sized {
    type Error: Debug + std::error::Error;
    type Cells;

    fn create(peer: &str) -> Result<Self, Self::Error>;
    fn commit(&mut self, ops: Vec<Op>) -> Result<(), Self::Error>;
    fn get(&self, table: &str, row: &str) -> Result<Option<Self::Cells>, Self::Error>;
    /// How many rows a scan gave.
    fn scan(&self, table: &str) -> Result<usize, Self::Error>;
    fn digest(&self) -> Result<[u8; 32], Self::Error>;
    fn merge_from(&mut self, other: &Self) -> Result<(), Self::Error>;
    fn merge_events(&mut self, events: &[EventRun]) -> Result<(), Self::Error>;
    fn save(&self) -> Result<Vec<u8>, Self::Error>;
    fn load(saved: &[u8]) -> Result<Self, Self::Error>;
    /// The cells of one row of a saved document, as fast as can be.
    fn open(saved: &[u8], table: &str, row: &str) -> Result<Option<Self::Cells>, Self::Error>;
    /// What the document holds, given what the process allocated meanwhile.
    fn memory_bytes(&self, allocated: usize) -> usize;
}

pub struct Native(converge_engine::Doc);

impl Replica for Native {
    type Error = converge_engine::Error;
    type Cells = Vec<converge_engine::Cell>;

    fn create(peer: &str) -> Result<Self, Self::Error> {
        converge_engine::Doc::create(peer).map(Self)
    }

    fn commit(&mut self, ops: Vec<Op>) -> Result<(), Self::Error> {
        use converge_engine::{Cell, RowOp};
        let table = || String::from("table");
        let ops = ops.into_iter().map(|op| match op {
            Op::Insert { row, name, number, share } => RowOp::Insert {
                table: table(),
                row,
                cells: vec![Cell::new("name", name), Cell::new("number", number), Cell::new("share", share)],
            },
            Op::Update { row, number } => {
                RowOp::Update { table: table(), row, cells: vec![Cell::new("number", number)] }
            }
        });
        self.0.commit(ops.collect()).map(drop)
    }

    fn get(&self, table: &str, row: &str) -> Result<Option<Self::Cells>, Self::Error> {
        Ok(self.0.get(table, row))
    }

    fn scan(&self, table: &str) -> Result<usize, Self::Error> {
        Ok(self.0.scan(table, &converge_engine::ScanOptions::default())?.rows.len())
    }

    fn digest(&self) -> Result<[u8; 32], Self::Error> {
        Ok(self.0.digest())
    }

    fn merge_from(&mut self, other: &Self) -> Result<(), Self::Error> {
        let batch = other.0.events_since(&self.0.version(), u32::MAX)?;
        assert!(!batch.more);
        self.0.merge_events(batch.runs).map(drop)
    }

    fn merge_events(&mut self, events: &[EventRun]) -> Result<(), Self::Error> {
        self.0.merge_events(events.iter().map(native).collect()).map(drop)
    }

    fn save(&self) -> Result<Vec<u8>, Self::Error> {
        Ok(self.0.save())
    }

    fn load(saved: &[u8]) -> Result<Self, Self::Error> {
        converge_engine::Doc::load("ann", saved).map(Self)
    }

    fn open(saved: &[u8], table: &str, row: &str) -> Result<Option<Self::Cells>, Self::Error> {
        converge_engine::Doc::peek(saved, table, row)
    }

    fn memory_bytes(&self, allocated: usize) -> usize {
        allocated
    }
}

pub struct Wasmtime(converge::Doc);

impl Replica for Wasmtime {
    type Error = converge::Error;
    type Cells = Vec<converge::Cell>;

    fn create(peer: &str) -> Result<Self, Self::Error> {
        converge::Doc::create(peer).map(Self)
    }

    fn commit(&mut self, ops: Vec<Op>) -> Result<(), Self::Error> {
        use converge::{Cell, RowOp};
        let ops = ops.into_iter().map(|op| match op {
            Op::Insert { row, name, number, share } => {
                let cells = [Cell::new("name", name), Cell::new("number", number), Cell::new("share", share)];
                RowOp::insert("table", row, cells)
            }
            Op::Update { row, number } => RowOp::update("table", row, [Cell::new("number", number)]),
        });
        self.0.commit(ops.collect::<Vec<_>>()).map(drop)
    }

    fn get(&self, table: &str, row: &str) -> Result<Option<Self::Cells>, Self::Error> {
        self.0.get(table, row)
    }

    fn scan(&self, table: &str) -> Result<usize, Self::Error> {
        Ok(self.0.scan(table, &converge::ScanOptions::default())?.rows.len())
    }

    fn digest(&self) -> Result<[u8; 32], Self::Error> {
        Ok(self.0.digest()?.0)
    }

    fn merge_from(&mut self, other: &Self) -> Result<(), Self::Error> {
        let batch = other.0.events_since(&self.0.version()?, u32::MAX)?;
        assert!(!batch.more);
        self.0.merge_events(&batch.runs).map(drop)
    }

    fn merge_events(&mut self, events: &[EventRun]) -> Result<(), Self::Error> {
        self.0.merge_events(events).map(drop)
    }

    fn save(&self) -> Result<Vec<u8>, Self::Error> {
        self.0.save()
    }

    fn load(saved: &[u8]) -> Result<Self, Self::Error> {
        converge::Doc::load("ann", saved).map(Self)
    }

    fn open(saved: &[u8], table: &str, row: &str) -> Result<Option<Self::Cells>, Self::Error> {
        Self::load(saved)?.get(table, row)
    }

    fn memory_bytes(&self, _allocated: usize) -> usize {
        self.0.instance().memory_bytes()
    }
}

/// The same events in the engine's types.
pub fn native(run: &EventRun) -> converge_engine::EventRun {
    use converge_engine::{Cell, EventId, RowOp, Value};
    let cell = |cell: &converge::Cell| {
        let value = match &cell.value {
            converge::Value::Null => Value::Null,
            converge::Value::Boolean(boolean) => Value::Boolean(*boolean),
            converge::Value::Integer(integer) => Value::Integer(*integer),
            converge::Value::Real(real) => Value::Real(*real),
            converge::Value::Text(text) => Value::Text(text.clone()),
            converge::Value::Blob(blob) => Value::Blob(blob.clone()),
        };
        Cell { column: cell.column.clone(), value }
    };
    let op = |op: &converge::RowOp| match op.clone() {
        converge::RowOp::Insert(op) => {
            RowOp::Insert { table: op.table, row: op.row, cells: op.cells.iter().map(cell).collect() }
        }
        converge::RowOp::Update(op) => {
            RowOp::Update { table: op.table, row: op.row, cells: op.cells.iter().map(cell).collect() }
        }
        converge::RowOp::Delete(op) => RowOp::Delete { table: op.table, row: op.row },
    };
    converge_engine::EventRun {
        peer: run.peer.clone(),
        start: run.start,
        lamport: run.lamport,
        deps: run.deps.iter().map(|dep| EventId { peer: dep.peer.clone(), counter: dep.counter }).collect(),
        commits: run.commits.iter().map(|commit| commit.iter().map(op).collect()).collect(),
    }
}
