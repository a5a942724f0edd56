//! SQL text, and values as SQLite stores them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use converge::Value;
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use serde_json::{Value as Json, json};

/// Returns an identifier in quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A cell as a column of a mirror table stores it.
pub(crate) struct Stored<'a>(pub(crate) &'a Value);

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Owned(SqlValue::Null),
            Value::Boolean(boolean) => ToSqlOutput::Owned(SqlValue::Integer((*boolean).into())),
            Value::Integer(integer) => ToSqlOutput::Owned(SqlValue::Integer(*integer)),
            // SQLite has no NaN, and stores NULL for it.
            Value::Real(real) => ToSqlOutput::Owned(SqlValue::Real(*real)),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Blob(blob) => ToSqlOutput::Borrowed(ValueRef::Blob(blob)),
        })
    }
}

/// Returns whether a stored value is the one that a column stores for a cell.
pub(crate) fn is_stored(stored: ValueRef<'_>, cell: Option<&Value>) -> bool {
    match (stored, cell) {
        (ValueRef::Null, None | Some(Value::Null)) => true,
        (ValueRef::Null, Some(Value::Real(real))) => real.is_nan(),
        (ValueRef::Integer(stored), Some(Value::Integer(integer))) => stored == *integer,
        (ValueRef::Integer(stored), Some(Value::Boolean(boolean))) => stored == i64::from(*boolean),
        (ValueRef::Real(stored), Some(Value::Real(real))) => stored.to_bits() == real.to_bits(),
        (ValueRef::Text(stored), Some(Value::Text(text))) => stored == text.as_bytes(),
        (ValueRef::Blob(stored), Some(Value::Blob(blob))) => stored == blob,
        _ => false,
    }
}

/// Returns a cell as JSON. A blob is `{"$blob": BASE64}`; NaN and the infinities are `{"$real":
/// NAME}`.
pub(crate) fn json(value: &Value) -> Json {
    match value {
        Value::Boolean(boolean) => (*boolean).into(),
        Value::Integer(integer) => (*integer).into(),
        Value::Real(real) if real.is_finite() => (*real).into(),
        Value::Real(real) if real.is_nan() => json!({ "$real": "NaN" }),
        Value::Real(real) if *real > 0.0 => json!({ "$real": "Infinity" }),
        Value::Real(_) => json!({ "$real": "-Infinity" }),
        Value::Text(text) => text.as_str().into(),
        Value::Blob(blob) => json!({ "$blob": STANDARD.encode(blob) }),
        _ => Json::Null,
    }
}
