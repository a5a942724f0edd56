//! A document as a benchmark uses it, natively and in wasmtime, each through its own types.

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

    fn memory_bytes(&self, _allocated: usize) -> usize {
        self.0.instance().memory_bytes()
    }
}
