//! Lowers a horizon so that it does not cut through concurrent edits of a text.
//!
//! Below a horizon, a text is a string, and the order of its characters is forgotten. So each
//! splice that the history keeps must build on every splice of the same cell that is dropped. Of
//! the horizons that fulfill this, there is a largest one: the union of two is one again.

use crate::doc::Doc;
use crate::graph::Graph;
use crate::id::{ColumnNumber, Counter, EventNumber, PeerNumber, RowNumber};
use crate::oplog::OpLog;
use crate::sort;
use crate::work;

/// The splices of a cell: lanes, counters and events, sorted.
type CellSplices = Vec<(PeerNumber, Counter, EventNumber)>;

impl Doc {
    /// Returns the largest horizon below this one, given by counts of each lane, that cuts through
    /// no concurrent edits of a text. O(runs + splices × lanes × log n).
    pub(super) fn closed_horizon(&self, mut counts: Vec<u32>) -> Vec<u32> {
        let Self { graph, log, lanes, .. } = self;
        let mut closing = Closing::new(graph, log);
        if closing.cells.is_empty() {
            return counts;
        }
        for run in 0..graph.run_count() {
            let (lane, counter, _) = graph.describe(graph.first_of_run(run));
            closing.keep_from(run, counts[lane.index()].saturating_sub(counter.0));
        }
        closing.run();
        for (run, &kept) in closing.first_retained.iter().enumerate() {
            let (lane, counter, _) = graph.describe(graph.first_of_run(run));
            if kept < run_len(graph, run) {
                counts[lane.index()] = counts[lane.index()].min(counter.0 + kept);
            }
        }
        // A branch without dropped events counts none of those that it follows.
        for (lane, count) in (0..).map(PeerNumber).zip(&mut counts) {
            if *count <= lanes.start(lane).0 {
                *count = 0;
            }
        }
        counts
    }
}

/// The search for the events that the history must keep.
struct Closing<'a> {
    graph: &'a Graph,
    /// The splices of each cell.
    cells: Vec<CellSplices>,
    /// For each cell, the events by lane that all of its retained splices build on.
    common: Vec<Vec<u32>>,
    /// The cells that each event splices, sorted by event.
    spliced: Vec<(EventNumber, u32)>,
    /// The runs whose first events build on an event, sorted by that event.
    followers: Vec<(EventNumber, usize)>,
    /// For each run, the index of its first retained event.
    first_retained: Vec<u32>,
    /// Newly retained events: a run, and a range of indexes.
    found: Vec<(usize, u32, u32)>,
}

impl<'a> Closing<'a> {
    fn new(graph: &'a Graph, log: &OpLog) -> Self {
        let mut splices: Vec<((RowNumber, ColumnNumber), EventNumber)> = Vec::new();
        for (event, _, op) in log.all_edits() {
            splices.extend(log.splice(&op).map(|(column, ..)| ((op.row, column), event)));
        }
        sort::sort(&mut splices);
        splices.dedup();
        let (mut cells, mut spliced) = (Vec::new(), Vec::new());
        for of_cell in splices.chunk_by(|a, b| a.0 == b.0) {
            let number = cells.len() as u32;
            let places = of_cell.iter().map(|&(_, event)| {
                let (lane, counter, _) = graph.describe(event);
                (lane, counter, event)
            });
            let mut places: CellSplices = places.collect();
            sort::sort(&mut places);
            cells.push(places);
            spliced.extend(of_cell.iter().map(|&(_, event)| (event, number)));
        }
        sort::sort(&mut spliced);
        let runs = if cells.is_empty() { 0 } else { graph.run_count() };
        let mut followers = Vec::new();
        for run in 0..runs {
            let dependencies = graph.dependencies(graph.first_of_run(run)).unwrap_or_default();
            followers.extend(dependencies.iter().map(|&dependency| (dependency, run)));
        }
        sort::sort(&mut followers);
        let first_retained = (0..runs).map(|run| run_len(graph, run)).collect();
        Self {
            graph,
            common: vec![Vec::new(); cells.len()],
            cells,
            spliced,
            followers,
            first_retained,
            found: Vec::new(),
        }
    }

    /// Retains the events of a run from this index on.
    fn keep_from(&mut self, run: usize, from: u32) {
        let first = &mut self.first_retained[run];
        if from < *first {
            self.found.push((run, from, *first));
            *first = from;
        }
    }

    /// Finds everything that must be retained because of what is retained.
    fn run(&mut self) {
        while let Some((run, from, end)) = self.found.pop() {
            work::step();
            let first = self.graph.first_of_run(run);
            let (from, end) = (first.plus(from), first.plus(end));
            let start = self.followers.partition_point(|(event, _)| *event < from);
            for at in start..self.followers.partition_point(|(event, _)| *event < end) {
                self.keep_from(self.followers[at].1, 0);
            }
            let start = self.spliced.partition_point(|(event, _)| *event < from);
            let found = &self.spliced[start..self.spliced.partition_point(|(event, _)| *event < end)];
            // Later events of a run build on everything that the first one builds on.
            let mut firsts: Vec<(u32, EventNumber)> = found.iter().map(|&(event, cell)| (cell, event)).collect();
            sort::sort(&mut firsts);
            firsts.dedup_by_key(|(cell, _)| *cell);
            for (cell, event) in firsts {
                self.retain_concurrent(cell as usize, event);
            }
        }
    }

    /// Retains the splices of a cell on which a retained one does not build.
    fn retain_concurrent(&mut self, cell: usize, event: EventNumber) {
        let known = self.graph.counts_at(&[event]);
        let common = &mut self.common[cell];
        let is_first = common.is_empty();
        common.resize(common.len().max(known.len()), 0);
        for (count, known) in common.iter_mut().zip(known.into_iter().chain(std::iter::repeat(0))) {
            *count = if is_first { known } else { known.min(*count) };
        }
        let mut start = 0;
        while let Some(&(lane, ..)) = self.cells[cell].get(start) {
            work::step();
            let splices = &self.cells[cell][start..];
            let end = start + splices.partition_point(|(other, ..)| *other <= lane);
            let count = self.common[cell].get(lane.index()).copied().unwrap_or(0);
            let unknown = splices.partition_point(|(other, counter, _)| *other == lane && counter.0 < count);
            if let Some(&(.., unknown)) = splices.get(unknown).filter(|(other, ..)| *other == lane) {
                let (run, first) = self.graph.run_at(unknown);
                self.keep_from(run, unknown.0 - first.0);
            }
            start = end;
        }
    }
}

fn run_len(graph: &Graph, run: usize) -> u32 {
    let end = if run + 1 < graph.run_count() { graph.first_of_run(run + 1).0 } else { graph.len() };
    end - graph.first_of_run(run).0
}
