//! The rule of execution, literally: the plain operations of every known event, one at a time, in
//! the order of (lamport, peer); then the edits that count. An edit counts if the write or delete
//! that left the value there which its author saw is still the cell's last one.
//!
//! The oracle is deliberately naive and independent of how the engine stores its state.

#[path = "texts.rs"]
mod texts;

use converge_engine::{Commit, EventId, RowOp, Value};
use std::collections::{BTreeMap, BTreeSet};
use texts::{Place, Text};

/// An event outside of any run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: EventId,
    pub(crate) lamport: u32,
    pub(crate) deps: Vec<EventId>,
    pub(crate) ops: Commit,
}

/// The cells of a row, by column.
pub(crate) type Cells = BTreeMap<String, Value>;

/// Rows by table and id. Tables without rows are absent.
pub(crate) type Tables = BTreeMap<String, BTreeMap<String, Cells>>;

/// Returns the tables that these events result in. With each event, all its ancestors must be
/// present.
pub(crate) fn tables<'a>(events: impl Iterator<Item = &'a Event>) -> Tables {
    let mut order: Vec<&Event> = events.collect();
    order.sort_by_key(|event| (event.lamport, event.id.peer.as_bytes()));
    let place = |id: &EventId| order.iter().position(|event| event.id == *id).expect("the ancestors are present");
    let deps: Vec<Vec<usize>> = order.iter().map(|event| event.deps.iter().map(place).collect()).collect();
    let commits: Vec<&Commit> = order.iter().map(|event| &event.ops).collect();
    let names: Vec<(&[u8], u32)> = order.iter().map(|event| (event.id.peer.as_bytes(), event.id.counter)).collect();
    tables_of(&commits, &deps, &names)
}

/// Returns the tables that these commits result in, which are in the order of execution. `deps` are
/// the places of the events that each event depends on. The order of `names` decides between
/// characters at one place.
pub(crate) fn tables_of(commits: &[&Commit], deps: &[Vec<usize>], names: &[impl Ord]) -> Tables {
    let ranks: Vec<usize> = names.iter().map(|name| names.iter().filter(|other| *other < name).count()).collect();
    let mut by_row: BTreeMap<(&str, &str), Vec<Place>> = BTreeMap::new();
    for (event, ops) in commits.iter().enumerate() {
        for (index, op) in ops.iter().enumerate() {
            by_row.entry(op.row_name()).or_default().push((event, index));
        }
    }
    let pasts: Vec<BTreeSet<usize>> = (0..commits.len()).map(|event| past(deps, event)).collect();
    let mut tables = Tables::new();
    for ((table, row), places) in by_row {
        if let Some(cells) = cells_of(&places, |(event, op)| &commits[event][op], &pasts, &ranks) {
            tables.entry(table.to_owned()).or_default().insert(row.to_owned(), cells);
        }
    }
    tables
}

/// Returns the cells of a row, if it exists, that results from all operations on it.
fn cells_of<'a>(
    all: &[Place],
    op: impl Fn(Place) -> &'a RowOp + Copy,
    pasts: &[BTreeSet<usize>],
    ranks: &[usize],
) -> Option<Cells> {
    let present = Grounds::of(all, op);
    let mut sums: BTreeMap<Cell, i128> = BTreeMap::new();
    let mut texts: BTreeMap<(Cell, Option<Place>), Text> = BTreeMap::new();
    for &(event, index) in all {
        let is_seen = |(other, before): Place| pasts[event].contains(&other) || other == event && before < index;
        let seen = || Grounds::of(&all.iter().copied().filter(|place| is_seen(*place)).collect::<Vec<_>>(), op);
        match op((event, index)) {
            RowOp::Add { table, row, column, amount } => {
                let (seen, cell) = (seen(), (table.clone(), row.clone(), column.clone()));
                let is_void =
                    !seen.has_row(&cell) || !matches!(seen.value(&cell), None | Some(Value::Null | Value::Integer(_)));
                if !is_void && present.has_row(&cell) && seen.ground(&cell) == present.ground(&cell) {
                    *sums.entry(cell).or_default() += i128::from(*amount);
                }
            }
            RowOp::Splice { table, row, column, at, remove, insert } => {
                let (seen, cell) = (seen(), (table.clone(), row.clone(), column.clone()));
                let ground = match seen.value(&cell) {
                    _ if !seen.has_row(&cell) => continue,
                    None | Some(Value::Null) => None,
                    Some(Value::Text(text)) => Some(text.as_str()),
                    Some(_) => continue,
                };
                let text = texts.entry((cell.clone(), seen.ground(&cell))).or_insert_with(|| Text::new(ground));
                text.splice((event, index), (*at, *remove, insert), is_seen, ranks);
            }
            _ => {}
        }
    }
    let mut cells = present.tables.values().next()?.values().next()?.clone();
    for ((_, _, column), sum) in sums {
        let base = if let Some(Value::Integer(base)) = cells.get(&column) { i128::from(*base) } else { 0 };
        cells.insert(column, Value::Integer((base + sum).clamp(i64::MIN.into(), i64::MAX.into()) as i64));
    }
    // A cell with a text and a sum shows the text.
    for ((cell, ground), text) in texts {
        if ground == present.ground(&cell)
            && let Some(text) = text.read(ranks)
        {
            cells.insert(cell.2, Value::Text(text));
        }
    }
    Some(cells)
}

/// Table, row and column.
type Cell = (String, String, String);

/// Returns the events that an event depends on, directly or not.
fn past(deps: &[Vec<usize>], event: usize) -> BTreeSet<usize> {
    let mut past = BTreeSet::new();
    let mut next = deps[event].clone();
    while let Some(event) = next.pop() {
        if past.insert(event) {
            next.extend(&deps[event]);
        }
    }
    past
}

/// The result of executing plain operations, and the operation that left each value there.
#[derive(Default)]
struct Grounds {
    tables: Tables,
    /// The last write of each cell of an existing row; an unset too.
    writes: BTreeMap<Cell, Place>,
    /// The last delete of each row, whether or not the row existed.
    deletes: BTreeMap<(String, String), Place>,
}

impl Grounds {
    fn of<'a>(places: &[Place], op: impl Fn(Place) -> &'a RowOp) -> Self {
        let mut this = Self::default();
        for &place in places {
            this.execute(place, op(place));
        }
        this
    }

    fn execute(&mut self, place: Place, op: &RowOp) {
        let (table, row) = op.row_name();
        let is_plain = !matches!(op, RowOp::Splice { .. } | RowOp::Add { .. });
        if is_plain {
            execute(&mut self.tables, op);
        }
        if let RowOp::Delete { .. } = op {
            self.deletes.insert((table.to_owned(), row.to_owned()), place);
            self.writes.retain(|cell, _| (&*cell.0, &*cell.1) != (table, row));
        }
        let columns: Vec<&String> = match op {
            RowOp::Insert { cells, .. } | RowOp::Update { cells, .. } => {
                cells.iter().map(|cell| &cell.column).collect()
            }
            RowOp::Unset { columns, .. } => columns.iter().collect(),
            RowOp::Delete { .. } | RowOp::Splice { .. } | RowOp::Add { .. } => Vec::new(),
        };
        for column in columns {
            let cell = (table.to_owned(), row.to_owned(), column.clone());
            if self.has_row(&cell) {
                self.writes.insert(cell, place);
            }
        }
    }

    fn has_row(&self, (table, row, _): &Cell) -> bool {
        self.tables.get(table).is_some_and(|rows| rows.contains_key(row))
    }

    fn value(&self, (table, row, column): &Cell) -> Option<&Value> {
        self.tables.get(table)?.get(row)?.get(column)
    }

    /// Returns the cell's last write, or, without one, the row's last delete.
    fn ground(&self, cell: &Cell) -> Option<Place> {
        let delete = || self.deletes.get(&(cell.0.clone(), cell.1.clone()));
        self.writes.get(cell).or_else(delete).copied()
    }
}

/// Executes one operation directly.
pub(crate) fn execute(tables: &mut Tables, op: &RowOp) {
    match op {
        RowOp::Insert { table, row, cells } => {
            let made = tables.entry(table.clone()).or_default().entry(row.clone()).or_default();
            made.extend(cells.iter().map(|cell| (cell.column.clone(), cell.value.clone())));
        }
        RowOp::Update { table, row, cells } => {
            if let Some(there) = tables.get_mut(table).and_then(|rows| rows.get_mut(row)) {
                there.extend(cells.iter().map(|cell| (cell.column.clone(), cell.value.clone())));
            }
        }
        RowOp::Unset { table, row, columns } => {
            if let Some(there) = tables.get_mut(table).and_then(|rows| rows.get_mut(row)) {
                there.retain(|column, _| !columns.contains(column));
            }
        }
        RowOp::Delete { table, row } => {
            let Some(rows) = tables.get_mut(table) else { return };
            rows.remove(row);
            if rows.is_empty() {
                tables.remove(table);
            }
        }
        RowOp::Splice { table, row, column, at, remove, insert } => {
            let Some(cells) = tables.get_mut(table).and_then(|rows| rows.get_mut(row)) else { return };
            if let Some(text) = spliced(cells.get(column), *at, *remove, insert) {
                cells.insert(column.clone(), Value::Text(text));
            }
        }
        RowOp::Add { table, row, column, amount } => {
            let Some(cells) = tables.get_mut(table).and_then(|rows| rows.get_mut(row)) else { return };
            if let Some(sum) = sum(cells.get(column), *amount) {
                cells.insert(column.clone(), Value::Integer(sum));
            }
        }
    }
}

/// Returns the sum of a value and an amount, if the value can be added to and the sum is an integer
/// of 64 bits.
pub(crate) fn sum(value: Option<&Value>, amount: i64) -> Option<i64> {
    match value {
        None | Some(Value::Null) => Some(amount),
        Some(Value::Integer(value)) => value.checked_add(amount),
        Some(_) => None,
    }
}

/// Returns the text of a value after a splice, if the value is a text and has the place.
pub(crate) fn spliced(value: Option<&Value>, at: u32, remove: u32, insert: &str) -> Option<String> {
    let text: Vec<char> = match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Text(text)) => text.chars().collect(),
        Some(_) => return None,
    };
    let (at, end) = (at as usize, at as usize + remove as usize);
    let (before, behind) = (text.get(..at)?, text.get(end..)?);
    Some(before.iter().copied().chain(insert.chars()).chain(behind.iter().copied()).collect())
}
