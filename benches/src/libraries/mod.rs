//! A table in each library, behind one trait. Each library is used as its documentation shows.

#[cfg(feature = "peers")]
mod automerge;
mod converge;
#[cfg(feature = "peers")]
mod loro;
pub mod text;
#[cfg(feature = "peers")]
mod yrs;

pub use self::converge::{Native, Wasmtime};
#[cfg(feature = "peers")]
pub use automerge::Automerge;
#[cfg(feature = "peers")]
pub use loro::{Loro, LoroPresence};
#[cfg(feature = "peers")]
pub use yrs::Yrs;

use std::collections::BTreeMap;
use std::ops::Range;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The text in every row.
pub const NAME: &str = "Alice";
/// The real in every row.
pub const SHARE: f64 = 1.5;

/// Returns the id of a row.
pub fn id(row: usize) -> String {
    format!("row{row}")
}

/// Sums of a table's content, to check that all libraries did the same work.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Contents {
    pub rows: usize,
    /// The size of the texts, in bytes.
    pub name_bytes: usize,
    pub number_sum: i64,
    pub share_sum: f64,
}

impl Contents {
    pub fn add(&mut self, (name, number, share): (&str, i64, f64)) {
        self.rows += 1;
        self.name_bytes += name.len();
        self.number_sum += number;
        self.share_sum += share;
    }

    /// Returns the content of a table with `rows` rows, where each row's number is its index.
    pub fn of_rows(rows: usize) -> Self {
        let number_sum = (0..rows as i64).sum();
        Self { rows, name_bytes: rows * NAME.len(), number_sum, share_sum: rows as f64 * SHARE }
    }
}

/// Messages and bytes sent between two replicas.
#[derive(Debug, Default, Clone, Copy)]
pub struct Traffic {
    pub messages: usize,
    pub bytes: usize,
}

/// A replica of a table with rows of three cells.
pub trait Replica: Sized {
    /// A version of a document, in the library's representation.
    type Version;

    fn create(peer: u64) -> Result<Self>;
    /// Inserts these rows in one transaction.
    fn insert(&mut self, rows: Range<usize>) -> Result<()>;
    /// Sets the number of each of these rows, in one transaction.
    fn update(&mut self, updates: impl Iterator<Item = (usize, i64)>) -> Result<()>;
    /// Reads all cells of a row and returns its number.
    fn get(&self, row: usize) -> Result<i64>;
    /// Reads every cell of every row.
    fn read(&self) -> Result<Contents>;
    /// Reads all rows in pages of `rows` rows and reports the milliseconds of each page. Only for
    /// libraries with pages.
    fn pages(&self, _rows: usize, _report: impl FnMut(f64)) -> Result<()> {
        Err("this library has no pages".into())
    }
    /// Returns the number of every row.
    fn numbers(&self, rows: usize) -> Result<BTreeMap<usize, i64>> {
        (0..rows).map(|row| Ok((row, self.get(row)?))).collect()
    }
    fn save(&mut self) -> Result<Vec<u8>>;
    fn load(peer: u64, saved: &[u8]) -> Result<Self>;
    /// Returns the number of one row in saved bytes.
    fn open(saved: &[u8], row: usize) -> Result<i64> {
        Self::load(9, saved)?.get(row)
    }
    fn version(&mut self) -> Result<Self::Version>;
    fn changes_since(&mut self, version: &Self::Version) -> Result<Vec<u8>>;
    fn merge(&mut self, changes: &[u8]) -> Result<()>;
    /// Brings two replicas to the same state, by the library's own protocol if it has one.
    fn sync(&mut self, other: &mut Self) -> Result<Traffic>;
    /// Returns the same rows without their history, or `None` if the library cannot drop it.
    fn compacted(self) -> Result<Option<Self>> {
        Ok(None)
    }
    /// Returns the memory of the replica, given what the process allocated for it, in bytes.
    fn memory_bytes(&self, allocated: usize) -> usize {
        allocated
    }
}
