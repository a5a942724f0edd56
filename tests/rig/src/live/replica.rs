//! A replica and its work: the operations of some branches, made its own.

use super::{CURSORS, DOCUMENT, DONE, tell};
use crate::Failure;
use converge::{
    Commit, DeleteOp, Doc, EventRun, InsertOp, Instance, InstanceOptions, RowOp, Session, SessionOptions, UnsetOp,
};
use converge::{Store, StoreOptions, UpdateOp, now};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// How often a replica tells how it is.
const STATUS_INTERVAL: Duration = Duration::from_millis(100);
/// Longer than any run.
const TIME_TO_LIVE_MS: f64 = 3_600_000.0;

pub(super) struct Replica {
    pub(super) name: String,
    pub(super) doc: Doc,
    pub(super) store: Store,
    work: VecDeque<Commit>,
    /// What went over sockets.
    pub(super) bytes: usize,
    told: Option<Instant>,
    teller: Sender<String>,
}

/// Shares the branches out, in turns, in the order in which they begin; gives the work of each replica.
pub(super) fn share_out(events: Vec<EventRun>, replicas: usize) -> Vec<VecDeque<Commit>> {
    let mut writers: BTreeMap<String, usize> = BTreeMap::new();
    let mut work = vec![VecDeque::new(); replicas];
    for EventRun { peer, commits, .. } in events {
        let next = writers.len() % replicas;
        work[*writers.entry(peer).or_insert(next)].extend(commits);
    }
    work
}

impl Replica {
    pub(super) fn new(number: usize, work: VecDeque<Commit>, teller: Sender<String>) -> Result<Self, Failure> {
        let name = format!("rust-{number:02}");
        let instance = Instance::new(InstanceOptions::default())?;
        let options = StoreOptions { time_to_live: TIME_TO_LIVE_MS, ..StoreOptions::default() };
        let (doc, store) = (instance.doc(&name)?, instance.store(&name, options)?);
        Ok(Self { name, doc, store, work, bytes: 0, told: None, teller })
    }

    pub(super) fn session(&self) -> Result<Session, Failure> {
        Ok(Session::open(&self.doc, &self.store, &SessionOptions::new(DOCUMENT))?)
    }

    pub(super) fn has_work(&self) -> bool {
        !self.work.is_empty()
    }

    /// Commits the next of its work as its own, and shows where it writes.
    pub(super) fn work(&mut self) -> Result<(), Failure> {
        let Some(commit) = self.work.pop_front() else { return Ok(()) };
        let ops = self.as_it_is_now(commit)?;
        if let Some(RowOp::Insert(InsertOp { row, .. }) | RowOp::Update(UpdateOp { row, .. })) = ops.first() {
            self.store.set(CURSORS, &self.name, row, now())?;
        }
        self.doc.commit(ops)?;
        Ok(())
    }

    /// Says, once, that it has no more to write, and that whoever hears it has everything.
    pub(super) fn say_done(&self) -> Result<(), Failure> {
        if self.work.is_empty() && self.store.get(DONE, &self.name)?.is_none() {
            self.store.set(DONE, &self.name, true, now())?;
        }
        Ok(())
    }

    /// The operations for the rows that there are here: an update of one that is gone makes it, a delete of one is left out.
    fn as_it_is_now(&self, commit: Commit) -> Result<Commit, Failure> {
        let (mut made, mut gone) = (BTreeSet::new(), BTreeSet::new());
        let mut ops = Vec::new();
        for op in commit {
            let (table, row) = match &op {
                RowOp::Insert(InsertOp { table, row, .. })
                | RowOp::Update(UpdateOp { table, row, .. })
                | RowOp::Delete(DeleteOp { table, row })
                | RowOp::Unset(UnsetOp { table, row, .. }) => (table.clone(), row.clone()),
            };
            let is_there = made.contains(&row) || !gone.contains(&row) && self.doc.get(&table, &row)?.is_some();
            match op {
                RowOp::Delete(_) | RowOp::Unset(_) if !is_there => continue,
                RowOp::Delete(_) => {
                    made.remove(&row);
                    gone.insert(row);
                    ops.push(op);
                }
                RowOp::Update(UpdateOp { cells, .. }) if !is_there => {
                    ops.push(RowOp::insert(table, row.clone(), cells));
                    made.insert(row);
                }
                _ => {
                    made.insert(row);
                    ops.push(op);
                }
            }
        }
        Ok(ops)
    }

    /// Tells how it is, now and then: its events, its bytes, what it does, and who shows a cursor.
    pub(super) fn status(&mut self, doing: &str) -> Result<(), Failure> {
        if self.told.is_some_and(|told| told.elapsed() < STATUS_INTERVAL) {
            return Ok(());
        }
        self.told = Some(Instant::now());
        let cursors = self.store.get_all(CURSORS)?.len().to_string();
        tell(&self.teller, &["status", &self.name, &self.events()?, &self.bytes.to_string(), doing, &cursors]);
        Ok(())
    }

    /// Tells what it ends with.
    pub(super) fn done(&self) -> Result<(), Failure> {
        let digest = self.doc.digest()?.to_string();
        tell(&self.teller, &["done", &self.name, &self.events()?, &self.bytes.to_string(), &digest]);
        Ok(())
    }

    fn events(&self) -> Result<String, Failure> {
        let events: u64 = self.doc.version()?.iter().map(|known| u64::from(known.count)).sum();
        Ok(events.to_string())
    }
}
