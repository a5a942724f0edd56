//! The mirror tables: the rows of the document, for programs that read SQLite.
//!
//! A table of the document is a table of the file if it can be one, under its own name if SQLite
//! allows that. Cells beyond [`MIRROR_COLUMNS`] columns are JSON in the column `_more`; the rows of
//! tables beyond [`MIRROR_TABLES`] are JSON in `_converge_rows`. `_converge_names` maps the names.
//! Triggers call a function that only connections of this module have, so that nobody else can
//! write.

use crate::sql::{Stored, json, quoted};
use crate::{MIRROR_COLUMNS, MIRROR_TABLES};
use converge::{RowOp, Value};
use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OptionalExtension, ToSql, params, params_from_iter};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet};
use std::iter;

/// The column with the ids of rows.
const ID: &str = "_id";
/// The column with the cells that have no column of their own.
const MORE: &str = "_more";
/// The function that the triggers call.
const WRITE: &str = "converge_write";

/// The events that triggers guard mirror tables against.
const EVENTS: [&str; 3] = ["INSERT", "UPDATE", "DELETE"];

/// Creates the tables for names, and for the rows of further tables.
pub(crate) const SCHEMA: &str = "CREATE TABLE _converge_names (
    tbl TEXT NOT NULL,
    col TEXT NOT NULL,
    sql TEXT NOT NULL,
    PRIMARY KEY (tbl, col)
) STRICT, WITHOUT ROWID;
CREATE TABLE _converge_rows (
    tbl TEXT NOT NULL,
    _id TEXT NOT NULL,
    _more TEXT NOT NULL,
    PRIMARY KEY (tbl, _id)
) STRICT, WITHOUT ROWID;";

/// The names of the mirror tables.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    tables: BTreeMap<String, Table>,
}

/// A mirror table.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Its name in the file.
    pub(crate) sql: String,
    /// The columns of the file by the columns of the document.
    pub(crate) columns: BTreeMap<String, String>,
    /// The columns of the file in lower case, as SQLite compares them.
    taken: BTreeSet<String>,
}

/// The column and the value of a cell.
pub(crate) type CellRef<'a> = (&'a str, &'a Value);

/// Where the rows of a table are.
enum Place<'a> {
    Table(&'a mut Table),
    /// In `_converge_rows`.
    Rows,
}

/// The cells of an operation by their places.
struct Split<'a> {
    /// Those that have a column, with its quoted name.
    own: Vec<(String, Stored<'a>)>,
    /// Those that are in `_more`.
    more: Vec<CellRef<'a>>,
}

/// Adds the function that the triggers of mirror tables call to a connection.
pub(crate) fn allow_writes(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function(WRITE, 0, flags, |_| Ok(1))
}

impl Mirror {
    /// Reads the names.
    pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut mirror = Self::default();
        // A table is listed with an empty column, before its columns.
        let mut names = connection.prepare("SELECT tbl, col, sql FROM _converge_names ORDER BY tbl, col")?;
        let mut rows = names.query([])?;
        while let Some(row) = rows.next()? {
            let (table, column, sql): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let table = mirror.tables.entry(table).or_default();
            if column.is_empty() {
                table.sql = sql;
            } else {
                table.taken.insert(sql.to_ascii_lowercase());
                table.columns.insert(column, sql);
            }
        }
        Ok(mirror)
    }

    /// Returns the mirror tables by the names of the document's tables.
    pub(crate) fn tables(&self) -> &BTreeMap<String, Table> {
        &self.tables
    }

    /// Executes changes of the document on the mirror tables.
    pub(crate) fn apply(&mut self, connection: &Connection, changes: &[RowOp]) -> rusqlite::Result<()> {
        changes.iter().try_for_each(|op| self.apply_one(connection, op))
    }

    fn apply_one(&mut self, connection: &Connection, op: &RowOp) -> rusqlite::Result<()> {
        let (table, row) = (op.table(), op.row());
        let edited = match op {
            RowOp::Splice { column, .. } | RowOp::Add { column, .. } => {
                let cell = self.place(connection, table)?.read(connection, (table, row, column))?;
                Some((&**column, edited(&cell, op)))
            }
            _ => None,
        };
        let cells = match &edited {
            Some((column, value)) => vec![(*column, value)],
            None => cells_of(op),
        };
        match (self.place(connection, table)?, op) {
            (Place::Table(mirror), RowOp::Insert { .. }) => mirror.insert(connection, table, row, &cells),
            (Place::Table(mirror), RowOp::Delete { .. }) => mirror.delete(connection, row),
            (Place::Table(mirror), _) => mirror.set(connection, table, row, &cells),
            (Place::Rows, RowOp::Insert { .. }) => {
                let insert = "INSERT OR REPLACE INTO _converge_rows VALUES (?1, ?2, ?3)";
                connection.prepare_cached(insert)?.execute(params![table, row, object(&cells)]).map(drop)
            }
            (Place::Rows, RowOp::Delete { .. }) => {
                let delete = "DELETE FROM _converge_rows WHERE tbl = ?1 AND _id = ?2";
                connection.prepare_cached(delete)?.execute(params![table, row]).map(drop)
            }
            (Place::Rows, _) => {
                let update = "UPDATE _converge_rows SET _more = json_patch(json_patch(_more, ?1), ?2)
                    WHERE tbl = ?3 AND _id = ?4";
                let values = params![removal(&cells), object(&cells), table, row];
                connection.prepare_cached(update)?.execute(values).map(drop)
            }
        }
    }

    /// Returns whether all mirror tables exist, with their columns and triggers. Other programs can
    /// drop and change tables, although they cannot write rows.
    pub(crate) fn is_whole(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let mut triggers = connection.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")?;
        let triggers: BTreeSet<String> = triggers.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(self.tables.values().all(|table| {
            let has_triggers = EVENTS.iter().all(|event| triggers.contains(&table.trigger(event)));
            has_triggers && connection.prepare(&table.select()).is_ok()
        }))
    }

    /// Drops all mirror tables.
    pub(crate) fn reset(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for table in std::mem::take(&mut self.tables).into_values() {
            let find = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1";
            // Another program may have renamed the table, which keeps its triggers.
            for event in EVENTS {
                connection.execute(&format!("DROP TRIGGER IF EXISTS {}", quoted(&table.trigger(event))), [])?;
            }
            // Or it may have put a view in its place.
            if connection.query_row(find, [&table.sql], |_| Ok(())).optional()?.is_some() {
                connection.execute(&format!("DROP TABLE {}", quoted(&table.sql)), [])?;
            }
        }
        connection.execute_batch("DELETE FROM _converge_names; DELETE FROM _converge_rows")
    }

    /// Returns the place of a table's rows, and creates the mirror table if it is new.
    fn place(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<Place<'_>> {
        if !self.tables.contains_key(name) {
            if self.tables.len() >= MIRROR_TABLES {
                return Ok(Place::Rows);
            }
            let table = Table::create(connection, name)?;
            self.tables.insert(name.to_owned(), table);
        }
        Ok(self.tables.get_mut(name).map_or(Place::Rows, Place::Table))
    }
}

impl Place<'_> {
    /// Returns a text or an integer as it is stored, and null for anything else.
    fn read(&self, connection: &Connection, (table, row, column): (&str, &str, &str)) -> rusqlite::Result<Value> {
        let (select, values, is_own) = match self {
            Place::Table(mirror) => {
                let own = mirror.columns.get(column).map(|sql| quoted(sql));
                let select =
                    format!("SELECT {} FROM {} WHERE {ID} = ?1", own.as_deref().unwrap_or(MORE), quoted(&mirror.sql));
                (select, vec![row], own.is_some())
            }
            Place::Rows => {
                let select = format!("SELECT {MORE} FROM _converge_rows WHERE {ID} = ?1 AND tbl = ?2");
                (select, vec![row, table], false)
            }
        };
        let stored: Option<SqlValue> =
            connection.prepare_cached(&select)?.query_row(params_from_iter(values), |row| row.get(0)).optional()?;
        Ok(match stored {
            Some(SqlValue::Text(object)) if !is_own => match serde_json::from_str::<Json>(&object) {
                Ok(object) => match object.get(column) {
                    Some(Json::String(text)) => Value::Text(text.clone()),
                    Some(Json::Number(number)) => number.as_i64().map_or(Value::Null, Value::Integer),
                    _ => Value::Null,
                },
                Err(_) => Value::Null,
            },
            Some(SqlValue::Text(text)) => Value::Text(text),
            Some(SqlValue::Integer(integer)) if is_own => Value::Integer(integer),
            _ => Value::Null,
        })
    }
}

impl Table {
    fn create(connection: &Connection, name: &str) -> rusqlite::Result<Self> {
        let exists = |sql: &str| -> rusqlite::Result<bool> {
            let find = "SELECT 1 FROM sqlite_master WHERE lower(name) = lower(?1)";
            Ok(connection.prepare_cached(find)?.query_row([sql], |_| Ok(())).optional()?.is_some())
        };
        let wanted = printable(name);
        let lower = wanted.to_ascii_lowercase();
        // SQLite reserves one prefix, and this module the other.
        let is_reserved = lower.starts_with("sqlite_") || lower.starts_with("_converge_");
        let wanted = if is_reserved { format!("t_{wanted}") } else { wanted };
        let mut sql = wanted.clone();
        for number in 2.. {
            if !exists(&sql)? {
                break;
            }
            sql = format!("{wanted}_{number}");
        }
        let table = quoted(&sql);
        let mut create =
            format!("CREATE TABLE {table} ({ID} TEXT NOT NULL PRIMARY KEY, {MORE} TEXT) STRICT, WITHOUT ROWID;");
        let new = Self { sql, ..Self::default() };
        for event in EVENTS {
            let trigger = quoted(&new.trigger(event));
            create += &format!("CREATE TRIGGER {trigger} BEFORE {event} ON {table} BEGIN SELECT {WRITE}(); END;");
        }
        connection.execute_batch(&create)?;
        connection.execute("INSERT INTO _converge_names VALUES (?1, '', ?2)", params![name, new.sql])?;
        Ok(new)
    }

    /// Returns the name of the trigger that guards the table against an event.
    fn trigger(&self, event: &str) -> String {
        format!("_converge_{}_{}", event.to_ascii_lowercase(), self.sql)
    }

    /// Returns the query for all rows, in the order of their ids: the id, the column `_more`, and
    /// the columns in the order of `columns`.
    pub(crate) fn select(&self) -> String {
        let columns: String = self.columns.values().map(|sql| format!(", {}", quoted(sql))).collect();
        format!("SELECT {ID}, {MORE}{columns} FROM {} WHERE ?1 IS NOT NULL ORDER BY {ID}", quoted(&self.sql))
    }

    fn insert(
        &mut self,
        connection: &Connection,
        table: &str,
        row: &str,
        cells: &[CellRef<'_>],
    ) -> rusqlite::Result<()> {
        let Split { own, more } = self.split(connection, table, cells)?;
        let names: String = own.iter().map(|(column, _)| format!(", {column}")).collect();
        let places = ", ?".repeat(own.len());
        let insert =
            format!("INSERT OR REPLACE INTO {} ({ID}, {MORE}{names}) VALUES (?, ?{places})", quoted(&self.sql));
        let more = (!more.is_empty()).then(|| object(&more));
        let own = own.iter().map(|(_, stored)| stored as &dyn ToSql);
        let values = [&row as &dyn ToSql, &more].into_iter().chain(own);
        connection.prepare_cached(&insert)?.execute(params_from_iter(values)).map(drop)
    }

    fn set(&mut self, connection: &Connection, table: &str, row: &str, cells: &[CellRef<'_>]) -> rusqlite::Result<()> {
        let Split { own, more } = self.split(connection, table, cells)?;
        let name = quoted(&self.sql);
        if !own.is_empty() {
            let set: Vec<String> = own.iter().map(|(column, _)| format!("{column} = ?")).collect();
            let update = format!("UPDATE {name} SET {} WHERE {ID} = ?", set.join(", "));
            let own = own.iter().map(|(_, stored)| stored as &dyn ToSql);
            connection.prepare_cached(&update)?.execute(params_from_iter(own.chain([&row as &dyn ToSql])))?;
        }
        if !more.is_empty() {
            let patched = format!("json_patch(json_patch(coalesce({MORE}, '{{}}'), ?1), ?2)");
            let update = format!("UPDATE {name} SET {MORE} = nullif({patched}, '{{}}') WHERE {ID} = ?3");
            connection.prepare_cached(&update)?.execute(params![removal(&more), object(&more), row])?;
        }
        Ok(())
    }

    fn delete(&self, connection: &Connection, row: &str) -> rusqlite::Result<()> {
        let delete = format!("DELETE FROM {} WHERE {ID} = ?1", quoted(&self.sql));
        connection.prepare_cached(&delete)?.execute([row]).map(drop)
    }

    /// Divides cells by their places. Adds the columns that are new.
    fn split<'a>(
        &mut self,
        connection: &Connection,
        table: &str,
        cells: &[CellRef<'a>],
    ) -> rusqlite::Result<Split<'a>> {
        let mut split = Split { own: Vec::new(), more: Vec::new() };
        for &(column, value) in cells {
            match self.columns.get(column) {
                Some(sql) => split.own.push((quoted(sql), Stored(value))),
                None if self.columns.len() >= MIRROR_COLUMNS => split.more.push((column, value)),
                None => split.own.push((quoted(self.add_column(connection, table, column)?), Stored(value))),
            }
        }
        Ok(split)
    }

    fn add_column(&mut self, connection: &Connection, table: &str, column: &str) -> rusqlite::Result<&str> {
        let wanted = printable(column);
        let is_free = |sql: &str| {
            let lower = sql.to_ascii_lowercase();
            ![ID, MORE, "_doc"].contains(&&*lower) && !self.taken.contains(&lower)
        };
        let numbered = (2..).map(|number| format!("{wanted}_{number}"));
        let Some(sql) = iter::once(wanted.clone()).chain(numbered).find(|sql| is_free(sql)) else {
            unreachable!("one of the numbered names is free")
        };
        connection.execute_batch(&format!("ALTER TABLE {} ADD COLUMN {} ANY", quoted(&self.sql), quoted(&sql)))?;
        connection.execute("INSERT INTO _converge_names VALUES (?1, ?2, ?3)", params![table, column, sql])?;
        self.taken.insert(sql.to_ascii_lowercase());
        Ok(self.columns.entry(column.to_owned()).or_insert(sql))
    }
}

/// Returns the cells that an operation sets, and null for those that it removes.
fn cells_of(op: &RowOp) -> Vec<CellRef<'_>> {
    match op {
        RowOp::Insert { cells, .. } | RowOp::Update { cells, .. } => {
            cells.iter().map(|cell| (&*cell.column, &cell.value)).collect()
        }
        RowOp::Unset { columns, .. } => columns.iter().map(|column| (&**column, &Value::Null)).collect(),
        _ => Vec::new(),
    }
}

/// Returns the value of a cell after a splice or an addition. A text or an integer takes effect on
/// another value as on an empty text or 0.
fn edited(cell: &Value, op: &RowOp) -> Value {
    match op {
        RowOp::Splice { at, remove, insert, .. } => {
            let text = if let Value::Text(text) = cell { text } else { "" };
            let place = |chars: u64| {
                let mut starts = text.char_indices().map(|(start, _)| start);
                usize::try_from(chars).ok().and_then(|chars| starts.nth(chars)).unwrap_or(text.len())
            };
            let (start, end) = (place(u64::from(*at)), place(u64::from(*at) + u64::from(*remove)));
            Value::Text([&text[..start], insert, &text[end..]].concat())
        }
        RowOp::Add { amount, .. } => {
            let integer = if let Value::Integer(integer) = cell { *integer } else { 0 };
            Value::Integer(integer.saturating_add(*amount))
        }
        _ => Value::Null,
    }
}

/// Returns a JSON object with cells. Nulls are left out.
pub(crate) fn object(cells: &[CellRef<'_>]) -> String {
    let cells = cells.iter().filter(|(_, value)| **value != Value::Null);
    let cells: Map<String, Json> = cells.map(|&(column, value)| (column.to_owned(), json(value))).collect();
    Json::Object(cells).to_string()
}

/// Returns a patch that removes cells. Without it, a patch would join an object with the one that
/// it replaces.
fn removal(cells: &[CellRef<'_>]) -> String {
    Json::Object(cells.iter().map(|&(column, _)| (column.to_owned(), Json::Null)).collect()).to_string()
}

/// Returns a name without the character that ends an SQL text.
fn printable(name: &str) -> String {
    name.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::{Mirror, SCHEMA, allow_writes};
    use crate::{MIRROR_COLUMNS, MIRROR_TABLES};
    use converge::RowOp;
    use rusqlite::Connection;

    /// A watcher may report an edit of a cell instead of the cell.
    #[test]
    fn edits_take_effect_on_the_cells_of_a_mirror() -> rusqlite::Result<()> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch(SCHEMA)?;
        allow_writes(&connection)?;
        let mut mirror = Mirror::default();
        let wide = (0..MIRROR_COLUMNS).map(|column| (format!("c{column:04}"), 0));
        mirror.apply(&connection, &[RowOp::insert("own", "r", [("n", 1)]), RowOp::insert("wide", "r", wide)])?;
        let tables = (2..MIRROR_TABLES).map(|table| RowOp::insert(format!("t{table}"), "r", [("n", 1)]));
        mirror.apply(&connection, &tables.collect::<Vec<_>>())?;
        mirror.apply(&connection, &[RowOp::insert("more", "r", [("n", 1)])])?;
        for table in ["own", "wide", "more"] {
            let splice = |at, remove, insert: &str| RowOp::splice(table, "r", "z_text", at, remove, insert);
            let ops = [
                splice(0, 0, ""),
                splice(0, 0, "a\0\u{1f600}e\u{301}"),
                splice(2, 1, "ß"),
                splice(5, 0, "!"),
                splice(1, 1, ""),
                RowOp::add(table, "r", "z_sum", 5),
                RowOp::add(table, "r", "z_sum", -7),
            ];
            mirror.apply(&connection, &ops)?;
        }
        let own = "SELECT z_text, z_sum FROM own";
        let wide = "SELECT _more ->> 'z_text', _more ->> 'z_sum' FROM wide";
        let more = "SELECT _more ->> 'z_text', _more ->> 'z_sum' FROM _converge_rows";
        for select in [own, wide, more] {
            let cells: (String, i64) = connection.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            assert_eq!(cells, ("aße\u{301}!".into(), -2), "{select}");
        }
        Ok(())
    }
}
