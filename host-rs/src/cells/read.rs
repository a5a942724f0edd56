//! Converts cells to Rust values: a deserializer for rows, and a deserializer for the values of
//! their cells.

use super::Error;
use crate::{Cell, Value};
use serde::de::value::StringDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use std::vec;

/// Deserializes the cells of a row as a map. Serde reads structs from maps too.
pub(super) struct Row(pub(super) Vec<Cell>);

impl<'de> Deserializer<'de> for Row {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Cells { cells: self.0.into_iter(), value: None })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

/// The cells that were not read yet, and the cell of which only the column was read.
struct Cells {
    cells: vec::IntoIter<Cell>,
    value: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Cells {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(Cell { column, value }) = self.cells.next() else { return Ok(None) };
        let key = seed.deserialize(column.as_str().into_deserializer()).map_err(|error: Error| error.of(&column))?;
        self.value = Some((column, value));
        Ok(Some(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (column, value) = self.value.take().ok_or_else(|| Error::new("a value was read before its column"))?;
        seed.deserialize(Content(value)).map_err(|error| error.of(&column))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.cells.len())
    }
}

/// Deserializes the value of a cell.
struct Content(Value);

impl<'de> Deserializer<'de> for Content {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Boolean(boolean) => visitor.visit_bool(boolean),
            Value::Integer(integer) => visitor.visit_i64(integer),
            Value::Real(real) => visitor.visit_f64(real),
            Value::Text(text) => visitor.visit_string(text),
            Value::Blob(blob) => visitor.visit_byte_buf(blob),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            value => visitor.visit_some(Self(value)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Value::Text(variant) = self.0 else {
            return Err(Error::invalid_type(self.unexpected(), &"the name of a variant, as text"));
        };
        let variant: StringDeserializer<Error> = variant.into_deserializer();
        visitor.visit_enum(variant)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit seq tuple tuple_struct
        map struct identifier ignored_any
    }
}

impl Content {
    /// Describes the value for serde's errors.
    fn unexpected(&self) -> Unexpected<'_> {
        match &self.0 {
            Value::Null => Unexpected::Unit,
            Value::Boolean(boolean) => Unexpected::Bool(*boolean),
            Value::Integer(integer) => Unexpected::Signed(*integer),
            Value::Real(real) => Unexpected::Float(*real),
            Value::Text(text) => Unexpected::Str(text),
            Value::Blob(blob) => Unexpected::Bytes(blob),
        }
    }
}
