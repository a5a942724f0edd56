//! Operations as callers give and get them: with names and owned values.

use super::ValueRef;

/// The content of a cell: SQLite's storage classes, and booleans.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A floating-point number. -0.0 and the infinities are kept; every NaN becomes the canonical quiet one on the way
    /// in.
    Real(f64),
    /// A text, kept byte for byte.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// The bits of the one NaN that documents hold.
pub(super) const CANONICAL_NAN: u64 = 0x7ff8_0000_0000_0000;

/// The bits of a real as documents hold it.
fn canonical_bits(real: f64) -> u64 {
    if real.is_nan() { CANONICAL_NAN } else { real.to_bits() }
}

/// Equal where documents hold the same bytes: NaN equals NaN, and 0.0 differs from -0.0.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Value {}

/// A named cell of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The column's name.
    pub column: String,
    /// What it holds.
    pub value: Value,
}

impl Cell {
    /// A cell of this column with this value.
    pub fn new(column: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { column: column.into(), value: value.into() }
    }
}

/// One operation on one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowOp {
    /// Creates the row with these cells; where the row exists, sets these cells and leaves the others.
    Insert {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
        /// The cells to set.
        cells: Vec<Cell>,
    },
    /// Sets these cells of the row; does nothing where, in the order of execution, the row is not there.
    Update {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
        /// The cells to set.
        cells: Vec<Cell>,
    },
    /// Removes the row with all its cells; does nothing where, in the order of execution, the row is not there.
    Delete {
        /// The table's name.
        table: String,
        /// The row's id.
        row: String,
    },
}

/// The operations of one event, which take effect together, in this order.
pub type Commit = Vec<RowOp>;

impl RowOp {
    /// The table's name, the row's id and the cells that the operation sets.
    pub(crate) fn parts(&self) -> (&str, &str, &[Cell]) {
        match self {
            Self::Insert { table, row, cells } | Self::Update { table, row, cells } => (table, row, cells),
            Self::Delete { table, row } => (table, row, &[]),
        }
    }
}

/// What an operation or a cell counts for, beside its names and content, where sizes are limited.
pub(crate) const ITEM_BYTES: u64 = 8;

impl Cell {
    /// The size of the cell, as limits count it.
    pub(crate) fn bytes(&self) -> u64 {
        ITEM_BYTES + self.column.len() as u64 + self.value.as_ref().content_bytes()
    }
}

impl Value {
    /// The value as the log sees it.
    pub(crate) fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Boolean(boolean) => ValueRef::Boolean(*boolean),
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Real(real) => ValueRef::Real(canonical_bits(*real)),
            Self::Text(text) => ValueRef::Text(text),
            Self::Blob(blob) => ValueRef::Blob(blob),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}
