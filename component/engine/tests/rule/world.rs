//! Several replicas, each a document with a naive model of it, the steps of a history, and the
//! comparison of document and model after every step.
//!
//! The last replica is a ghost. It has no document; the model makes its events. So it commits
//! operations that a document rejects from its own user, such as updates of absent rows. Merging
//! must accept these events.

use crate::check::{Mirror, check_tables};
use crate::model::{Events, Model, all_events_of, runs_of, scattered};
use crate::oracle::{Event, Tables, execute, spliced, sum};
use crate::past::by_name;
use crate::prints::Prints;
use crate::seeds::{Checked, Random, caught, ensure, same};
use converge_engine::{Cell, Doc, Error, EventId, EventRun, Invalid, RowOp, RowsOp, ShapedRow, TableRows, Value};
use std::collections::BTreeSet;
use std::fmt::Write;

/// One step. Replicas are given by place. `dice` decides what the step leaves open, so a step has
/// much the same effect if earlier steps are left out.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A commit. A careful one leaves out the operations that would be rejected.
    Commit { at: usize, careful: bool, ops: Vec<RowOp> },
    /// `to` merges some of the events that `from` knows: any part, in any order and grouping, with
    /// any repetition.
    Send { from: usize, to: usize, dice: u64 },
    /// `to` asks `from` for the events that it lacks, page by page.
    Relay { from: usize, to: usize, dice: u64 },
    /// A new watcher starts.
    Watch { at: usize, from_start: bool, tables: Vec<String> },
    /// Some of the watchers take changes.
    Take { at: usize, dice: u64 },
    /// A watcher is dropped.
    Unwatch { at: usize, dice: u64 },
    /// `to` merges what `from` knows, or some of it, as bytes.
    Update { from: usize, to: usize, dice: u64 },
    /// The replica is saved, for later.
    Save { at: usize },
    /// The replica ends and restarts from its present save or an earlier one.
    Restart { at: usize, dice: u64 },
}

/// The names of the replicas, with the ghost's last, and their steps.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) names: Vec<String>,
    pub(crate) steps: Vec<Step>,
}

impl History {
    /// Plays the history, and brings all events to all replicas at the end.
    fn play(&self, dice: u64) -> Checked<World> {
        let mut world = World::new(&self.names)?;
        let mut random = Random::new(dice);
        let mut play = || -> Checked {
            for step in &self.steps {
                world.step(step, &mut random)?;
            }
            world.exchange_all(&mut random)
        };
        match caught(&mut play) {
            Ok(()) => Ok(world),
            Err(why) => Err(format!("{why}\nafter these steps:\n  {}", world.log.join("\n  "))),
        }
    }

    /// Plays the history. If that fails, the error describes the shortest failing history that was
    /// found.
    pub(crate) fn check(&self, dice: u64) -> Checked<World> {
        self.check_then(dice, |world, _| Ok(world))
    }

    /// Plays the history and passes the resulting world to a test with dice of its own. If one of
    /// the two fails, the error describes the shortest failing history that was found.
    pub(crate) fn check_then<T>(&self, dice: u64, test: impl Fn(World, &mut Random) -> Checked<T>) -> Checked<T> {
        let run = |history: &Self| {
            let world = history.play(dice)?;
            let steps = world.log.join("\n  ");
            let mut random = Random::new(!dice);
            caught(|| test(world, &mut random)).map_err(|why| format!("{why}\nafter these steps:\n  {steps}"))
        };
        let mut why = match run(self) {
            Ok(result) => return Ok(result),
            Err(why) => why,
        };
        let mut shortest = self.clone();
        let fails = |history: Self| run(&history).err().map(|why| (history, why));
        while let Some(found) = shortest.shorter().into_iter().find_map(fails) {
            (shortest, why) = found;
        }
        Err(why)
    }

    /// Returns the history with fewer steps, with the largest cuts first, and then with fewer
    /// operations in its commits.
    fn shorter(&self) -> Vec<Self> {
        let mut shorter = Vec::new();
        let mut size = self.steps.len();
        while size > 0 {
            for start in (0..self.steps.len()).step_by(size) {
                let mut history = self.clone();
                history.steps.drain(start..(start + size).min(self.steps.len()));
                shorter.push(history);
            }
            size /= 2;
        }
        for (place, step) in self.steps.iter().enumerate() {
            let Step::Commit { ops, .. } = step else { continue };
            for leave_out in 0..ops.len() {
                let mut history = self.clone();
                if let Step::Commit { ops, .. } = &mut history.steps[place] {
                    ops.remove(leave_out);
                }
                shorter.push(history);
            }
        }
        shorter
    }
}

pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) doc: Option<Doc>,
    pub(crate) model: Model,
    pub(crate) mirrors: Vec<Mirror>,
    /// Its last save, and what it knew then.
    pub(crate) saved: Option<(Vec<u8>, Model)>,
}

pub(crate) struct World {
    pub(crate) replicas: Vec<Replica>,
    /// Every event that was ever committed, even if a replica forgot it when it restarted from an
    /// older save.
    made: Events,
    prints: Prints,
    digests: Vec<([u8; 32], Tables)>,
    pub(crate) log: Vec<String>,
    /// The number of merges, and the number of merges after which events waited.
    pub(crate) merges: u32,
    pub(crate) merges_that_wait: u32,
}

impl World {
    fn new(names: &[String]) -> Checked<Self> {
        let mut replicas = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let create = || Doc::create(name).map_err(|error| format!("create {name:?}: {error}"));
            let doc = if place + 1 < names.len() { Some(create()?) } else { None };
            replicas.push(Replica {
                name: name.clone(),
                doc,
                model: Model::default(),
                mirrors: Vec::new(),
                saved: None,
            });
        }
        let (made, prints) = (Events::new(), Prints::new(&Events::new()));
        Ok(Self { replicas, made, prints, digests: Vec::new(), log: Vec::new(), merges: 0, merges_that_wait: 0 })
    }

    /// Returns every event that was ever committed.
    pub(crate) fn all_events(&self) -> Events {
        self.made.clone()
    }

    fn step(&mut self, step: &Step, random: &mut Random) -> Checked {
        match step {
            Step::Commit { at, careful, ops } => self.commit(*at, *careful, ops, random),
            Step::Send { from, to, dice } => self.send(*from, *to, &mut Random::new(*dice), random),
            Step::Relay { from, to, dice } => self.relay(*from, *to, &mut Random::new(*dice), random),
            Step::Watch { at, from_start, tables } => self.watch(*at, *from_start, tables),
            Step::Take { at, dice } => self.take(*at, &mut Random::new(*dice)),
            Step::Unwatch { at, dice } => self.unwatch(*at, &mut Random::new(*dice)),
            Step::Update { from, to, dice } => self.update(*from, *to, &mut Random::new(*dice), random),
            Step::Save { at } => self.save(*at),
            Step::Restart { at, dice } => self.restart(*at, &mut Random::new(*dice), random),
        }
    }

    fn commit(&mut self, at: usize, careful: bool, ops: &[RowOp], random: &mut Random) -> Checked {
        let replica = &mut self.replicas[at];
        let Some(doc) = &mut replica.doc else {
            let event = replica.model.next_event(&replica.name, ops.to_vec());
            self.log.push(format!("{} commits {}", show_peer(&replica.name), show_event(&event)));
            self.made.insert(event.id.clone(), event.clone());
            replica.model.known.insert(event.id.clone(), event);
            return Ok(());
        };
        let mut tables = replica.model.tables();
        let mut taken = Vec::new();
        let mut refused = None;
        for op in ops {
            if let Some(error) = refusal(&tables, op) {
                if careful {
                    continue;
                }
                // Rows are looked up before values are added.
                let is_missing = |error: &Error| matches!(error, Error::NoSuchRow { .. });
                if refused.as_ref().is_none_or(|first| is_missing(&error) && !is_missing(first)) {
                    refused = Some(error);
                }
            }
            execute(&mut tables, op);
            taken.push(op.clone());
        }
        // The replica restarted from an older save, and its next events already exist. This commit
        // would fork the history, which the tests of identity cover.
        if replica.model.first_claimed(&replica.name).is_some() {
            return Ok(());
        }
        let expected = replica.model.next_event(&replica.name, taken.clone());
        let outcome = if refused.is_some() { ", which must be rejected" } else { "" };
        self.log.push(format!("{} commits {}{outcome}", show_peer(&replica.name), show_event(&expected)));
        let before = by_name(&replica.model.version());
        let committed = commit(doc, taken, random);
        let Some(refused) = refused else {
            same("the commit's name", &committed, &Ok(expected.id.clone()))?;
            let made = doc.events_since(&before, u32::MAX).map_err(|error| error.to_string())?;
            replica.model.merge(&runs_of([&expected], || false));
            let expected: Vec<Event> = all_events_of(&runs_of([&expected], || false));
            same("the new event", &all_events_of(&made.runs), &expected)?;
            self.made.extend(expected.into_iter().map(|event| (event.id.clone(), event)));
            return self.check(at, random);
        };
        same("the commit", &committed, &Err(refused))?;
        self.check(at, random)
    }

    fn send(&mut self, from: usize, to: usize, dice: &mut Random, random: &mut Random) -> Checked {
        let mut events: Vec<Event> = self.replicas[from].model.known.values().cloned().collect();
        let known = &self.replicas[to].model.known;
        let runs = match dice.below(6) {
            0 => {
                events.sort_by_key(|event| event.lamport);
                runs_of(&events, || true)
            }
            1 => {
                events.retain(|event| !known.contains_key(&event.id));
                events.sort_by_key(|event| event.lamport);
                events.reverse();
                runs_of(&events, || false)
            }
            2 => {
                events.retain(|event| !known.contains_key(&event.id));
                scattered(dice, &events)
            }
            kind => {
                let events = dice.sample(&events, 1, [2, 4, 8][kind - 3]);
                scattered(dice, &events)
            }
        };
        let most = 1 + dice.below(runs.len() + 1);
        for call in runs.chunks(most) {
            self.bring(to, call.to_vec(), random)?;
        }
        Ok(())
    }

    /// Merges runs without fingerprints into one replica. Some runs stay without them, others get
    /// them.
    pub(crate) fn bring(&mut self, to: usize, runs: Vec<EventRun>, random: &mut Random) -> Checked {
        self.prints.learn(&self.made);
        let runs = self.prints.fill_some(runs, &self.replicas[to].model.known, random);
        self.merge(to, &runs, random)
    }

    fn relay(&mut self, from: usize, to: usize, dice: &mut Random, random: &mut Random) -> Checked {
        let most = *dice.pick(&[1, 2, 3, 5, u32::MAX]);
        loop {
            let known = self.replicas[to].model.version();
            let Some(doc) = &self.replicas[from].doc else { return Ok(()) };
            let batch = doc.events_since(&by_name(&known), most).map_err(|error| format!("events_since: {error}"))?;
            let given: usize = batch.runs.iter().map(|run| run.commits.len()).sum();
            ensure!(given <= most as usize, "{given} events in a page of {most}");
            if dice.chance(1, 8) {
                self.log.push(format!("a page from {} is lost", show_peer(&self.replicas[from].name)));
                return Ok(());
            }
            self.merge(to, &batch.runs, random)?;
            if !batch.more {
                break;
            }
            ensure!(given > 0, "an empty page reports more events");
        }
        let lacks = |id: &&EventId| !self.replicas[to].model.known.contains_key(id);
        same("an event that the relay did not send", &self.replicas[from].model.known.keys().find(lacks), &None)
    }

    /// Merges these runs into one replica, sometimes twice, and compares it with its model.
    pub(crate) fn merge(&mut self, to: usize, runs: &[EventRun], random: &mut Random) -> Checked {
        let replica = &mut self.replicas[to];
        self.log.push(format!("{} merges {}", show_peer(&replica.name), show_runs(runs)));
        for _ in 0..1 + random.below(2) {
            let expected = replica.model.merge(runs);
            let Some(doc) = &mut replica.doc else { continue };
            self.merges += 1;
            self.merges_that_wait += u32::from(expected.waiting > 0);
            same("the report", &doc.merge_events(runs.to_vec()), &Ok(expected))?;
        }
        self.check(to, random)
    }

    fn watch(&mut self, at: usize, from_start: bool, tables: &[String]) -> Checked {
        let replica = &mut self.replicas[at];
        let Some(doc) = &mut replica.doc else { return Ok(()) };
        let mirror = Mirror::new(doc, tables, from_start, &replica.model.tables())?;
        self.log.push(format!("{} watches {tables:?}, from the start: {from_start}", show_peer(&replica.name)));
        replica.mirrors.push(mirror);
        Ok(())
    }

    fn take(&mut self, at: usize, dice: &mut Random) -> Checked {
        let replica = &mut self.replicas[at];
        let Some(doc) = &mut replica.doc else { return Ok(()) };
        let now = replica.model.tables();
        for (place, mirror) in replica.mirrors.iter_mut().enumerate() {
            let most = dice.below(4) as u32;
            if dice.chance(3, 4) {
                self.log.push(format!("watcher {place} of {} takes {most}", show_peer(&replica.name)));
                mirror.take(doc, most, &now)?;
            }
        }
        Ok(())
    }

    fn unwatch(&mut self, at: usize, dice: &mut Random) -> Checked {
        let replica = &mut self.replicas[at];
        let Some(doc) = &mut replica.doc else { return Ok(()) };
        if replica.mirrors.is_empty() {
            return Ok(());
        }
        let place = dice.below(replica.mirrors.len());
        self.log.push(format!("watcher {place} of {} is dropped", show_peer(&replica.name)));
        let watcher = replica.mirrors.remove(place).watcher;
        doc.unwatch(watcher);
        let changes = doc.take(watcher, u32::MAX);
        ensure!(changes.ops.is_empty() && !changes.more, "a dropped watcher takes {changes:?}");
        Ok(())
    }

    /// Brings all events to all replicas. Then all are equal, and all watchers can catch up.
    fn exchange_all(&mut self, random: &mut Random) -> Checked {
        let events: Vec<Event> = self.all_events().into_values().collect();
        for to in 0..self.replicas.len() {
            let runs = scattered(random, &events);
            self.bring(to, runs, random)?;
            let replica = &mut self.replicas[to];
            ensure!(replica.model.waiting.is_empty(), "the model still waits for {:?}", replica.model.waiting);
            let now = replica.model.tables();
            let Some(doc) = &mut replica.doc else { continue };
            for mirror in &mut replica.mirrors {
                mirror.catch_up(doc, 1 + random.below(3) as u32, &now)?;
            }
        }
        self.check_saves(random)
    }

    /// Compares a replica with its model, and its digest with those of all tables so far.
    pub(crate) fn check(&mut self, at: usize, random: &mut Random) -> Checked {
        let replica = &self.replicas[at];
        let Some(doc) = &replica.doc else { return Ok(()) };
        doc.dbg_check();
        same("the peer's name", &doc.peer(), &replica.name.as_str())?;
        same("version", &doc.version(), &replica.model.version())?;
        same("heads", &doc.heads(), &replica.model.heads())?;
        let tables = replica.model.tables();
        check_tables(doc, &tables, random)?;
        let digest = doc.digest();
        let met = |(other, with): &&([u8; 32], Tables)| *other == digest || *with == tables;
        match self.digests.iter().find(met) {
            None => self.digests.push((digest, tables)),
            Some((other, with)) => {
                ensure!(*with == tables, "one digest for two tables:\n  {with:?}\n  {tables:?}");
                ensure!(*other == digest, "two digests for {tables:?}: {other:?} and {digest:?}");
            }
        }
        Ok(())
    }
}

/// Commits by the function for one operation, as rows with shapes, or as a commit.
fn commit(doc: &mut Doc, ops: Vec<RowOp>, random: &mut Random) -> Result<EventId, Error> {
    let plainly = random.chance(1, 2);
    if random.chance(1, 2)
        && let Some(ops) = shaped(&ops, random)
    {
        return doc.commit_rows(ops);
    }
    match ops.as_slice() {
        [RowOp::Insert { table, row, cells }] if plainly => doc.insert(table, row, cells.clone()),
        [RowOp::Update { table, row, cells }] if plainly => doc.update(table, row, cells.clone()),
        [RowOp::Delete { table, row }] if plainly => doc.delete(table, row),
        [RowOp::Unset { table, row, columns }] if plainly => doc.unset(table, row, columns.clone()),
        [RowOp::Splice { table, row, column, at, remove, insert }] if plainly => {
            doc.splice(table, row, column, (*at, *remove), insert)
        }
        [RowOp::Add { table, row, column, amount }] if plainly => doc.add(table, row, column, *amount),
        _ => doc.commit(ops),
    }
}

/// Returns the operations as rows with shapes, if all of them are inserts and updates. Columns are
/// in a random order.
fn shaped(ops: &[RowOp], random: &mut Random) -> Option<Vec<RowsOp>> {
    let mut shaped: Vec<RowsOp> = Vec::new();
    for op in ops {
        let (table, row, cells, is_insert) = match op {
            RowOp::Insert { table, row, cells } => (table, row, cells, true),
            RowOp::Update { table, row, cells } => (table, row, cells, false),
            RowOp::Delete { .. } | RowOp::Unset { .. } | RowOp::Splice { .. } | RowOp::Add { .. } => return None,
        };
        let is_next = match shaped.last() {
            Some(RowsOp::Insert(rows)) => is_insert && rows.table == *table,
            Some(RowsOp::Update(rows)) => !is_insert && rows.table == *table,
            None => false,
        };
        if !is_next {
            let rows = TableRows { table: table.clone(), shapes: Vec::new(), rows: Vec::new() };
            shaped.push(if is_insert { RowsOp::Insert(rows) } else { RowsOp::Update(rows) });
        }
        let (RowsOp::Insert(rows) | RowsOp::Update(rows)) = shaped.last_mut()?;
        let columns = |cells: &[Cell]| cells.iter().map(|cell| cell.column.clone()).collect::<Vec<_>>();
        let mut cells = cells.clone();
        let is_same = |shape: &Vec<String>| BTreeSet::from_iter(shape) == BTreeSet::from_iter(&columns(&cells));
        let shape = rows.shapes.iter().position(is_same).unwrap_or_else(|| {
            random.shuffle(&mut cells);
            rows.shapes.push(columns(&cells));
            rows.shapes.len() - 1
        });
        cells.sort_by_key(|cell| rows.shapes[shape].iter().position(|column| *column == cell.column));
        let values = cells.into_iter().map(|cell| cell.value).collect();
        rows.rows.push(ShapedRow { id: row.clone(), shape: shape as u32, values });
    }
    Some(shaped)
}

/// Returns the error for a local operation that these tables reject.
fn refusal(tables: &Tables, op: &RowOp) -> Option<Error> {
    let (table, row) = op.row_name();
    let cells = tables.get(table).and_then(|rows| rows.get(row));
    match (op, cells) {
        (RowOp::Insert { .. }, _) => None,
        (_, None) => Some(Error::NoSuchRow { table: table.to_owned(), row: row.to_owned() }),
        (RowOp::Splice { column, at, remove, insert, .. }, Some(cells))
            if spliced(cells.get(column), *at, *remove, insert).is_none() =>
        {
            let cell = (table.to_owned(), row.to_owned(), column.clone());
            let length = match cells.get(column) {
                None | Some(Value::Null) => Some(0),
                Some(Value::Text(text)) => Some(text.chars().count() as u32),
                Some(_) => None,
            };
            Some(Error::InvalidArgument(match length {
                Some(length) => Invalid::SpliceBeyondText { cell, at: *at, remove: *remove, length },
                None => Invalid::NotAText { cell },
            }))
        }
        (RowOp::Add { column, amount, .. }, Some(cells)) if sum(cells.get(column), *amount).is_none() => {
            let cell = (table.to_owned(), row.to_owned(), column.clone());
            Some(Error::InvalidArgument(match cells.get(column) {
                Some(&Value::Integer(value)) => Invalid::IntegerRange { cell, value, amount: *amount },
                _ => Invalid::NotAnInteger { cell },
            }))
        }
        _ => None,
    }
}

/// Formats a peer's name. Of a long name, only the beginning is shown.
pub(crate) fn show_peer(name: &str) -> String {
    if name.len() > 16 { format!("{:?}…", name.chars().take(3).collect::<String>()) } else { format!("{name:?}") }
}

/// Formats runs in one line.
pub(crate) fn show_runs(runs: &[EventRun]) -> String {
    let mut line = String::new();
    for run in runs {
        let last = (run.start as usize + run.commits.len()).saturating_sub(1);
        let _ = write!(line, "[{} {}..={last}] ", show_peer(&run.peer), run.start);
    }
    line
}

/// Formats an event in one line.
pub(crate) fn show_event(event: &Event) -> String {
    let mut line = format!("{} at {}", event.id.counter, event.lamport);
    for dep in &event.deps {
        let _ = write!(line, " on {} {}", show_peer(&dep.peer), dep.counter);
    }
    line.push(':');
    for op in &event.ops {
        let _ = match op {
            RowOp::Insert { table, row, cells } => write!(line, " insert {table:?} {row:?} {};", show_cells(cells)),
            RowOp::Update { table, row, cells } => write!(line, " update {table:?} {row:?} {};", show_cells(cells)),
            RowOp::Delete { table, row } => write!(line, " delete {table:?} {row:?};"),
            RowOp::Unset { table, row, columns } => write!(line, " unset {table:?} {row:?} {columns:?};"),
            RowOp::Splice { table, row, column, at, remove, insert } => {
                write!(line, " splice {at} {remove} {insert:?} in {table:?} {row:?} {column:?};")
            }
            RowOp::Add { table, row, column, amount } => {
                write!(line, " add {amount} to {table:?} {row:?} {column:?};")
            }
        };
    }
    line
}

fn show_cells(cells: &[Cell]) -> String {
    let shown: Vec<String> = cells.iter().map(|cell| format!("{:?}={:?}", cell.column, cell.value)).collect();
    shown.join(" ")
}
