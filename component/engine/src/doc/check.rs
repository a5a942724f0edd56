//! What can be said of commits and runs without looking at a document, and making them canonical.

use super::EventRun;
use crate::error::{Error, Invalid, Name, RunRule};
use crate::id::EventId;
use crate::limits;
use crate::oplog::{CommitRef, RowOp};
use crate::sort;

/// Checks names and sizes, and sorts the cells of each operation by column, so that one event has one form.
/// O(size × log of the cells of an operation).
pub(super) fn commit(ops: &mut [RowOp]) -> Result<(), Error> {
    limits::COMMIT_OPERATIONS.check(ops.len() as u64)?;
    for op in &mut *ops {
        let (table, row, _) = op.parts();
        Name::Table.check(table)?;
        Name::Row.check(row)?;
        let (RowOp::Insert { cells, .. } | RowOp::Update { cells, .. }) = op else { continue };
        limits::OPERATION_CELLS.check(cells.len() as u64)?;
        for cell in &*cells {
            Name::Column.check(&cell.column)?;
            limits::VALUE_BYTES.check(cell.value.as_ref().content_bytes())?;
        }
        sort::sort_by(cells, |a, b| a.column.cmp(&b.column));
        if let Some(pair) = cells.windows(2).find(|pair| pair[0].column == pair[1].column) {
            return Err(Invalid::RepeatedColumn(pair[0].column.clone()).into());
        }
    }
    limits::COMMIT_BYTES.check(CommitRef::Plain(ops).bytes())
}

/// Checks each run for itself, as far as it can be checked without what it depends on, and makes its commits canonical.
pub(super) fn runs(runs: &mut [EventRun]) -> Result<(), Error> {
    for (place, run) in runs.iter_mut().enumerate() {
        Name::Peer.check(&run.peer)?;
        limits::EVENT_DEPENDENCIES.check(run.deps.len() as u64)?;
        for dep in &run.deps {
            Name::Peer.check(&dep.peer)?;
            limits::COUNTER.check(dep.counter.into())?;
        }
        limits::COUNTER.check((u64::from(run.start) + run.commits.len() as u64).saturating_sub(1))?;
        let EventRun { peer, start, lamport, deps, commits } = &*run;
        rules(peer, *start, commits.len() as u64, deps, Some(*lamport))
            .map_err(|rule| broken(peer, *start, place, rule))?;
        for ops in &mut run.commits {
            commit(ops)?;
        }
    }
    Ok(())
}

/// The error for a run that breaks a rule.
pub(super) fn broken(peer: &str, start: u32, place: usize, rule: RunRule) -> Error {
    Invalid::Run { run: place, peer: peer.to_owned(), start, rule }.into()
}

/// The rules for a run, as far as they can be checked without what it depends on.
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
    // An event comes after its peer's earlier ones, and after what its dependencies come after.
    let least = deps.iter().map(|dep| dep.counter).chain(start.checked_sub(1)).max();
    let derived = least.map_or(1, |counter| counter.saturating_add(2));
    let is_right = if deps.is_empty() { given == derived } else { given >= derived };
    let last = u64::from(given) + len - 1;
    if is_right && last <= u64::from(u32::MAX) { Ok(()) } else { Err(RunRule::Lamport { given, derived }) }
}
