//! A replica and its work: the commits of some branches of a history.

use super::{CURSORS, DOCUMENT, DONE, report};
use crate::Failure;
use converge::{Commit, Doc, EventRun, Instance, InstanceOptions, RowOp, Session, SessionOptions};
use converge::{Store, StoreOptions, now};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// The interval between status reports.
const STATUS_INTERVAL: Duration = Duration::from_millis(100);
/// The time to live of entries, longer than any run.
const TIME_TO_LIVE_MS: f64 = 3_600_000.0;

pub(super) struct Replica {
    pub(super) name: String,
    pub(super) doc: Doc,
    pub(super) store: Store,
    work: VecDeque<Commit>,
    /// Bytes sent and received.
    pub(super) bytes: usize,
    reported: Option<Instant>,
    reports: Sender<String>,
}

/// Distributes the branches to the replicas in turn, in the order in which they begin. Returns the
/// work of each replica.
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
    pub(super) fn new(number: usize, work: VecDeque<Commit>, reports: Sender<String>) -> Result<Self, Failure> {
        let name = format!("rust-{number:02}");
        let instance = Instance::new(InstanceOptions::default())?;
        let options = StoreOptions::default().time_to_live_ms(TIME_TO_LIVE_MS);
        let (doc, store) = (instance.doc(&name)?, instance.store(&name, options)?);
        Ok(Self { name, doc, store, work, bytes: 0, reported: None, reports })
    }

    pub(super) fn session(&self) -> Result<Session, Failure> {
        Ok(Session::open(&self.doc, &self.store, &SessionOptions::new(DOCUMENT))?)
    }

    pub(super) fn has_work(&self) -> bool {
        !self.work.is_empty()
    }

    /// Makes the next commit and shows a cursor in the row that it writes.
    pub(super) fn work(&mut self) -> Result<(), Failure> {
        let Some(commit) = self.work.pop_front() else { return Ok(()) };
        let ops = self.adapted(commit)?;
        if let Some(RowOp::Insert { row, .. } | RowOp::Update { row, .. }) = ops.first() {
            self.store.set(CURSORS, &self.name, row, now())?;
        }
        self.doc.commit(ops)?;
        Ok(())
    }

    /// Announces once that the work is finished. The caller must make sure that the other side has
    /// all events of this replica.
    pub(super) fn announce_done(&self) -> Result<(), Failure> {
        if self.work.is_empty() && self.store.get(DONE, &self.name)?.is_none() {
            self.store.set(DONE, &self.name, true, now())?;
        }
        Ok(())
    }

    /// Adapts operations to the rows that exist here: an update of a missing row becomes an insert,
    /// and a delete or an unset of a missing row is left out.
    fn adapted(&self, commit: Commit) -> Result<Commit, Failure> {
        let (mut written, mut deleted) = (BTreeSet::new(), BTreeSet::new());
        let mut ops = Vec::new();
        for op in commit {
            let (table, row) = (op.table().to_owned(), op.row().to_owned());
            let exists = written.contains(&row) || !deleted.contains(&row) && self.doc.get(&table, &row)?.is_some();
            match op {
                RowOp::Delete { .. } | RowOp::Unset { .. } if !exists => continue,
                RowOp::Delete { .. } => {
                    written.remove(&row);
                    deleted.insert(row);
                    ops.push(op);
                }
                RowOp::Update { cells, .. } if !exists => {
                    ops.push(RowOp::insert(table, row.clone(), cells));
                    written.insert(row);
                }
                _ => {
                    written.insert(row);
                    ops.push(op);
                }
            }
        }
        Ok(ops)
    }

    /// Reports the status at intervals: events, bytes, activity, and the number of visible cursors.
    pub(super) fn status(&mut self, activity: &str) -> Result<(), Failure> {
        if self.reported.is_some_and(|reported| reported.elapsed() < STATUS_INTERVAL) {
            return Ok(());
        }
        self.reported = Some(Instant::now());
        let cursors = self.store.get_all(CURSORS)?.len().to_string();
        report(&self.reports, &["status", &self.name, &self.events()?, &self.bytes.to_string(), activity, &cursors]);
        Ok(())
    }

    /// Reports the final state.
    pub(super) fn done(&self) -> Result<(), Failure> {
        let digest = self.doc.digest()?.to_string();
        report(&self.reports, &["done", &self.name, &self.events()?, &self.bytes.to_string(), &digest]);
        Ok(())
    }

    fn events(&self) -> Result<String, Failure> {
        let events: u64 = self.doc.version()?.iter().map(|known| u64::from(known.count)).sum();
        Ok(events.to_string())
    }
}
