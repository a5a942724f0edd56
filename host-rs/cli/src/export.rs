//! `converge export`: writes the rows of a table as CSV or JSON lines.

use crate::input::{self, Failure};
use crate::show::Name;
use converge::file::Replacement;
use converge::{Cell, Doc, ScanOptions, Value};
use csv::Terminator;
use lexopt::prelude::{Long, Short, Value as Argument, ValueExt};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

pub(crate) const HELP: &str = "\
Writes the rows of a table of a saved document, sorted by id, as CSV or as JSON lines.

Usage:
  converge export FILE --table TABLE [options]

Options:
  --format FORMAT            csv or jsonl [default: csv]
  --id NAME                  the name of the row's id; no column may have this name [default: id]
  --neutralize-formulas      csv only: put ' before texts that a spreadsheet would execute as formulas
  -o, --output OUT           the file to write, completely or not at all [default: standard output]

csv    RFC 4180, in UTF-8. The first line contains the names of the id and of all columns, sorted.
       Null, a missing cell and an empty text are all an empty field.

       Spreadsheets execute fields that start with = + - @, a tab or a carriage return as formulas,
       also if a stranger wrote them. With --neutralize-formulas, such ids, column names and texts
       start with ' instead. Numbers stay numbers. Other tools read the ' as content.
jsonl  A JSON object per line: the id, then the row's cells, sorted by column. Missing cells are
       left out, null is null. Integers are exact, up to 64 bits; readers that use floating point
       lose digits beyond 2^53.

A real has a point or an exponent. NaN, Infinity and -Infinity are texts. A blob is a text of
hexadecimal digits.
";

pub(crate) struct Options {
    file: PathBuf,
    table: String,
    format: Format,
    id: String,
    out: Option<PathBuf>,
    neutralize: bool,
}

/// The characters that start a formula in spreadsheets.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    JsonLines,
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "csv" => Ok(Self::Csv),
            "jsonl" => Ok(Self::JsonLines),
            _ => Err("expected a format: csv or jsonl"),
        }
    }
}

/// Returns `None` if help is requested.
pub(crate) fn arguments(arguments: &mut lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let (mut file, mut table, mut out, mut neutralize) = (None, None, None, false);
    let (mut format, mut id) = (Format::Csv, "id".to_owned());
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("table") => table = Some(arguments.value()?.string()?),
            Long("format") => format = arguments.value()?.parse()?,
            Long("id") => id = arguments.value()?.string()?,
            Long("neutralize-formulas") => neutralize = true,
            Short('o') | Long("output") => out = Some(PathBuf::from(arguments.value()?)),
            Argument(value) if file.is_none() => file = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    let file = file.ok_or("FILE is missing")?;
    let table = table.ok_or("--table TABLE is missing")?;
    if neutralize && format != Format::Csv {
        return Err("--neutralize-formulas requires --format csv".into());
    }
    Ok(Some(Options { file, table, format, id, out, neutralize }))
}

/// Writes the rows of the table.
pub(crate) fn export(options: &Options, output: &mut impl Write) -> Result<(), Failure> {
    let doc = input::load(&options.file)?;
    let Options { table, id, format, .. } = options;
    let tables = doc.tables()?;
    if !tables.iter().any(|summary| summary.name == *table) {
        let names: Vec<_> = tables.iter().take(20).map(|table| Name(&table.name).to_string()).collect();
        let existing = if names.is_empty() { "none".to_owned() } else { names.join(" ") };
        return Err(
            format!("{}: there are no rows in table {table:?}; tables: {existing}", options.file.display()).into()
        );
    }
    // The header contains all columns, so the rows are read twice.
    let columns = columns(&doc, table)?;
    if columns.contains(id) {
        let fix = "choose another name for the row's id with --id NAME";
        return Err(format!("{}: table {table:?} has a column {id:?}; {fix}", options.file.display()).into());
    }
    let rows = Rows { doc: &doc, table, id, neutralize: options.neutralize };
    let write = |output: &mut dyn Write| match format {
        Format::Csv => rows.write_csv(&columns, output),
        Format::JsonLines => rows.write_json_lines(output),
    };
    match &options.out {
        None => write(output)?,
        Some(out) => {
            let of_out = |error: &dyn std::error::Error| format!("{}: {error}", out.display());
            let mut file = Replacement::of(out).map_err(|error| of_out(&error))?;
            write(&mut file).map_err(|error| of_out(&*error))?;
            file.commit().map_err(|error| of_out(&error))?;
        }
    }
    Ok(())
}

/// Returns the columns of all rows of a table.
fn columns(doc: &Doc, table: &str) -> Result<BTreeSet<String>, Failure> {
    let mut columns = BTreeSet::new();
    for row in doc.rows(table, ScanOptions::default()) {
        for Cell { column, .. } in row?.cells {
            columns.insert(column);
        }
    }
    Ok(columns)
}

/// The rows of a table that are written.
struct Rows<'a> {
    doc: &'a Doc,
    table: &'a str,
    /// The name of the row's id.
    id: &'a str,
    /// Whether to neutralize formulas.
    neutralize: bool,
}

impl Rows<'_> {
    fn write_csv(&self, columns: &BTreeSet<String>, output: &mut dyn Write) -> Result<(), Failure> {
        let mut csv = csv::WriterBuilder::new().terminator(Terminator::CRLF).from_writer(output);
        csv.write_field(&*self.field(self.id))?;
        csv.write_record(columns.iter().map(|column| self.field(column).into_owned()))?;
        for row in self.doc.rows(self.table, ScanOptions::default()) {
            let row = row?;
            csv.write_field(&*self.field(&row.id))?;
            // Cells and columns are sorted.
            let mut cells = row.cells.iter().peekable();
            for column in columns {
                match cells.next_if(|cell| cell.column == *column) {
                    Some(Cell { value: Value::Text(text), .. }) => csv.write_field(&*self.field(text))?,
                    Some(cell) => csv.write_field(text(&cell.value))?,
                    None => csv.write_field("")?,
                }
            }
            csv.write_record(None::<&[u8]>)?;
        }
        Ok(csv.flush()?)
    }

    /// Returns a text as a CSV field.
    fn field<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let is_formula = text.starts_with(FORMULA_STARTS);
        if self.neutralize && is_formula { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
    }

    fn write_json_lines(&self, output: &mut dyn Write) -> Result<(), Failure> {
        for row in self.doc.rows(self.table, ScanOptions::default()) {
            let row = row?;
            let mut json = serde_json::Serializer::new(&mut *output);
            let mut object = json.serialize_map(Some(row.cells.len() + 1))?;
            object.serialize_entry(self.id, &row.id)?;
            for Cell { column, value } in &row.cells {
                object.serialize_entry(column, &Json(value))?;
            }
            object.end()?;
            output.write_all(b"\n")?;
        }
        Ok(())
    }
}

/// Formats a value as a CSV field.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => not_finite(*value).map_or_else(|| format!("{value:?}"), str::to_owned),
        Value::Text(value) => value.clone(),
        Value::Blob(value) => hex(value),
    }
}

/// A value as JSON.
struct Json<'a>(&'a Value);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Boolean(value) => serializer.serialize_bool(*value),
            Value::Integer(value) => serializer.serialize_i64(*value),
            Value::Real(value) => match not_finite(*value) {
                Some(name) => serializer.serialize_str(name),
                None => serializer.serialize_f64(*value),
            },
            Value::Text(value) => serializer.serialize_str(value),
            Value::Blob(value) => serializer.serialize_str(&hex(value)),
        }
    }
}

/// Returns the name of a real that is not a JSON number.
fn not_finite(value: f64) -> Option<&'static str> {
    match value {
        _ if value.is_nan() => Some("NaN"),
        f64::INFINITY => Some("Infinity"),
        f64::NEG_INFINITY => Some("-Infinity"),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
