//! Checks of commits and runs that need no document. They also make commits canonical.

use super::EventRun;
use crate::error::{Error, Invalid, Name, RunRule};
use crate::id::EventId;
use crate::lanes::check_name;
use crate::limits;
use crate::oplog::{CommitRef, RowOp, RowsOp, ShapedRow, TableRows};
use crate::sort;
use crate::value::Value;

/// Checks names and sizes, and sorts the cells and columns of each operation, so that equal events
/// have equal content. O(size × log of the cells of an operation).
pub(super) fn commit(ops: &mut [RowOp]) -> Result<(), Error> {
    limits::COMMIT_OPERATIONS.check(ops.len() as u64)?;
    for op in &mut *ops {
        let (table, row) = op.row_name();
        Name::Table.check(table)?;
        Name::Row.check(row)?;
        match op {
            RowOp::Insert { cells, .. } | RowOp::Update { cells, .. } => {
                limits::OPERATION_CELLS.check(cells.len() as u64)?;
                for cell in &*cells {
                    Name::Column.check(&cell.column)?;
                    limits::VALUE_BYTES.check(cell.value.as_ref().content_bytes())?;
                }
                sort::sort_by(cells, |a, b| a.column.cmp(&b.column));
                each_once(cells.iter().map(|cell| &cell.column))?;
            }
            RowOp::Unset { columns, .. } => {
                limits::OPERATION_CELLS.check(columns.len() as u64)?;
                columns.iter().try_for_each(|column| Name::Column.check(column))?;
                sort::sort(columns);
                each_once(columns.iter())?;
            }
            RowOp::Splice { column, insert, .. } => {
                Name::Column.check(column)?;
                limits::VALUE_BYTES.check(insert.len() as u64)?;
            }
            RowOp::Add { column, .. } => Name::Column.check(column)?,
            RowOp::Delete { .. } => {}
        }
    }
    limits::COMMIT_BYTES.check(CommitRef::Plain(ops).bytes())
}

/// Checks names, values and shapes, and sorts the columns of each shape and the values of its rows.
/// Does not check the size of the commit. O(size × log of the cells of a row).
pub(super) fn rows(ops: &mut [RowsOp]) -> Result<(), Error> {
    limits::COMMIT_OPERATIONS.check(ops.iter_mut().map(|op| op.rows_mut().rows.len() as u64).sum())?;
    for TableRows { table, shapes, rows } in ops.iter_mut().map(RowsOp::rows_mut) {
        Name::Table.check(table)?;
        let orders = shapes.iter_mut().map(sort_shape).collect::<Result<Vec<_>, _>>()?;
        for row in rows {
            shaped_row(row, &orders)?;
        }
    }
    Ok(())
}

/// The order of a shape's columns by name, as their former indexes.
type ShapeOrder = Vec<usize>;

/// Checks the columns of a shape, and sorts them. Returns their order.
fn sort_shape(columns: &mut Vec<String>) -> Result<ShapeOrder, Error> {
    limits::OPERATION_CELLS.check(columns.len() as u64)?;
    columns.iter().try_for_each(|column| Name::Column.check(column))?;
    let mut order: ShapeOrder = (0..columns.len()).collect();
    if !columns.is_sorted() {
        sort::sort_by(&mut order, |&a, &b| columns[a].cmp(&columns[b]));
        *columns = order.iter().map(|&at| std::mem::take(&mut columns[at])).collect();
    }
    each_once(columns.iter())?;
    Ok(order)
}

/// Checks a row, and sorts its values by the order of its shape.
fn shaped_row(row: &mut ShapedRow, orders: &[ShapeOrder]) -> Result<(), Error> {
    Name::Row.check(&row.id)?;
    let Some(order) = orders.get(row.shape as usize) else {
        return Err(Invalid::UnknownShape { row: row.id.clone(), shape: row.shape, shapes: orders.len() }.into());
    };
    if row.values.len() != order.len() {
        let (columns, values) = (order.len(), row.values.len());
        return Err(Invalid::ShapeMismatch { row: row.id.clone(), columns, values }.into());
    }
    row.values.iter().try_for_each(|value| limits::VALUE_BYTES.check(value.as_ref().content_bytes()))?;
    if !order.is_sorted() {
        row.values = order.iter().map(|&at| std::mem::replace(&mut row.values[at], Value::Null)).collect();
    }
    Ok(())
}

/// Fails if sorted columns name one twice.
fn each_once<'a>(mut columns: impl Iterator<Item = &'a String>) -> Result<(), Error> {
    let mut last = columns.next();
    for column in columns {
        if last.replace(column) == Some(column) {
            return Err(Invalid::RepeatedColumn(column.clone()).into());
        }
    }
    Ok(())
}

/// Checks each run as far as this is possible without its dependencies, and makes its commits
/// canonical.
pub(super) fn runs(runs: &mut [EventRun]) -> Result<(), Error> {
    for (place, run) in runs.iter_mut().enumerate() {
        check_name(&run.peer)?;
        limits::EVENT_DEPENDENCIES.check(run.deps.len() as u64)?;
        for dep in &run.deps {
            check_name(&dep.peer)?;
            limits::COUNTER.check(dep.counter.into())?;
        }
        limits::COUNTER.check((u64::from(run.start) + run.commits.len() as u64).saturating_sub(1))?;
        let EventRun { peer, start, lamport, deps, commits, fingerprints, .. } = &*run;
        rules(peer, *start, commits.len() as u64, deps, *lamport)
            .and_then(|()| links(fingerprints, deps.len() + usize::from(*start > 0)))
            .map_err(|rule| broken(peer, *start, place, rule))?;
        for ops in &mut run.commits {
            commit(ops)?;
        }
    }
    Ok(())
}

/// Fails unless there are no fingerprints, or one for each link.
fn links(fingerprints: &[u64], links: usize) -> Result<(), RunRule> {
    let is_right = fingerprints.is_empty() || (fingerprints.len() == links && !fingerprints.contains(&0));
    if is_right { Ok(()) } else { Err(RunRule::Fingerprints) }
}

/// Returns the error for a run that breaks a rule.
pub(super) fn broken(peer: &str, start: u32, place: usize, rule: RunRule) -> Error {
    Invalid::Run { run: place, peer: peer.to_owned(), start, rule }.into()
}

/// Checks the rules for a run that need no other events.
pub(super) fn rules(peer: &str, start: u32, len: u64, deps: &[EventId], lamport: Option<u32>) -> Result<(), RunRule> {
    if len == 0 {
        return Err(RunRule::Empty);
    }
    if !deps.is_sorted_by(|a, b| a.peer < b.peer) {
        return Err(RunRule::DependenciesUnsorted);
    }
    let own = deps.iter().find(|dep| dep.peer == peer);
    if let Some(own) = own.filter(|own| own.counter.checked_add(1) != Some(start)) {
        return Err(RunRule::OwnDependency { counter: own.counter });
    }
    if start > 0 && deps.is_empty() {
        return Err(RunRule::PreviousMissing);
    }
    let Some(given) = lamport else { return Ok(()) };
    // The time of an event exceeds the number of its peer's earlier events, and the time of its
    // dependencies.
    let latest = deps.iter().map(|dep| dep.counter).chain(start.checked_sub(1)).max();
    let derived = latest.map_or(1, |counter| counter.saturating_add(2));
    let is_right = if deps.is_empty() { given == derived } else { given >= derived };
    let last = u64::from(given) + len - 1;
    if is_right && last <= u64::from(u32::MAX) { Ok(()) } else { Err(RunRule::Lamport { given, derived }) }
}
