//! Encodes whole documents.

use super::pack::{OutLink, OutTarget, OutgoingRun, Pack};
use crate::clock::Lamport;
use crate::codec::{Feature, FrameKind, FrameWriter, Section};
use crate::doc::Doc;
use crate::doc::branches::BranchTable;
use crate::doc::chains::Chain;
use crate::doc::waiting::Need;
use crate::graph::RunsWriter;
use crate::id::{EventKey, EventMap, EventNumber, Fingerprint, PeerNumber, Ranks};
use crate::lanes::branch_name;
use crate::oplog::{CommitRef, Copies, OpLog, OpsWriter, ShapesWriter};
use crate::rows::{Rows, Stamps, StateWriter, TextsContext};
use crate::sort;
use std::collections::BTreeMap;

impl Doc {
    /// Returns the whole document as bytes: state, history and waiting events. `docs/format.md`
    /// specifies them. Equal content gives equal bytes, whichever peer saves it, and in whichever
    /// order events arrived. O(document × log n).
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let table = self.branch_table();
        let horizon = self.graph.horizon();
        let chains = self.chains(horizon.counts(), &table);
        let mut stamps = Stamps::default();
        chains.iter().for_each(|chain| stamps.add(chain.peer, chain.lamport, chain.len));
        let rank_of_stamp = |lamport: Lamport, lane: PeerNumber| table.rank_at(lane, lamport);
        if !horizon.is_empty() {
            stamps.add_dropped(self.rows.stamps(), &rank_of_stamp);
        }

        let names = self.rows.all_names(&self.log);
        let row_ranks = Ranks::dense(self.rows.len(), names.rows.iter().map(|row| row.0));
        let column_ranks = Ranks::dense(self.rows.columns(), names.columns.iter().copied());
        let mut shapes = ShapesWriter::default();
        let (mut state, mut history, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        let mut states = StateWriter::new(&self.rows, &self.log, &column_ranks, &stamps);
        states.write(&names, &mut shapes, &mut state);
        self.write_runs(&chains, &table, &mut history);
        let mut ops = OpsWriter::new(&self.log, &row_ranks, &column_ranks);
        let events = chains.iter().flat_map(Chain::events);
        ops.events(events, &mut shapes, &|cell| states.is_held(cell));
        let contents = ops.finish(&mut history);
        states.write_changed(&row_ranks, &mut shapes, &mut changed);

        let mut frame = FrameWriter::new(FrameKind::Document);
        frame.section(Section::Peers, written(|out| table.write(out)));
        frame.section(
            Section::Names,
            written(|out| {
                self.rows.write_names(&names, out);
                shapes.finish(out);
            }),
        );
        if !horizon.is_empty() {
            frame.section(
                Section::Horizon,
                written(|out| {
                    table.horizon_view(horizon).write(out);
                    stamps.write_dropped(&rank_of_stamp, out);
                }),
            );
        }
        frame.section(Section::State, state);
        frame.section(Section::History, history);
        if !changed.is_empty() {
            frame.section(Section::Changed, changed);
        }
        if !self.waiting.is_empty() {
            let waiting = self.pack_waiting();
            if waiting.has_edits() {
                frame.use_feature(Feature::Edits);
            }
            frame.section(Section::Waiting, waiting.into_section());
        }
        if !table.branches.is_empty() {
            frame.section(Section::Fingerprints, self.saved_prints(&table, &chains));
        }
        let mut edits = Vec::new();
        let texts = TextsContext {
            contents: &contents,
            each_group: &|take| self.log.groups(chains.iter().flat_map(Chain::events)).for_each(take),
            rank: &|lane, counter| table.rank(lane, counter),
        };
        self.rows.write_edits(self.row_history(), (&row_ranks, &column_ranks), &stamps, &texts, &mut edits);
        if !edits.is_empty() || self.log.has_edits() {
            frame.use_feature(Feature::Edits);
        }
        if !edits.is_empty() {
            frame.section(Section::Edits, edits);
        }
        frame.finish()
    }

    /// Writes the heads of the chains as runs.
    fn write_runs(&self, chains: &[Chain], table: &BranchTable<'_>, out: &mut Vec<u8>) {
        let mut runs = RunsWriter::new(table.counts_at_horizon(self.graph.horizon()));
        for chain in chains {
            let dependencies = self.dependencies(chain.pieces[0].first).map(|event| {
                let (lane, counter, _) = self.graph.describe(event);
                (table.rank(lane, counter), counter.0)
            });
            let mut dependencies: Vec<(u32, u32)> = dependencies.collect();
            sort::sort(&mut dependencies);
            runs.push(table.rank(chain.peer, chain.counter), chain.counter.0, chain.len, dependencies.into_iter());
        }
        runs.finish(out);
    }

    /// Returns the waiting events as a pack. Events that follow each other are one run, named after
    /// its first event.
    fn pack_waiting(&self) -> Pack {
        let (mut rows, mut log) = (Rows::default(), OpLog::default());
        let mut runs: Vec<OutgoingRun<'_>> = Vec::new();
        // Runs by their last event.
        let mut open: EventMap<usize> = EventMap::default();
        // A fingerprint does not cover the counter, so several events can claim one fingerprint. At
        // most one of them can take effect.
        let mut counters: BTreeMap<Fingerprint, u32> = BTreeMap::new();
        for (_, key, _) in self.waiting.iter() {
            counters.entry(key.fingerprint).or_insert(key.counter);
        }
        let is_sound = |key: EventKey| counters.get(&key.fingerprint).is_none_or(|counter| *counter == key.counter);
        for (author, key, event) in self.waiting.iter() {
            // Links cannot express events with one name and several counters, and what needs them.
            // They arrive again if they are needed.
            if !is_sound(key) || !event.needs().map(Need::key).all(is_sound) {
                continue;
            }
            let number = EventNumber(log.events());
            for op in CommitRef::Plain(&event.commit).ops() {
                let row = rows.intern(op.table, op.row);
                let column = |column: &str, likely| rows.intern_column(column, likely);
                log.push_op(&op, row, column, &mut Copies::new());
            }
            log.end_event();
            let goes_on = event.is_direct && event.others.is_empty() && event.salt == 0;
            let before = event.previous.as_ref().filter(|need| goes_on && need.author() == &**author);
            let before = before.and_then(|need| open.remove(author, need.key()));
            let run = match before {
                Some(run) => {
                    runs[run].events.push(number);
                    run
                }
                None => {
                    runs.push(OutgoingRun {
                        name: branch_name(author, key.fingerprint).into(),
                        start: key.counter,
                        previous: event.previous.as_ref().map(waiting_link),
                        is_direct: event.is_direct,
                        others: event.others.iter().map(waiting_link).collect(),
                        salt: event.salt,
                        events: vec![number],
                    });
                    runs.len() - 1
                }
            };
            open.insert(author, key, run);
        }
        Pack::write((&rows, &log), &runs, &[], &|_| Fingerprint::of_hash(0))
    }
}

/// Returns the bytes that `write` writes.
fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// Returns the link to an event that a waiting event needs. It has the permanent name, so that the
/// bytes do not depend on the sender of the event.
fn waiting_link(need: &Need) -> OutLink<'_> {
    let name = branch_name(need.author(), need.fingerprint).into();
    OutLink { name, counter: need.counter, target: OutTarget::Print(need.fingerprint) }
}
