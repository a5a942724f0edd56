//! Replicas of one document, and the oracle's record of every event that any of them committed.
//!
//! A replica is checked from outside: its heads determine the events that it holds, and everything
//! else that it reports must agree. The world adds new events only from the replica that just
//! committed them.

use crate::oracle::{Event, Events, Print, Set, author, branch, print_in};
use crate::rule::Tables;
use crate::seeds::{Checked, ensure, same};
use converge_engine::{
    Cell, Doc, Error, EventBatch, EventId, MergeReport, PeerVersion, RowOp, ScanOptions, Store, StoreOptions, Value,
};
use std::collections::BTreeMap;

/// The table and the column of all writes.
pub(crate) const TABLE: &str = "t";
pub(crate) const COLUMN: &str = "x";

/// A document and a store of one peer.
pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) doc: Doc,
    pub(crate) store: Store,
    /// The last commit since the replica was loaded.
    pub(crate) own: Option<Print>,
    /// The events that it held at the last check, with the summary at that time.
    seen: Option<(Vec<u8>, Seen)>,
}

#[derive(Default)]
pub(crate) struct World {
    pub(crate) replicas: Vec<Replica>,
    /// Every event that was ever committed.
    pub(crate) events: Events,
    pub(crate) log: Vec<String>,
    /// The value of the next write.
    next_token: i64,
    /// The nonce of the next session.
    next_nonce: u64,
}

/// The events that a document holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// All events, including those that were compacted.
    pub(crate) known: Set,
    /// The events that were compacted.
    pub(crate) below: Set,
}

/// Whether a document may report events that no replica committed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum New {
    None,
    /// Events that the replica itself committed in the last call.
    Own,
}

/// Returns the summary of a replica that knows nothing.
pub(crate) fn nothing() -> Vec<u8> {
    Doc::summary_of(&[]).expect("an empty version names no peer twice")
}

/// Returns the operation that sets a row's cell.
pub(crate) fn set(row: &str, value: impl Into<Value>) -> RowOp {
    RowOp::Insert { table: TABLE.to_owned(), row: row.to_owned(), cells: vec![Cell::new(COLUMN, value)] }
}

impl Replica {
    fn new(name: &str, doc: Doc) -> Checked<Self> {
        let options = StoreOptions { time_to_live_ms: 1e9, max_skew_ms: 1_000.0 };
        let store = Store::create(name, options).map_err(|error| format!("a store of {name:?}: {error}"))?;
        Ok(Self { name: name.to_owned(), doc, store, own: None, seen: None })
    }
}

impl World {
    /// Creates replicas that know nothing.
    pub(crate) fn new(names: &[&str]) -> Checked<Self> {
        let mut world = Self::default();
        for name in names {
            let doc = Doc::create(name).map_err(|error| format!("create {name:?}: {error}"))?;
            world.replicas.push(Replica::new(name, doc)?);
        }
        Ok(world)
    }

    pub(crate) fn doc(&self, at: usize) -> &Doc {
        &self.replicas[at].doc
    }

    pub(crate) fn doc_mut(&mut self, at: usize) -> &mut Doc {
        self.replicas[at].seen = None;
        &mut self.replicas[at].doc
    }

    /// Adds a replica that is loaded from a saved document, and returns its place.
    pub(crate) fn load(&mut self, name: &str, saved: &[u8]) -> Checked<usize> {
        let doc = Doc::load(name, saved).map_err(|error| format!("load as {name:?}: {error}"))?;
        ensure!(doc.save() == saved, "a loaded document saves other bytes");
        let at = self.replicas.len();
        self.replicas.push(Replica::new(name, doc)?);
        self.log.push(format!("{at}: {name:?} is loaded"));
        Ok(at)
    }

    /// Adds a replica with the same name and content, and returns its place.
    pub(crate) fn copy(&mut self, at: usize) -> Checked<usize> {
        let (name, saved) = (self.replicas[at].name.clone(), self.doc(at).save());
        self.load(&name, &saved)
    }

    /// Returns the number of a new session.
    pub(crate) fn nonce(&mut self) -> u64 {
        self.next_nonce += 1;
        self.next_nonce
    }

    /// Writes a value that no other write has into a row.
    pub(crate) fn write(&mut self, at: usize, row: &str) -> Checked<Print> {
        self.next_token += 1;
        self.commit(at, &[set(row, self.next_token)])
    }

    /// Commits, and checks that the event is as the rule specifies.
    pub(crate) fn commit(&mut self, at: usize, ops: &[RowOp]) -> Checked<Print> {
        let before = self.see(at, New::None)?;
        let own = self.replicas[at].own;
        let name = self.replicas[at].name.clone();
        let id = self.doc_mut(at).commit(ops.to_vec()).map_err(|error| format!("{at} commits: {error}"))?;
        let print = print_of(self.doc(at), &id)?;
        let after = self.see(at, New::Own)?;
        self.log.push(format!("{at}: {name:?} commits {print:016x} as {} {}: {}", id.peer, id.counter, show(ops)));
        let event = &self.events[print];
        same("the author", &event.author, &name)?;
        same("the dependencies", &event.deps, &self.events.heads(&before.known))?;
        same("the operations", &event.ops.as_slice(), &ops)?;
        same("the commit's name", &id, &self.events.names(&after.known)[&print])?;
        let leaves = self.events.leaves(&before.known, &name);
        match event.previous {
            None => ensure!(leaves.is_empty(), "{print:016x} follows no event, although there are {leaves:x?}"),
            Some(previous) => ensure!(leaves.contains(&previous), "{print:016x} follows an event that others follow"),
        }
        if let Some(own) = own.filter(|own| leaves.contains(own)) {
            same("a replica continues its own branch", &event.previous, &Some(own))?;
        }
        self.replicas[at].own = Some(print);
        Ok(print)
    }

    /// Returns the events that a replica holds. Checks the document if its summary has changed.
    pub(crate) fn see(&mut self, at: usize, new: New) -> Checked<Seen> {
        let summary = self.doc(at).summary();
        if let Some((_, seen)) = self.replicas[at].seen.as_ref().filter(|(known, _)| *known == summary) {
            return Ok(seen.clone());
        }
        let seen = self.look(at, new)?;
        self.replicas[at].seen = Some((summary, seen.clone()));
        Ok(seen)
    }

    /// Returns the events that a replica holds, by its heads, and checks that its history contains
    /// the same.
    fn look(&mut self, at: usize, new: New) -> Checked<Seen> {
        let doc = &self.replicas[at].doc;
        let (batch, horizon) = history(doc)?;
        let mut names = BTreeMap::new();
        for (print, id, event) in events_in(doc, &batch)? {
            let is_known = self.events.contains(print);
            let may_be_new = new == New::Own && event.author == self.replicas[at].name;
            ensure!(is_known || may_be_new, "{at} shows {print:016x}, which no replica committed: {event:?}");
            self.events.add(print, event).map_err(|why| format!("shown by {at}: {why}"))?;
            ensure!(names.insert(print, id).is_none(), "{at} shows {print:016x} twice");
        }
        let heads: Vec<Print> = doc.heads().iter().map(|head| print_of(doc, head)).collect::<Checked<_>>()?;
        let unknown = heads.iter().find(|head| !self.events.contains(**head));
        ensure!(unknown.is_none(), "{at} has a head {:016x}, which no replica committed", unknown.unwrap_or(&0));
        let known = self.events.past(heads);
        let beyond: Set = names.keys().copied().collect();
        ensure!(beyond.is_subset(&known), "{at} shows events that are no ancestors of its heads");
        let below: Set = known.difference(&beyond).copied().collect();
        same("events below the horizon", &below, &self.events.past(below.iter().copied()))?;
        let expected = self.events.names(&known);
        for (print, id) in &names {
            same(&format!("{at}: the name of {print:016x}"), id, &expected[print])?;
        }
        same(&format!("{at}: the horizon"), &horizon, &self.events.counts(&expected, &below))?;
        Ok(Seen { known, below })
    }

    /// Compares everything that a replica reports with the rule for the events that it holds.
    pub(crate) fn check(&mut self, at: usize) -> Checked<Seen> {
        let seen = self.look(at, New::None)?;
        let (doc, events) = (&self.replicas[at].doc, &self.events);
        doc.dbg_check();
        let names = events.names(&seen.known);
        same(&format!("{at}: version"), &doc.version(), &events.version(&seen.known))?;
        let mut heads: Vec<EventId> = events.heads(&seen.known).iter().map(|head| names[head].clone()).collect();
        heads.sort();
        same(&format!("{at}: heads"), &doc.heads(), &heads)?;
        let forks = events.forks(&seen.known);
        same(&format!("{at}: forks"), &doc.forks(0, u32::MAX), &forks)?;
        for skip in 0..=forks.len() {
            let page: Vec<_> = forks.iter().skip(skip).take(1).cloned().collect();
            same(&format!("{at}: forks from {skip}"), &doc.forks(skip as u32, 1), &page)?;
        }
        same(&format!("{at}: tables"), &tables(doc)?, &events.tables(&seen.known))?;
        for (&print, id) in names.iter().filter(|(print, _)| !seen.below.contains(print)) {
            let permanent = EventId { peer: branch(author(&id.peer), print), counter: id.counter };
            same("the permanent name of a permanent name", &doc.permanent_id(&permanent), &Ok(permanent.clone()))?;
        }
        Ok(seen)
    }

    /// Checks a report against the changes of a merge, and that no event waits for a known event.
    pub(crate) fn check_merge(&mut self, at: usize, before: &Seen, report: &MergeReport) -> Checked {
        let after = self.see(at, New::None)?;
        ensure!(before.known.is_subset(&after.known), "{at} lost events in a merge");
        let applied = after.known.len() - before.known.len();
        same(&format!("{at}: applied"), &report.applied, &(applied as u32))?;
        same(&format!("{at}: dropped"), &report.dropped, &0)?;
        if applied == 0 {
            return same(&format!("{at}: forked"), &report.forked, &Vec::new());
        }
        let forked = |set: &Set| {
            let forks = self.events.families(set).into_iter().filter(|(_, siblings)| siblings.len() > 1);
            forks.map(|((author, previous), siblings)| ((author.to_owned(), previous), siblings)).collect()
        };
        let (old, new): (BTreeMap<_, Set>, BTreeMap<_, Set>) = (forked(&before.known), forked(&after.known));
        let found = new.keys().filter(|fork| !old.contains_key(*fork)).map(|(author, _)| author);
        let grown = |author: &str| new.iter().any(|(fork, of)| fork.0 == author && old.get(fork) != Some(of));
        ensure!(report.forked.is_sorted_by(|a, b| a < b), "{at}: forked is not sorted: {report:?}");
        ensure!(found.clone().all(|author| report.forked.contains(author)), "{at}: a new fork is not in {report:?}");
        ensure!(report.forked.iter().all(|author| grown(author)), "{at}: no new fork, but {report:?}");
        Ok(())
    }

    /// Checks that all replicas hold every event, wait for none, and report and save the same.
    pub(crate) fn check_all_same(&mut self) -> Checked<Seen> {
        let all: Set = self.events.iter().map(|(print, _)| print).collect();
        let seen = self.check_converged()?;
        let missing: Vec<String> = all.difference(&seen.known).map(|print| format!("{print:016x}")).collect();
        ensure!(missing.is_empty(), "no replica holds {missing:?}");
        for at in 0..self.replicas.len() {
            same(&format!("missing events of {at}"), &self.waiting(at)?, &None)?;
        }
        Ok(seen)
    }

    /// Checks that all replicas hold the same events and report the same. Replicas with one horizon
    /// save the same bytes.
    pub(crate) fn check_converged(&mut self) -> Checked<Seen> {
        let first = self.check(0)?;
        for at in 1..self.replicas.len() {
            let seen = self.check(at)?;
            same(&format!("events of {at} and of 0"), &seen.known, &first.known)?;
            let (one, other) = (self.doc(0), self.doc(at));
            same(&format!("the digests of {at} and 0"), &other.digest(), &one.digest())?;
            let is_alike = seen.below == first.below && self.waiting(0)?.is_none() && self.waiting(at)?.is_none();
            ensure!(!is_alike || self.doc(0).save() == self.doc(at).save(), "0 and {at} save other bytes");
        }
        Ok(first)
    }

    /// Returns the report of the events that a replica waits for, if it waits for any.
    pub(crate) fn waiting(&mut self, at: usize) -> Checked<Option<MergeReport>> {
        let report = self.replicas[at].doc.merge_events(Vec::new()).map_err(|error| error.to_string())?;
        Ok((report.waiting > 0 || !report.missing.is_empty()).then_some(report))
    }
}

/// Returns the events of a document above its horizon, and its horizon.
pub(crate) fn history(doc: &Doc) -> Checked<(EventBatch, Vec<PeerVersion>)> {
    let horizon = match doc.events_since(&nothing(), u32::MAX) {
        Ok(batch) => return Ok((batch, Vec::new())),
        Err(Error::Compacted(horizon)) => horizon,
        Err(error) => return Err(format!("events_since: {error}")),
    };
    let horizon: Vec<PeerVersion> = horizon.into_iter().map(|(peer, count)| PeerVersion { peer, count }).collect();
    let known = Doc::summary_of(&horizon).map_err(|error| format!("the summary of a horizon: {error}"))?;
    let batch = doc.events_since(&known, u32::MAX).map_err(|error| format!("events_since the horizon: {error}"))?;
    Ok((batch, horizon))
}

/// Returns the events of a batch in order: fingerprint, name and content.
fn events_in(doc: &Doc, batch: &EventBatch) -> Checked<Vec<(Print, EventId, Event)>> {
    ensure!(!batch.more, "a batch without a limit ends early");
    let mut events = Vec::new();
    for run in &batch.runs {
        let has_previous = run.start > 0;
        same("fingerprints of a run", &run.fingerprints.len(), &(run.deps.len() + usize::from(has_previous)))?;
        let mut previous = has_previous.then(|| run.fingerprints[0]);
        let mut deps: Set = run.fingerprints[usize::from(has_previous)..].iter().copied().collect();
        same("the salt", &run.salt, &0)?;
        for (counter, ops) in (run.start..).zip(&run.commits) {
            let id = EventId { peer: run.peer.clone(), counter };
            let print = print_of(doc, &id)?;
            let event = Event { author: author(&run.peer).to_owned(), previous, deps, ops: ops.clone() };
            events.push((print, id, event));
            (previous, deps) = (Some(print), Set::from([print]));
        }
    }
    Ok(events)
}

/// Returns the fingerprint of an event.
pub(crate) fn print_of(doc: &Doc, id: &EventId) -> Checked<Print> {
    let permanent = doc.permanent_id(id).map_err(|error| format!("permanent_id of {id:?}: {error}"))?;
    same("the counter of a permanent name", &permanent.counter, &id.counter)?;
    same("the author of a permanent name", &author(&permanent.peer), &author(&id.peer))?;
    print_in(&permanent.peer)
}

/// Returns all tables of a document.
pub(crate) fn tables(doc: &Doc) -> Checked<Tables> {
    let mut tables = Tables::new();
    for table in doc.tables() {
        let page = doc.scan(&table.name, &ScanOptions::default()).map_err(|error| format!("scan: {error}"))?;
        let cells = |cells: Vec<Cell>| cells.into_iter().map(|cell| (cell.column, cell.value)).collect();
        tables.insert(table.name, page.rows.into_iter().map(|row| (row.id, cells(row.cells))).collect());
    }
    Ok(tables)
}

fn show(ops: &[RowOp]) -> String {
    let shown = ops.iter().map(|op| match op {
        RowOp::Insert { row, cells, .. } => format!("{row}={:?}", cells.first().map(|cell| &cell.value)),
        other => format!("{other:?}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}
