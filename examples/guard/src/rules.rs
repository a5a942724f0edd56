//! The rules of a schema. All checks run before the engine is called; an error names the rule.
//!
//! All rules except `references` consider a single operation, so that every replica decides alike,
//! whatever it knows. `references` considers the rows that existed for the author. An event may
//! refer to a row that another peer deletes concurrently: rejecting it would separate the replicas
//! permanently.

use crate::contract::converge::guard::schema::{self, Kind};
use crate::contract::converge::sync::durable::{
    AddOp, DeleteOp, Doc, EventBatch, EventRun, InsertOp, RowOp, SpliceOp, UnsetOp, UpdateOp, UpdateReader,
};
use crate::contract::converge::sync::transactions::Transaction;
use crate::contract::converge::sync::types::{Cell, Error, EventId, KeyRange, ScanOptions, Value};
use crate::convert::cells;
use crate::transactions::write;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::OnceLock;

/// The number of rows per page when a document is checked.
const PAGE_ROWS: u32 = 256;

/// The columns that a document may contain, by table and name.
pub(crate) struct Rules(BTreeMap<String, Columns>);

/// The columns of a table by name.
type Columns = BTreeMap<String, schema::Column>;

/// A cell that refers to a row of another table.
struct Reference<'a> {
    from: String,
    table: &'a str,
    row: &'a str,
}

impl Rules {
    /// Returns the rules of the schema that this component was composed with, or `None` if the
    /// schema allows everything.
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

    /// Checks a single operation.
    pub(crate) fn check_op(&self, op: &RowOp) -> Result<(), Error> {
        let columns = |table: &str| self.columns(table);
        match op {
            RowOp::Insert(InsertOp { table, row, cells }) => {
                check_row(table, columns(table)?, (row, cells), check_cell)
            }
            RowOp::Update(UpdateOp { table, cells, .. }) => {
                let columns = columns(table)?;
                cells.iter().try_for_each(|cell| check_cell(table, columns, cell))
            }
            RowOp::Delete(DeleteOp { table, .. }) => columns(table).map(drop),
            RowOp::Unset(UnsetOp { table, row, columns: unset }) => {
                let columns = columns(table)?;
                unset.iter().try_for_each(|name| match column(table, columns, name)?.required {
                    true => Err(broken("required", format_args!("{table}.{name} of the row {row:?} cannot be unset"))),
                    false => Ok(()),
                })
            }
            RowOp::Splice(SpliceOp { table, column: name, insert, .. }) => {
                let columns = columns(table)?;
                check_cell(table, columns, &Cell { column: name.clone(), value: Value::Text(insert.clone()) })?;
                match &column(table, columns, name)?.references {
                    Some(to) => Err(broken(
                        "references",
                        format_args!("{table}.{name} refers to rows of {to:?}; update it as a whole"),
                    )),
                    None => Ok(()),
                }
            }
            RowOp::Add(AddOp { table, column, amount, .. }) => {
                check_cell(table, columns(table)?, &Cell { column: column.clone(), value: Value::Integer(*amount) })
            }
        }
    }

    /// Checks the operations of a local commit. `exists` returns whether a row exists before the
    /// commit.
    pub(crate) fn check_commit(&self, ops: &[RowOp], exists: impl Fn(&str, &str) -> bool) -> Result<(), Error> {
        ops.iter().try_for_each(|op| self.check_op(op))?;
        let mut written = BTreeMap::new();
        for op in ops {
            let (table, row, is_deleted) = named(op);
            written.insert((table, row), !is_deleted);
        }
        let exists = |table: &str, row: &str| written.get(&(table, row)).copied().unwrap_or_else(|| exists(table, row));
        self.check_references(ops, exists)
    }

    /// Checks the sizes of the texts that the splices of a local commit result in. Other replicas
    /// do not check them: concurrent splices, each within the limit, can make a text longer.
    pub(crate) fn check_texts(&self, doc: &Doc, ops: &[RowOp]) -> Result<(), Error> {
        if !ops.iter().any(|op| matches!(op, RowOp::Splice(_))) {
            return Ok(());
        }
        let transaction = doc.begin();
        for op in ops {
            self.check_text(&transaction, op)?;
            if write(&transaction, op).is_err() {
                // The commit will fail.
                break;
            }
        }
        Ok(())
    }

    /// Checks the size of the text that a splice results in, if the operation is one. The operation
    /// is not written to the transaction yet.
    pub(crate) fn check_text(&self, transaction: &Transaction, op: &RowOp) -> Result<(), Error> {
        let RowOp::Splice(SpliceOp { table, row, column, at, remove, insert }) = op else { return Ok(()) };
        let cells = transaction.get(table, row).unwrap_or_default();
        let Some(Value::Text(text)) = cells.iter().find(|cell| cell.column == *column).map(|cell| &cell.value) else {
            return Ok(());
        };
        let removed = text.chars().skip(*at as usize).take(*remove as usize).map(char::len_utf8).sum::<usize>();
        self.check_length(table, column, text.len() - removed + insert.len())
    }

    /// Checks the size of a text that a local edit results in.
    pub(crate) fn check_length(&self, table: &str, column: &str, bytes: usize) -> Result<(), Error> {
        let limit = self.0.get(table).and_then(|columns| columns.get(column));
        limit.map_or(Ok(()), |limit| check_size(table, limit, bytes))
    }

    /// Checks that the rows that operations refer to exist.
    pub(crate) fn check_references<'a>(
        &'a self,
        ops: impl IntoIterator<Item = &'a RowOp>,
        mut exists: impl FnMut(&str, &str) -> bool,
    ) -> Result<(), Error> {
        for Reference { from, table, row } in ops.into_iter().flat_map(|op| self.references(op)) {
            if !exists(table, row) {
                return Err(broken(
                    "references",
                    format_args!("{from} refers to the row {row:?} of {table:?}, which does not exist"),
                ));
            }
        }
        Ok(())
    }

    /// Checks the events of an update before it is merged into a document.
    pub(crate) fn check_update(&self, doc: &Doc, update: &[u8]) -> Result<(), Error> {
        self.check_events(doc, |visit| each_page(update, visit))
    }

    /// Checks events of other replicas before they are merged into a document. `each` visits all
    /// events, page by page. A row that an event refers to must exist in the document, be inserted
    /// by another of the events, or have existed for the author, who must not have deleted it just
    /// before.
    ///
    /// Events that the document seems to have are checked, too: a name alone does not identify an
    /// event.
    pub(crate) fn check_events(
        &self,
        doc: &Doc,
        each: impl Fn(&mut dyn FnMut(&[EventRun]) -> Result<(), Error>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let known: BTreeMap<String, u32> = doc.version().into_iter().map(|known| (known.peer, known.count)).collect();
        let mut inserted = BTreeSet::new();
        each(&mut |runs| {
            self.check_ops(runs)?;
            for run in runs {
                let skipped = known.get(&run.peer).map_or(0, |known| known.saturating_sub(run.start));
                for op in run.commits.iter().skip(skipped as usize).flatten() {
                    if let RowOp::Insert(InsertOp { table, row, .. }) = op {
                        inserted.insert((table.clone(), row.clone()));
                    }
                }
            }
            Ok(())
        })?;
        // By peer, the counter of its next event, and its run so far, which a page may have cut.
        let mut begun: BTreeMap<String, (u32, Begun)> = BTreeMap::new();
        each(&mut |runs| {
            for run in runs {
                let end = run.start + run.commits.len() as u32;
                let continues = matches!(&run.deps[..], [dep] if dep.peer == run.peer && dep.counter + 1 == run.start);
                let mut so_far = match begun.remove(&run.peer) {
                    Some((next, so_far)) if next == run.start && continues => so_far,
                    _ => Begun { deps: run.deps.clone(), rows: BTreeMap::new() },
                };
                self.check_run(doc, &run.commits, &mut so_far, &inserted)?;
                begun.insert(run.peer.clone(), (end, so_far));
            }
            Ok(())
        })
    }

    fn check_run(
        &self,
        doc: &Doc,
        commits: &[Vec<RowOp>],
        Begun { deps, rows }: &mut Begun,
        inserted: &BTreeSet<(String, String)>,
    ) -> Result<(), Error> {
        let mut seen = None;
        for commit in commits {
            for op in commit {
                match op {
                    RowOp::Insert(InsertOp { table, row, .. }) => rows.insert((table.clone(), row.clone()), true),
                    RowOp::Delete(DeleteOp { table, row }) => rows.insert((table.clone(), row.clone()), false),
                    RowOp::Update(_) | RowOp::Unset(_) | RowOp::Splice(_) | RowOp::Add(_) => None,
                };
            }
            self.check_references(commit, |table, row| {
                let named = (table.to_owned(), row.to_owned());
                rows.get(&named).copied().unwrap_or_else(|| {
                    doc.get(table, row).is_some()
                        || inserted.contains(&named)
                        || seen.get_or_insert_with(|| Seen::by(doc, deps)).has(&named)
                })
            })?;
        }
        Ok(())
    }

    /// Checks a saved document before it is loaded: its events, and its rows, whose events a
    /// compaction may have dropped. Does not check references, because the rows may have been
    /// deleted since, nor sizes of texts in rows, because concurrent splices may have made them
    /// longer.
    pub(crate) fn check_document(&self, saved: &[u8]) -> Result<(), Error> {
        each_page(saved, &mut |runs| self.check_ops(runs))?;
        let doc = Doc::load("guard", saved)?;
        for table in doc.tables() {
            let mut after = None;
            loop {
                let range = KeyRange::All;
                let options = ScanOptions { range, descending: false, limit: PAGE_ROWS, after, columns: Vec::new() };
                let page = doc.scan(&table.name, &options)?;
                after = page.rows.last().map(|row| row.id.clone());
                for row in &page.rows {
                    let cells = cells(&page.shapes, row);
                    check_row(&table.name, self.columns(&table.name)?, (&row.id, &cells), check_merged)?;
                }
                if !page.more || after.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn columns(&self, table: &str) -> Result<&Columns, Error> {
        self.0.get(table).ok_or_else(|| broken("table", format_args!("the schema has no table {table:?}")))
    }

    fn check_ops(&self, runs: &[EventRun]) -> Result<(), Error> {
        ops(runs).try_for_each(|op| self.check_op(op))
    }

    fn references<'a>(&'a self, op: &'a RowOp) -> impl Iterator<Item = Reference<'a>> {
        let (table, cells) = match op {
            RowOp::Insert(InsertOp { table, cells, .. }) | RowOp::Update(UpdateOp { table, cells, .. }) => {
                (table, &cells[..])
            }
            RowOp::Delete(DeleteOp { table, .. })
            | RowOp::Unset(UnsetOp { table, .. })
            | RowOp::Splice(SpliceOp { table, .. })
            | RowOp::Add(AddOp { table, .. }) => (table, &[][..]),
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

fn column<'a>(table: &str, columns: &'a Columns, name: &str) -> Result<&'a schema::Column, Error> {
    let unknown = || broken("column", format_args!("the schema has no column {name:?} in the table {table:?}"));
    columns.get(name).ok_or_else(unknown)
}

/// Checks the cells of a row by `check`, and that none is missing.
fn check_row(
    table: &str,
    columns: &Columns,
    (row, cells): (&str, &[Cell]),
    check: fn(&str, &Columns, &Cell) -> Result<(), Error>,
) -> Result<(), Error> {
    cells.iter().try_for_each(|cell| check(table, columns, cell))?;
    let is_present = |column: &str| cells.iter().any(|cell| cell.column == column);
    match columns.values().find(|column| column.required && !is_present(&column.name)) {
        Some(column) => Err(missing(table, row, &column.name)),
        None => Ok(()),
    }
}

/// Checks a cell that an operation writes.
fn check_cell(table: &str, columns: &Columns, cell: &Cell) -> Result<(), Error> {
    let column = check_type(table, columns, cell)?;
    match &cell.value {
        Value::Text(text) => check_size(table, column, text.len()),
        Value::Blob(blob) => check_size(table, column, blob.len()),
        _ => Ok(()),
    }
}

/// Checks a cell that several operations resulted in.
fn check_merged(table: &str, columns: &Columns, cell: &Cell) -> Result<(), Error> {
    let column = check_type(table, columns, cell)?;
    match &cell.value {
        Value::Blob(blob) => check_size(table, column, blob.len()),
        _ => Ok(()),
    }
}

/// Checks a cell except for its size, and returns its column.
fn check_type<'a>(table: &str, columns: &'a Columns, cell: &Cell) -> Result<&'a schema::Column, Error> {
    let Cell { column: name, value } = cell;
    let column = column(table, columns, name)?;
    let kind = match value {
        Value::Null if column.required => {
            return Err(broken("required", format_args!("{table}.{name} must have a value, not null")));
        }
        Value::Null => return Ok(column),
        Value::Boolean(_) => Kind::Boolean,
        Value::Integer(_) => Kind::Integer,
        Value::Real(_) => Kind::Real,
        Value::Text(_) => Kind::Text,
        Value::Blob(_) => Kind::Blob,
    };
    if kind == column.kind {
        return Ok(column);
    }
    let (expected, found) = (kind_name(column.kind), kind_name(kind));
    Err(broken("type", format_args!("{table}.{name} must be {expected}, not {found}")))
}

fn check_size(table: &str, column: &schema::Column, bytes: usize) -> Result<(), Error> {
    let (name, max) = (&column.name, column.max_bytes);
    if bytes <= max as usize {
        return Ok(());
    }
    Err(broken("size", format_args!("{table}.{name} is {bytes} bytes long; the maximum is {max}")))
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "a boolean",
        Kind::Integer => "an integer",
        Kind::Real => "a real",
        Kind::Text => "a text",
        Kind::Blob => "a blob",
    }
}

fn missing(table: &str, row: &str, column: &str) -> Error {
    broken("required", format_args!("an insert of the row {row:?} must set {table}.{column}"))
}

fn broken(rule: &str, what: fmt::Arguments<'_>) -> Error {
    Error::InvalidArgument(format!("the schema's rule {rule:?} rejects this: {what}"))
}

fn ops(runs: &[EventRun]) -> impl Iterator<Item = &RowOp> {
    runs.iter().flat_map(|run| run.commits.iter().flatten())
}

/// Visits the events of an update or a saved document, page by page.
fn each_page(update: &[u8], visit: &mut dyn FnMut(&[EventRun]) -> Result<(), Error>) -> Result<(), Error> {
    let reader = UpdateReader::open(update)?;
    loop {
        let EventBatch { runs, more } = reader.next(u32::MAX);
        visit(&runs)?;
        if !more {
            return Ok(());
        }
    }
}

/// Returns the table and row of an operation, and whether it deletes the row.
fn named(op: &RowOp) -> (&str, &str, bool) {
    match op {
        RowOp::Insert(InsertOp { table, row, .. })
        | RowOp::Update(UpdateOp { table, row, .. })
        | RowOp::Unset(UnsetOp { table, row, .. })
        | RowOp::Splice(SpliceOp { table, row, .. })
        | RowOp::Add(AddOp { table, row, .. }) => (table, row, false),
        RowOp::Delete(DeleteOp { table, row }) => (table, row, true),
    }
}

/// The events of a run that have been checked.
struct Begun {
    /// Dependencies of the first event.
    deps: Vec<EventId>,
    /// Rows that these events inserted or deleted, and whether they exist afterwards.
    rows: BTreeMap<(String, String), bool>,
}

/// Rows that existed for the author of an event and do not exist anymore.
enum Seen {
    Rows(BTreeSet<(String, String)>),
    /// Unknown, because the history was compacted. The engine decides whether it knows the event.
    Compacted,
}

impl Seen {
    /// Returns the rows for an event with these dependencies; no rows if the document lacks them.
    fn by(doc: &Doc, dependencies: &[EventId]) -> Self {
        let back = match doc.diff(&doc.heads(), dependencies) {
            Err(Error::Compacted(_)) => return Self::Compacted,
            back => back.unwrap_or_default(),
        };
        let inserted = |op| match op {
            RowOp::Insert(InsertOp { table, row, .. }) => Some((table, row)),
            RowOp::Update(_) | RowOp::Delete(_) | RowOp::Unset(_) | RowOp::Splice(_) | RowOp::Add(_) => None,
        };
        Self::Rows(back.into_iter().filter_map(inserted).collect())
    }

    fn has(&self, row: &(String, String)) -> bool {
        match self {
            Self::Rows(rows) => rows.contains(row),
            Self::Compacted => true,
        }
    }
}
