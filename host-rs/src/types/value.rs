//! The content of cells and registers.

use std::fmt;

/// The content of a cell or of an ephemeral entry: one of SQLite's storage classes, or a boolean.
///
/// Two values are equal if the engine stores the same bytes for them: NaN equals NaN, and 0.0
/// differs from -0.0.
///
/// ```
/// use converge::Value;
///
/// assert_eq!(Value::from("Alice"), Value::Text("Alice".to_owned()));
/// assert_eq!(Value::from(30), Value::Integer(30));
/// assert_eq!(Value::from(None::<i64>), Value::Null);
/// assert_eq!(Value::from(&[0xc0, 0xff][..]).to_string(), "c0ff");
/// ```
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A floating-point number. -0.0 and the infinities are kept. Every NaN is stored as the
    /// canonical quiet NaN.
    Real(f64),
    /// Text. It is kept byte for byte, without Unicode normalization.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Boolean(one), Self::Boolean(other)) => one == other,
            (Self::Integer(one), Self::Integer(other)) => one == other,
            (Self::Real(one), Self::Real(other)) => one.to_bits() == other.to_bits() || one.is_nan() && other.is_nan(),
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Blob(one), Self::Blob(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for Value {}

/// Writes null as `null`, a text as it is, and a blob as lower-case hexadecimal digits.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.pad("null"),
            Self::Boolean(boolean) => boolean.fmt(f),
            Self::Integer(integer) => integer.fmt(f),
            Self::Real(real) => real.fmt(f),
            Self::Text(text) => f.pad(text),
            Self::Blob(blob) => blob.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// Implements `From` for each of these types, by a conversion to the type that the variant
/// contains.
macro_rules! values_from {
    ($($from:ty => $variant:ident,)*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

values_from! {
    bool => Boolean,
    i8 => Integer,
    i16 => Integer,
    i32 => Integer,
    i64 => Integer,
    u8 => Integer,
    u16 => Integer,
    u32 => Integer,
    f32 => Real,
    f64 => Real,
    char => Text,
    &str => Text,
    &String => Text,
    String => Text,
    &[u8] => Blob,
    Vec<u8> => Blob,
}

/// Converts `None` to null.
impl<Content: Into<Value>> From<Option<Content>> for Value {
    fn from(value: Option<Content>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A named value of a row. Functions that accept cells also accept pairs, such as `("age", 30)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The column's name.
    pub column: String,
    /// The cell's content.
    pub value: Value,
}

impl Cell {
    /// Creates a cell of this column with this value.
    pub fn new(column: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { column: column.into(), value: value.into() }
    }
}

impl<Column: Into<String>, Content: Into<Value>> From<(Column, Content)> for Cell {
    fn from((column, value): (Column, Content)) -> Self {
        Self::new(column, value)
    }
}

impl From<&Cell> for Cell {
    fn from(cell: &Cell) -> Self {
        cell.clone()
    }
}
