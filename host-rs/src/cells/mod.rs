//! Converts structs and maps to the cells of a row and back, with serde.
//!
//! Each field becomes a cell. The field's name is the column; its value is one of these:
//!
//! | Rust | cell |
//! |---|---|
//! | `None`, `()` | null; a missing cell reads as `None` too |
//! | `bool` | boolean |
//! | integers | integer; an integer beyond the range of `i64` is an error |
//! | `f32`, `f64` | real; an integer is read as a real too |
//! | `char`, strings | text |
//! | bytes, with `serde_bytes` | blob |
//! | an enum's variant without fields | text: its name |
//!
//! `Some`, newtypes, `#[serde(rename)]` and `#[serde(flatten)]` work as usual. A list, a map or a
//! struct in a field does not fit into a cell and results in an error that names the field. Values
//! that merge independently need columns of their own.
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

/// Converts the fields of a struct, or the entries of a map with text keys, to cells, in their
/// order.
///
/// # Errors
///
/// Fails if the value is neither a struct nor a map, or if one of its fields does not fit into a
/// cell.
pub fn to_cells(value: &(impl Serialize + ?Sized)) -> Result<Vec<Cell>, Error> {
    value.serialize(write::Row)
}

/// Converts cells to a struct or a map. Cells without a field are ignored.
///
/// # Errors
///
/// Fails if a cell does not have the type of its field, or if a field that is not an `Option` has
/// neither a cell nor a default.
pub fn from_cells<T: DeserializeOwned>(cells: Vec<Cell>) -> Result<T, Error> {
    T::deserialize(read::Row(cells))
}

/// Why a value cannot be converted to or from the cells of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    field: Option<String>,
    reason: String,
}

impl Error {
    /// Returns the name of the field, and so of the column, that does not fit, or `None` if the
    /// error is about the value as a whole.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    fn new(reason: impl fmt::Display) -> Self {
        Self { field: None, reason: reason.to_string() }
    }

    /// Sets the field that does not fit.
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
