//! `converge diff`: prints the operations from one version of a document to another, or from the
//! rows of one document to those of another.

use crate::input::{self, Failure};
use crate::show::{Heads, Op};
use converge::{Cell, Doc, Error, Row, RowOp, ScanOptions, Value};
use lexopt::prelude::{Long, Short, Value as Argument, ValueExt};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Prints the operations that turn one state of the tables into another, one per line, sorted by table
and row.

Usage:
  converge diff FILE --from HEADS [--to HEADS]   from one version of a saved document to another
  converge diff FILE FILE2                       from the rows of one saved document to those of another

Options:
  --from HEADS   the first version
  --to HEADS     the second version [default: the whole document]

HEADS are events, separated by commas: PEER:COUNTER,PEER:COUNTER, as `converge log` and `converge
inspect` print them. They stand for the version that consists of these events and all events that
they build on; '' is the empty document. A compacted document has no versions below its horizon.
FILE and FILE2 are compared by their rows only, whatever their histories.

A line consists of insert, update, unset or delete, the table, the row, and COLUMN=VALUE for each
cell, or the columns for unset. The exit code is 0 if nothing differs, and 1 if something differs or
the command failed.
";

pub(crate) struct Options {
    file: PathBuf,
    other: Other,
}

enum Other {
    File(PathBuf),
    Versions { from: Heads, to: Option<Heads> },
}

/// Returns `None` if help is requested.
pub(crate) fn arguments(arguments: &mut lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let (mut files, mut from, mut to) = (Vec::new(), None, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("from") => from = Some(arguments.value()?.parse()?),
            Long("to") => to = Some(arguments.value()?.parse()?),
            Argument(value) if files.len() < 2 => files.push(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    let mut files = files.into_iter();
    let file = files.next().ok_or("FILE is missing")?;
    let other = match (files.next(), from, to) {
        (Some(other), None, None) => Other::File(other),
        (None, Some(from), to) => Other::Versions { from, to },
        (Some(_), ..) => return Err("--from and --to need a single FILE".into()),
        (None, None, _) => return Err("there is nothing to compare with; pass --from HEADS or a second FILE".into()),
    };
    Ok(Some(Options { file, other }))
}

/// Prints the differences. Returns whether there are none.
pub(crate) fn diff(options: &Options, output: &mut impl Write) -> Result<bool, Failure> {
    let doc = input::load(&options.file)?;
    let of_file = |error: Error| format!("{}: {}", options.file.display(), input::explain(&error));
    let mut same = true;
    let mut print = |op: &RowOp| -> Result<(), Failure> {
        same = false;
        Ok(writeln!(output, "{}", Op(op))?)
    };
    match &options.other {
        Other::Versions { from, to } => {
            let to = match to {
                Some(to) => to.0.clone(),
                None => doc.heads().map_err(of_file)?,
            };
            doc.diff(&from.0, &to).map_err(of_file)?.iter().try_for_each(print)?;
        }
        Other::File(other) => compare(&doc, &input::load(other)?, &mut print)?,
    }
    Ok(same)
}

/// Prints the operations from the rows of one document to those of another, page by page.
fn compare(old: &Doc, new: &Doc, print: &mut impl FnMut(&RowOp) -> Result<(), Failure>) -> Result<(), Failure> {
    let tables = old.tables()?.into_iter().chain(new.tables()?).map(|table| table.name);
    for table in tables.collect::<BTreeSet<String>>() {
        let mut old_rows = old.rows(&table, ScanOptions::default());
        let mut new_rows = new.rows(&table, ScanOptions::default());
        let (mut old, mut new) = (old_rows.next().transpose()?, new_rows.next().transpose()?);
        loop {
            // Rows are sorted by id, as bytes.
            let order = match (&old, &new) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.id.cmp(&new.id),
            };
            row_ops(&table, old.take_if(|_| order.is_le()), new.take_if(|_| order.is_ge()))
                .iter()
                .try_for_each(&mut *print)?;
            if order.is_le() {
                old = old_rows.next().transpose()?;
            }
            if order.is_ge() {
                new = new_rows.next().transpose()?;
            }
        }
    }
    Ok(())
}

/// Returns the operations that turn the old row into the new one. If both exist, they have the same
/// id.
fn row_ops(table: &str, old: Option<Row>, new: Option<Row>) -> Vec<RowOp> {
    match (old, new) {
        (None, None) => vec![],
        (Some(old), None) => vec![RowOp::delete(table, old.id)],
        (None, Some(new)) => vec![RowOp::insert(table, new.id, new.cells)],
        (Some(old), Some(new)) => {
            // The cells of both rows are sorted by column.
            let of_old = |column: &str| {
                let place = old.cells.binary_search_by(|cell| cell.column.as_str().cmp(column)).ok()?;
                old.cells.get(place)
            };
            let is_new = |cell: &&Cell| of_old(&cell.column).is_none_or(|old| !is_same(&old.value, &cell.value));
            let set: Vec<Cell> = new.cells.iter().filter(is_new).cloned().collect();
            let is_gone = |cell: &&Cell| new.cells.binary_search_by(|new| new.column.cmp(&cell.column)).is_err();
            let gone: Vec<&str> = old.cells.iter().filter(is_gone).map(|cell| cell.column.as_str()).collect();
            let update = (!set.is_empty()).then(|| RowOp::update(table, &new.id, set));
            let unset = (!gone.is_empty()).then(|| RowOp::unset(table, &new.id, gone));
            update.into_iter().chain(unset).collect()
        }
    }
}

/// Compares values bit by bit, so that NaN equals NaN, and 0 differs from -0.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Real(one), Value::Real(other)) => one.to_bits() == other.to_bits(),
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::row_ops;
    use converge::{Cell, Row, RowOp, Value};

    fn row(cells: &[(&str, Value)]) -> Option<Row> {
        Some(Row {
            id: "r".into(),
            cells: cells.iter().map(|(column, value)| Cell::new(*column, value.clone())).collect(),
        })
    }

    #[test]
    fn operations_turn_one_row_into_another() {
        let (one, two) = (Value::from(1), Value::from(2));
        let ab = || row(&[("a", one.clone()), ("b", one.clone())]);
        let insert = RowOp::insert("t", "r", [("a", 1), ("b", 1)]);
        assert_eq!(row_ops("t", None, ab()), [insert]);
        assert_eq!(row_ops("t", ab(), None), [RowOp::delete("t", "r")]);
        assert_eq!(row_ops("t", ab(), ab()), []);
        let more = row(&[("a", one.clone()), ("b", two), ("c", one.clone())]);
        assert_eq!(row_ops("t", ab(), more.clone()), [RowOp::update("t", "r", [("b", 2), ("c", 1)])]);
        let back = [RowOp::update("t", "r", [("b", 1)]), RowOp::unset("t", "r", ["c"])];
        assert_eq!(row_ops("t", more, ab()), back);
        assert_eq!(row_ops("t", ab(), row(&[])), [RowOp::unset("t", "r", ["a", "b"])]);
    }

    #[test]
    fn values_are_compared_bit_by_bit() {
        let real = |value: f64| row(&[("a", value.into())]);
        assert_eq!(row_ops("t", real(f64::NAN), real(f64::NAN)), []);
        assert_eq!(row_ops("t", real(0.0), real(-0.0)).len(), 1);
        assert_eq!(row_ops("t", real(1.0), row(&[("a", 1.into())])), [RowOp::update("t", "r", [("a", 1)])]);
        assert_eq!(row_ops("t", row(&[]), row(&[("a", Value::Null)])).len(), 1);
    }
}
