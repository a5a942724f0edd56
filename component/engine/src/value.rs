//! The content of a cell or a register, owned and borrowed.
//!
//! Always holds: every NaN is the canonical quiet NaN, and equal values have the same bytes. Does
//! not know where values are stored.

/// The content of a cell or of a register: SQLite's storage classes, and booleans.
#[derive(Debug, Clone)]
pub enum Value {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A floating-point number. -0.0 and the infinities are kept; every NaN becomes the canonical
    /// quiet NaN.
    Real(f64),
    /// A text. Its bytes are never normalized.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// The bits of the canonical quiet NaN.
pub(crate) const CANONICAL_NAN: u64 = 0x7ff8_0000_0000_0000;

/// Returns the bits of a real with a canonical NaN.
fn canonical_bits(real: f64) -> u64 {
    if real.is_nan() { CANONICAL_NAN } else { real.to_bits() }
}

/// Values are equal if their stored bytes are: NaN equals NaN, and 0.0 differs from -0.0.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Value {}

/// A value that borrows its text or blob.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ValueRef<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    /// The bits, so that equal values have the same bytes.
    Real(u64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl Value {
    /// Replaces a NaN by the canonical one.
    pub(crate) fn canonical(self) -> Self {
        match self {
            Self::Real(real) => Self::Real(f64::from_bits(canonical_bits(real))),
            other => other,
        }
    }

    /// Borrows the value.
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

impl ValueRef<'_> {
    /// Returns the value as an integer, if it is one.
    pub(crate) fn as_integer(self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(integer),
            _ => None,
        }
    }

    /// Returns the number of the value's type in `docs/format.md`.
    pub(crate) fn tag(self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Boolean(boolean) => 1 + u8::from(boolean),
            Self::Integer(_) => 3,
            Self::Real(_) => 4,
            Self::Text(_) => 5,
            Self::Blob(_) => 6,
        }
    }

    /// Copies the value.
    pub(crate) fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(boolean) => Value::Boolean(boolean),
            Self::Integer(integer) => Value::Integer(integer),
            Self::Real(bits) => Value::Real(f64::from_bits(bits)),
            Self::Text(text) => Value::Text(text.to_owned()),
            Self::Blob(blob) => Value::Blob(blob.to_owned()),
        }
    }

    /// Returns the size of a text or blob, and 0 for other values.
    pub(crate) fn content_bytes(self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Blob(blob) => blob.len() as u64,
            _ => 0,
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
