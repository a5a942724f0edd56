//! Structs and maps as the cells of a row, by serde.
//!
//! A field is a cell: its name the column, its value one of these.
//!
//! | Rust | cell |
//! |---|---|
//! | `None`, `()` | null; a missing cell reads as `None` too |
//! | `bool` | boolean |
//! | integers | integer; those that an `i64` does not hold are refused |
//! | `f32`, `f64` | real; integers read as these too |
//! | `char`, strings | text |
//! | bytes, as by `serde_bytes` | blob |
//! | an enum's variant without fields | text: its name |
//!
//! `Some`, newtypes, `#[serde(rename)]` and `#[serde(flatten)]` work as ever. Whatever nests further (a list, a map or a
//! struct in a field) has no cell to go to and is refused by name: columns that a peer is to merge belong on their own.
//!
//! ```
//! use converge::{Cell, cells};
//!
//! #[derive(serde::Serialize)]
//! struct Person { name: String, age: u8 }
//!
//! let cells = cells::to_cells(&Person { name: "Alice".into(), age: 30 })?;
//! assert_eq!(cells, [Cell::new("name", "Alice"), Cell::new("age", 30)]);
//! # Ok::<(), cells::Error>(())
//! ```

mod read;
mod write;

use crate::Cell;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// The fields of a struct, or the entries of a map with text keys, as cells, in their order.
///
/// # Errors
///
/// Where the value is neither of these, or where one of its fields does not fit into a cell.
pub fn to_cells(value: &(impl Serialize + ?Sized)) -> Result<Vec<Cell>, Error> {
    value.serialize(write::Row)
}

/// A struct or a map made of cells. Cells that it has no field for are left out.
///
/// # Errors
///
/// Where a cell is not of its field's type, and where a field other than an `Option` has neither cell nor default.
pub fn from_cells<T: DeserializeOwned>(cells: Vec<Cell>) -> Result<T, Error> {
    T::deserialize(read::Row(cells))
}

/// Why a value and the cells of a row do not fit each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    field: Option<String>,
    reason: String,
}

impl Error {
    /// The field, or column, that does not fit; none where the value as a whole does not.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    fn new(reason: impl fmt::Display) -> Self {
        Self { field: None, reason: reason.to_string() }
    }

    /// The same error, of this field.
    fn of(self, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "field {field:?}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for Error {}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::new(reason)
    }
}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::new(reason)
    }
}
