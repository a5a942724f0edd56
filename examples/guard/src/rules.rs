//! What a schema allows. Everything is decided before the engine is called; an error names the rule.
//!
//! All rules but one look at an operation alone, so that every replica decides alike, whatever it knows. `references` looks at
//! what the author had before them: a row that somebody else deletes at the same time is no reason to refuse the event that
//! names it, which would part the replicas for good.

use crate::contract::converge::guard::schema::{self, Kind};
use crate::contract::converge::sync::durable::{DeleteOp, Doc, EventBatch, EventRun, InsertOp, RowOp, UpdateOp};
use crate::contract::converge::sync::types::{Cell, Error, EventId, KeyRange, ScanOptions, Value};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::OnceLock;

/// How many rows of a document are looked at at a time.
const ROWS_AT_A_TIME: u32 = 256;

/// What a document may hold, by table and column.
pub(crate) struct Rules(BTreeMap<String, BTreeMap<String, schema::Column>>);

/// A cell that names a row of another table.
struct Reference<'a> {
    from: String,
    table: &'a str,
    row: &'a str,
}

/// The events of a run that a document does not know.
struct News<'a> {
    deps: Cow<'a, [EventId]>,
    commits: &'a [Vec<RowOp>],
}

impl<'a> News<'a> {
    /// None where it knows them all: `known` of the peer's events.
    fn of(run: &'a EventRun, known: u32) -> Option<Self> {
        let skipped = known.saturating_sub(run.start);
        let commits = run.commits.get(skipped as usize..).filter(|commits| !commits.is_empty())?;
        let before = || EventId { peer: run.peer.clone(), counter: known - 1 };
        let deps = if skipped == 0 { Cow::Borrowed(&run.deps[..]) } else { Cow::Owned(vec![before()]) };
        Some(Self { deps, commits })
    }
}

impl Rules {
    /// Those of the schema that this component was composed with; none where it allows everything.
    pub(crate) fn get() -> Option<&'static Self> {
        static RULES: OnceLock<Option<Rules>> = OnceLock::new();
        let read = || {
            let columns = |table: schema::Table| {
                (table.name, table.columns.into_iter().map(|column| (column.name.clone(), column)).collect())
            };
            Some(Self(schema::tables()?.into_iter().map(columns).collect()))
        };
        RULES.get_or_init(read).as_ref()
    }

    /// Checks an operation by itself.
    pub(crate) fn check_op(&self, op: &RowOp) -> Result<(), Error> {
        let columns = |table: &str| {
            self.0.get(table).ok_or_else(|| broken("table", format_args!("the schema has no table {table:?}")))
        };
        match op {
            RowOp::Insert(InsertOp { table, row, cells }) => {
                let columns = columns(table)?;
                cells.iter().try_for_each(|cell| check_cell(table, columns, cell))?;
                let is_given = |column: &str| cells.iter().any(|cell| cell.column == column);
                match columns.values().find(|column| column.required && !is_given(&column.name)) {
                    Some(column) => Err(missing(table, row, &column.name)),
                    None => Ok(()),
                }
            }
            RowOp::Update(UpdateOp { table, cells, .. }) => {
                let columns = columns(table)?;
                cells.iter().try_for_each(|cell| check_cell(table, columns, cell))
            }
            RowOp::Delete(DeleteOp { table, .. }) => columns(table).map(drop),
        }
    }

    /// Checks operations that are one commit here. `is_there` tells of any row whether it is before the commit.
    pub(crate) fn check_commit(&self, ops: &[RowOp], is_there: impl Fn(&str, &str) -> bool) -> Result<(), Error> {
        ops.iter().try_for_each(|op| self.check_op(op))?;
        let mut written = BTreeMap::new();
        for op in ops {
            let (table, row, is_deleted) = named(op);
            written.insert((table, row), !is_deleted);
        }
        let is_there =
            |table: &str, row: &str| written.get(&(table, row)).copied().unwrap_or_else(|| is_there(table, row));
        self.check_references(ops, is_there)
    }

    /// Checks that the rows are there that operations name.
    pub(crate) fn check_references<'a>(
        &'a self,
        ops: impl IntoIterator<Item = &'a RowOp>,
        mut is_there: impl FnMut(&str, &str) -> bool,
    ) -> Result<(), Error> {
        for Reference { from, table, row } in ops.into_iter().flat_map(|op| self.references(op)) {
            if !is_there(table, row) {
                return Err(broken(
                    "references",
                    format_args!("{from} names the row {row:?} of {table:?}, which is not there"),
                ));
            }
        }
        Ok(())
    }

    /// Checks the events of an update, which is to be merged into a document.
    pub(crate) fn check_update(&self, doc: &Doc, update: &[u8]) -> Result<(), Error> {
        self.check_events(doc, |visit| each_page(update, visit))
    }

    /// Checks events of other replicas, which are to be merged into a document; `each` visits them all, page by page. The row that
    /// an event names may be there, may come with it, or may have been there for its author, who had not deleted it just before.
    pub(crate) fn check_events(
        &self,
        doc: &Doc,
        each: impl Fn(&mut dyn FnMut(&[EventRun]) -> Result<(), Error>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let known: BTreeMap<String, u32> = doc.version().into_iter().map(|known| (known.peer, known.count)).collect();
        let known = |peer: &str| known.get(peer).copied().unwrap_or(0);
        let mut come = BTreeSet::new();
        each(&mut |runs| {
            self.check_ops(runs)?;
            for op in
                runs.iter().filter_map(|run| News::of(run, known(&run.peer))).flat_map(|news| news.commits).flatten()
            {
                if let RowOp::Insert(InsertOp { table, row, .. }) = op {
                    come.insert((table.clone(), row.clone()));
                }
            }
            Ok(())
        })?;
        // By peer, the counter of its next event, and what the first of a run that a page may have cut depends on.
        let mut begun: BTreeMap<String, (u32, Vec<EventId>)> = BTreeMap::new();
        each(&mut |runs| {
            for run in runs {
                let Some(News { deps, commits }) = News::of(run, known(&run.peer)) else { continue };
                let end = run.start + run.commits.len() as u32;
                let goes_on = matches!(&run.deps[..], [dep] if dep.peer == run.peer && dep.counter + 1 == run.start);
                let deps = match begun.remove(&run.peer) {
                    Some((next, deps)) if next == run.start && goes_on => deps,
                    _ => deps.into_owned(),
                };
                self.check_run(doc, commits, &deps, &come)?;
                begun.insert(run.peer.clone(), (end, deps));
            }
            Ok(())
        })
    }

    fn check_run(
        &self,
        doc: &Doc,
        commits: &[Vec<RowOp>],
        deps: &[EventId],
        come: &BTreeSet<(String, String)>,
    ) -> Result<(), Error> {
        let (mut deleted, mut seen) = (BTreeSet::new(), None);
        for commit in commits {
            for op in commit {
                let (table, row, is_deleted) = named(op);
                let _ = if is_deleted { deleted.insert((table, row)) } else { deleted.remove(&(table, row)) };
            }
            self.check_references(commit, |table, row| {
                let owned = || (table.to_owned(), row.to_owned());
                !deleted.contains(&(table, row))
                    && (doc.get(table, row).is_some()
                        || come.contains(&owned())
                        || seen.get_or_insert_with(|| deleted_since(doc, deps)).contains(&owned()))
            })?;
        }
        Ok(())
    }

    /// Checks a saved document that is to become one here: its events, and its rows, of which it may have given up the events. Of
    /// both each by itself: what it names may have been deleted since.
    pub(crate) fn check_document(&self, saved: &[u8]) -> Result<(), Error> {
        each_page(saved, &mut |runs| self.check_ops(runs))?;
        let doc = Doc::load("guard", saved)?;
        for table in doc.tables() {
            let mut after = None;
            loop {
                let range = KeyRange::All;
                let options =
                    ScanOptions { range, descending: false, limit: ROWS_AT_A_TIME, after, columns: Vec::new() };
                let page = doc.scan(&table.name, &options)?;
                after = page.rows.last().map(|row| row.id.clone());
                for row in page.rows {
                    self.check_op(&RowOp::Insert(InsertOp {
                        table: table.name.clone(),
                        row: row.id,
                        cells: row.cells,
                    }))?;
                }
                if !page.more || after.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn check_ops(&self, runs: &[EventRun]) -> Result<(), Error> {
        ops(runs).try_for_each(|op| self.check_op(op))
    }

    fn references<'a>(&'a self, op: &'a RowOp) -> impl Iterator<Item = Reference<'a>> {
        let (table, cells) = match op {
            RowOp::Insert(InsertOp { table, cells, .. }) | RowOp::Update(UpdateOp { table, cells, .. }) => {
                (table, &cells[..])
            }
            RowOp::Delete(DeleteOp { table, .. }) => (table, &[][..]),
        };
        let columns = self.0.get(table);
        cells.iter().filter_map(move |Cell { column, value }| {
            match (columns?.get(column)?.references.as_deref(), value) {
                (Some(to), Value::Text(row)) => Some(Reference { from: format!("{table}.{column}"), table: to, row }),
                _ => None,
            }
        })
    }
}

fn check_cell(table: &str, columns: &BTreeMap<String, schema::Column>, cell: &Cell) -> Result<(), Error> {
    let Cell { column: name, value } = cell;
    let column = columns
        .get(name)
        .ok_or_else(|| broken("column", format_args!("the schema has no column {name:?} in the table {table:?}")))?;
    let (kind, bytes) = match value {
        Value::Null if column.required => {
            return Err(broken("required", format_args!("{table}.{name} must have a value, and was given null")));
        }
        Value::Null => return Ok(()),
        Value::Boolean(_) => (Kind::Boolean, 0),
        Value::Integer(_) => (Kind::Integer, 0),
        Value::Real(_) => (Kind::Real, 0),
        Value::Text(text) => (Kind::Text, text.len()),
        Value::Blob(blob) => (Kind::Blob, blob.len()),
    };
    if kind != column.kind {
        let (taken, given) = (told(column.kind), told(kind));
        return Err(broken("type", format_args!("{table}.{name} takes {taken}, and was given {given}")));
    }
    if bytes > column.most_bytes as usize {
        let most = column.most_bytes;
        return Err(broken("size", format_args!("{table}.{name} takes {most} bytes, and was given {bytes}")));
    }
    Ok(())
}

fn told(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "a boolean",
        Kind::Integer => "an integer",
        Kind::Real => "a real",
        Kind::Text => "a text",
        Kind::Blob => "a blob",
    }
}

fn missing(table: &str, row: &str, column: &str) -> Error {
    broken("required", format_args!("an insert of the row {row:?} lacks {table}.{column}"))
}

fn broken(rule: &str, what: fmt::Arguments<'_>) -> Error {
    Error::InvalidArgument(format!("the schema's rule {rule:?} refuses this: {what}"))
}

fn ops(runs: &[EventRun]) -> impl Iterator<Item = &RowOp> {
    runs.iter().flat_map(|run| run.commits.iter().flatten())
}

/// Visits the events of an update or a saved document, page by page.
fn each_page(update: &[u8], visit: &mut dyn FnMut(&[EventRun]) -> Result<(), Error>) -> Result<(), Error> {
    let mut skip = 0;
    loop {
        let EventBatch { runs, more } = Doc::events_of(update, skip, u32::MAX)?;
        visit(&runs)?;
        skip += runs.iter().map(|run| run.commits.len() as u32).sum::<u32>();
        if !more {
            return Ok(());
        }
    }
}

/// Table and row of an operation, and whether it deletes the row.
fn named(op: &RowOp) -> (&str, &str, bool) {
    match op {
        RowOp::Insert(InsertOp { table, row, .. }) | RowOp::Update(UpdateOp { table, row, .. }) => (table, row, false),
        RowOp::Delete(DeleteOp { table, row }) => (table, row, true),
    }
}

/// The rows that were there at a version and are not there any more; none where the document does not know that version.
fn deleted_since(doc: &Doc, version: &[EventId]) -> BTreeSet<(String, String)> {
    let back = doc.diff(&doc.heads(), version).unwrap_or_default();
    let inserted = |op| match op {
        RowOp::Insert(InsertOp { table, row, .. }) => Some((table, row)),
        RowOp::Update(_) | RowOp::Delete(_) => None,
    };
    back.into_iter().filter_map(inserted).collect()
}
