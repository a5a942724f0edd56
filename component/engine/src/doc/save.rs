//! Writing a document, and what it knows beyond a version.

use super::Doc;
use super::pack::{Outgoing, Pack};
use super::stamps::Stamps;
use crate::codec::{FrameWriter, Kind, Section};
use crate::error::Error;
use crate::graph::RunsWriter;
use crate::id::{EventNumber, PeerNumber, PeerVersion, Ranks, write_texts};
use crate::oplog::{CommitRef, Copies, OpLog, OpsWriter, ShapesWriter};
use crate::rows::{Rows, StateWriter};
use crate::sort;

impl Doc {
    /// The whole document as bytes: state, history and waiting events, as `docs/format.md` specifies them. The bytes
    /// depend on these alone: not on the peer that this replica writes as, nor on the order in which it learned what it
    /// knows. O(document × log n).
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let known = self.peers.sorted().map(|(_, number)| PeerNumber(number));
        let peers: Vec<PeerNumber> = known.filter(|&peer| self.graph.count(peer) > 0).collect();
        let ranks = Ranks::dense(self.peers.len(), peers.iter().map(|peer| peer.0));
        let horizon = self.graph.horizon();
        let chains = self.graph.chains(horizon.counts(), &ranks);
        let mut stamps = Stamps::of(&chains);
        if !horizon.is_empty() {
            stamps.add_dropped(self.rows.stamps(), &ranks);
        }

        let mut frame = FrameWriter::new(Kind::Document);
        let mut section = Vec::new();
        write_texts(peers.len(), peers.iter().map(|peer| &**self.peers.text(peer.0)), &mut section);
        frame.section(Section::Peers, std::mem::take(&mut section));

        let names = self.rows.all_names(&self.log);
        let row_ranks = Ranks::dense(self.rows.len(), names.rows.iter().map(|row| row.0));
        let column_ranks = Ranks::dense(self.rows.columns(), names.columns.iter().copied());
        let mut shapes = ShapesWriter::default();
        let (mut state, mut history, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        let mut states = StateWriter::new(&self.rows, &self.log, &column_ranks, &stamps);
        states.write(&names, &mut shapes, &mut state);

        let mut runs = RunsWriter::new(horizon.ranked_counts(&peers));
        let mut ops = OpsWriter::new(&self.log, &row_ranks, &column_ranks);
        for chain in &chains {
            let mut deps: Vec<(u32, u32)> = self
                .dependencies(chain.pieces[0].first)
                .map(|event| {
                    let (peer, counter, _) = self.graph.describe(event);
                    (ranks.of(peer.0), counter.0)
                })
                .collect();
            sort::sort(&mut deps);
            runs.push(ranks.of(chain.peer.0), chain.counter.0, chain.len, deps.into_iter());
            chain.events().for_each(|event| ops.event(event, &mut shapes, &|cell| states.is_held(cell)));
        }
        runs.finish(&mut history);
        ops.finish(&mut history);
        states.write_changed(&row_ranks, &mut shapes, &mut changed);

        self.rows.write_names(&names, &mut section);
        shapes.finish(&mut section);
        frame.section(Section::Names, std::mem::take(&mut section));
        if !horizon.is_empty() {
            horizon.write(&peers, &ranks, &mut section);
            stamps.write_dropped(&ranks, &mut section);
            frame.section(Section::Horizon, section);
        }
        frame.section(Section::State, state);
        frame.section(Section::History, history);
        if !changed.is_empty() {
            frame.section(Section::Changed, changed);
        }
        if self.waiting.len() > 0 {
            frame.section(Section::Waiting, self.pack_waiting().into_section());
        }
        frame.finish()
    }

    /// The events beyond `known` as bytes, as `docs/format.md` specifies them, for storage and transport. Peers that this
    /// replica does not know do not matter, and a count beyond what it knows means all that it knows. O(peers × log n),
    /// and for each event its size and O(log n).
    ///
    /// # Errors
    /// `InvalidArgument` where `known` names a peer twice; `LimitExceeded` where it names too many; `Compacted` where
    /// events beyond it were given up.
    pub fn update_since(&self, known: &[PeerVersion]) -> Result<Vec<u8>, Error> {
        let counts = self.known_counts(known)?;
        self.check_covers_horizon(&counts)?;
        Ok(Pack::write(&self.rows, &self.log, &self.outgoing(&counts)).into_update())
    }

    /// What an event depends on.
    pub(super) fn dependencies(&self, event: EventNumber) -> impl Iterator<Item = EventNumber> {
        let listed = self.graph.dependencies(event);
        let previous = if listed.is_none() { event.0.checked_sub(1).map(EventNumber) } else { None };
        listed.unwrap_or_default().iter().copied().chain(previous)
    }

    /// The waiting events, sorted by peer and counter; those that follow each other as one run.
    fn pack_waiting(&self) -> Pack {
        let (mut rows, mut log) = (Rows::default(), OpLog::default());
        let mut runs: Vec<Outgoing<'_>> = Vec::new();
        for (peer, counter, event) in self.waiting.iter() {
            let number = EventNumber(log.events());
            for op in CommitRef::Plain(&event.commit).ops() {
                let row = rows.intern(op.table, op.row);
                let cells = op.cells.sources().map(|(column, source)| (rows.intern_column(column, None), source));
                log.push_op(op.kind, row, cells, &mut Copies::new());
            }
            log.end_event();
            let follows = |run: &Outgoing<'_>| {
                run.peer == peer
                    && u64::from(run.start) + run.events.len() as u64 == u64::from(counter)
                    && matches!(&event.deps[..], [dep] if dep.peer == peer)
            };
            match runs.last_mut() {
                Some(run) if follows(run) => run.events.push(number),
                _ => runs.push(Outgoing { peer, start: counter, deps: event.deps.clone(), events: vec![number] }),
            }
        }
        Pack::write(&rows, &log, &runs)
    }
}
