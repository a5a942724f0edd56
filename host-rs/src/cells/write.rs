//! Converts Rust values to cells: a serializer for rows, and a serializer for the values of their
//! cells.

use super::Error;
use crate::{Cell, Value};
use serde::ser::{Impossible, SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

/// Serializes a struct or a map to the cells of a row.
pub(super) struct Row;

/// Serializes a value that fits into a cell.
struct Content;

/// Serializes the key of a map to the name of a column.
struct Column;

/// The cells that were serialized, and the column of the next one.
pub(super) struct Cells {
    cells: Vec<Cell>,
    column: Option<String>,
}

impl Cells {
    fn with_capacity(len: Option<usize>) -> Self {
        // The length comes from the serialized type. If it is wrong, no more memory than this is
        // allocated.
        Self { cells: Vec::with_capacity(len.unwrap_or(0).min(1_024)), column: None }
    }

    fn push(&mut self, column: String, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        match value.serialize(Content) {
            Ok(value) => self.cells.push(Cell { column, value }),
            Err(error) => return Err(error.of(&column)),
        }
        Ok(())
    }
}

impl SerializeStruct for Cells {
    type Ok = Vec<Cell>;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, column: &'static str, value: &T) -> Result<(), Error> {
        self.push(column.to_owned(), value)
    }

    fn end(self) -> Result<Vec<Cell>, Error> {
        Ok(self.cells)
    }
}

impl SerializeMap for Cells {
    type Ok = Vec<Cell>;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.column = Some(key.serialize(Column)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let column =
            self.column.take().ok_or_else(|| Error::new("the value of a map entry was serialized before its key"))?;
        self.push(column, value)
    }

    fn end(self) -> Result<Vec<Cell>, Error> {
        Ok(self.cells)
    }
}

/// Defines methods of a serializer that reject their argument, each as `METHOD(ARGUMENTS) -> RESULT
/// = DESCRIPTION`. The error contains the description of the argument.
macro_rules! refuse {
    ($($method:ident($($argument:ty),*) $(-> $compound:ident)? = $what:literal;)*) => {$(
        fn $method(self $(, _: $argument)*) -> Result<refuse!(@ok $($compound)?), Error> {
            Err(Self::refuse($what))
        }
    )*};
    (@ok) => { Self::Ok };
    (@ok $compound:ident) => { Self::$compound };
}

/// Defines the methods for lists, tuples and variants with fields, which reject them.
macro_rules! refuse_with_contents {
    () => {
        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<Self::Ok, Error> {
            Err(Self::refuse("an enum variant with a field"))
        }

        refuse! {
            serialize_seq(Option<usize>) -> SerializeSeq = "a list";
            serialize_tuple(usize) -> SerializeTuple = "a tuple";
            serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct = "a tuple";
            serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant
                = "an enum variant with fields";
            serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant
                = "an enum variant with fields";
        }
    };
}

/// Defines the methods for single values, which reject them.
macro_rules! refuse_scalars {
    () => {
        refuse! {
            serialize_bool(bool) = "a boolean";
            serialize_i8(i8) = "an integer";
            serialize_i16(i16) = "an integer";
            serialize_i32(i32) = "an integer";
            serialize_i64(i64) = "an integer";
            serialize_u8(u8) = "an integer";
            serialize_u16(u16) = "an integer";
            serialize_u32(u32) = "an integer";
            serialize_u64(u64) = "an integer";
            serialize_f32(f32) = "a real number";
            serialize_f64(f64) = "a real number";
            serialize_bytes(&[u8]) = "bytes";
            serialize_none() = "`None`";
            serialize_unit() = "`()`";
            serialize_unit_struct(&'static str) = "a unit struct";
        }
    };
}

impl Row {
    fn refuse(what: &str) -> Error {
        Error::new(format_args!("a row must be a struct or a map, not {what}"))
    }
}

impl Serializer for Row {
    type Ok = Vec<Cell>;
    type Error = Error;
    type SerializeSeq = Impossible<Vec<Cell>, Error>;
    type SerializeTuple = Impossible<Vec<Cell>, Error>;
    type SerializeTupleStruct = Impossible<Vec<Cell>, Error>;
    type SerializeTupleVariant = Impossible<Vec<Cell>, Error>;
    type SerializeMap = Cells;
    type SerializeStruct = Cells;
    type SerializeStructVariant = Impossible<Vec<Cell>, Error>;

    fn serialize_map(self, len: Option<usize>) -> Result<Cells, Error> {
        Ok(Cells::with_capacity(len))
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Cells, Error> {
        Ok(Cells::with_capacity(Some(len)))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, row: &T) -> Result<Vec<Cell>, Error> {
        row.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, row: &T) -> Result<Vec<Cell>, Error> {
        row.serialize(self)
    }

    refuse_scalars!();
    refuse_with_contents!();
    refuse! {
        serialize_char(char) = "text";
        serialize_str(&str) = "text";
        serialize_unit_variant(&'static str, u32, &'static str) = "an enum variant";
    }
}

impl Content {
    fn refuse(what: &str) -> Error {
        Error::new(format_args!("a cell must be a single value, not {what}; for bytes, use `serde_bytes`"))
    }

    fn integer<Integer: TryInto<i64> + std::fmt::Display + Copy>(integer: Integer) -> Result<Value, Error> {
        let fits = integer.try_into();
        fits.map(Value::Integer)
            .map_err(|_| Error::new(format_args!("{integer} does not fit into a signed 64-bit integer")))
    }
}

impl Serializer for Content {
    type Ok = Value;
    type Error = Error;
    type SerializeSeq = Impossible<Value, Error>;
    type SerializeTuple = Impossible<Value, Error>;
    type SerializeTupleStruct = Impossible<Value, Error>;
    type SerializeTupleVariant = Impossible<Value, Error>;
    type SerializeMap = Impossible<Value, Error>;
    type SerializeStruct = Impossible<Value, Error>;
    type SerializeStructVariant = Impossible<Value, Error>;

    fn serialize_bool(self, boolean: bool) -> Result<Value, Error> {
        Ok(boolean.into())
    }

    fn serialize_i8(self, integer: i8) -> Result<Value, Error> {
        Ok(integer.into())
    }

    fn serialize_i16(self, integer: i16) -> Result<Value, Error> {
        Ok(integer.into())
    }

    fn serialize_i32(self, integer: i32) -> Result<Value, Error> {
        Ok(integer.into())
    }

    fn serialize_i64(self, integer: i64) -> Result<Value, Error> {
        Ok(integer.into())
    }

    fn serialize_i128(self, integer: i128) -> Result<Value, Error> {
        Self::integer(integer)
    }

    fn serialize_u8(self, integer: u8) -> Result<Value, Error> {
        Ok(integer.into())
    }

    fn serialize_u16(self, integer: u16) -> Result<Value, Error> {
        Ok(integer.into())
    }

    fn serialize_u32(self, integer: u32) -> Result<Value, Error> {
        Ok(integer.into())
    }

    fn serialize_u64(self, integer: u64) -> Result<Value, Error> {
        Self::integer(integer)
    }

    fn serialize_u128(self, integer: u128) -> Result<Value, Error> {
        Self::integer(integer)
    }

    fn serialize_f32(self, real: f32) -> Result<Value, Error> {
        Ok(real.into())
    }

    fn serialize_f64(self, real: f64) -> Result<Value, Error> {
        Ok(real.into())
    }

    fn serialize_char(self, text: char) -> Result<Value, Error> {
        Ok(text.into())
    }

    fn serialize_str(self, text: &str) -> Result<Value, Error> {
        Ok(text.into())
    }

    fn serialize_bytes(self, blob: &[u8]) -> Result<Value, Error> {
        Ok(blob.into())
    }

    fn serialize_none(self) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Value, Error> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Value, Error> {
        value.serialize(self)
    }

    refuse_with_contents!();
    refuse! {
        serialize_map(Option<usize>) -> SerializeMap = "a map";
        serialize_struct(&'static str, usize) -> SerializeStruct = "a struct";
    }
}

impl Column {
    fn refuse(what: &str) -> Error {
        Error::new(format_args!("the keys of a map are column names and must be text, not {what}"))
    }
}

impl Serializer for Column {
    type Ok = String;
    type Error = Error;
    type SerializeSeq = Impossible<String, Error>;
    type SerializeTuple = Impossible<String, Error>;
    type SerializeTupleStruct = Impossible<String, Error>;
    type SerializeTupleVariant = Impossible<String, Error>;
    type SerializeMap = Impossible<String, Error>;
    type SerializeStruct = Impossible<String, Error>;
    type SerializeStructVariant = Impossible<String, Error>;

    fn serialize_char(self, column: char) -> Result<String, Error> {
        Ok(column.into())
    }

    fn serialize_str(self, column: &str) -> Result<String, Error> {
        Ok(column.to_owned())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, column: &'static str) -> Result<String, Error> {
        Ok(column.to_owned())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, column: &T) -> Result<String, Error> {
        column.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, column: &T) -> Result<String, Error> {
        column.serialize(self)
    }

    refuse_scalars!();
    refuse_with_contents!();
    refuse! {
        serialize_map(Option<usize>) -> SerializeMap = "a map";
        serialize_struct(&'static str, usize) -> SerializeStruct = "a struct";
    }
}
