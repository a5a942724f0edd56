//! Walks between versions: the events that only one of two versions has, and an order of runs that
//! finishes a branch before it begins another one.
//!
//! Source: J. Gentle and M. Kleppmann, "Collaborative Text Editing with Eg-walker", 2025, section
//! 3.2 (the difference of two versions, and the order of the walk).

use super::{Graph, RunNumber};
use crate::error::Error;
use crate::id::EventNumber;
use crate::memory;
use crate::sort;
use crate::work;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

/// Which of two versions has an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HeldBy {
    First,
    Second,
    Both,
}

impl HeldBy {
    fn or(self, other: Self) -> Self {
        if self == other { self } else { Self::Both }
    }
}

impl Graph {
    /// Visits the events that only one of two versions has. `first` and `second` are their heads.
    /// Every visit is of consecutive events of one run: the first one and their count. Later events
    /// come first. O(log n) for each run that is visited, and for each run that both versions have
    /// but that is later than an event of only one of them.
    pub(crate) fn between(
        &self,
        first: &[EventNumber],
        second: &[EventNumber],
        mut visit: impl FnMut(HeldBy, EventNumber, u32),
    ) {
        let mut heap: BinaryHeap<(EventNumber, HeldBy)> = BinaryHeap::new();
        heap.extend(first.iter().map(|&event| (event, HeldBy::First)));
        heap.extend(second.iter().map(|&event| (event, HeldBy::Second)));
        // The entries of the heap that only one version has.
        let mut open = heap.len();
        while open > 0 {
            let Some((mut event, mut held)) = heap.pop() else { return };
            open -= usize::from(held != HeldBy::Both);
            let number = self.run_of(event);
            let start = self.runs[number.index()].first;
            while let Some(&(other, by)) = heap.peek()
                && other >= start
            {
                heap.pop();
                open -= usize::from(by != HeldBy::Both);
                if other < event && held != HeldBy::Both {
                    visit(held, other.plus(1), event.0 - other.0);
                }
                (event, held) = (other, held.or(by));
            }
            work::step();
            let dependencies = self.run_dependencies(number);
            heap.extend(dependencies.iter().map(|&dependency| (dependency, held)));
            if held != HeldBy::Both {
                visit(held, start, event.0 - start.0 + 1);
                open += dependencies.len();
            }
        }
    }

    /// Returns the indexes of these runs in an order that respects dependencies, and in which a
    /// branch is finished before another one begins, if possible. The lightest branch comes first,
    /// because walkers undo and redo it. O(runs and dependencies × log n).
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(crate) fn branch_by_branch(
        &self,
        runs: Range<usize>,
        weight: impl Fn(usize) -> u64,
    ) -> Result<Vec<usize>, Error> {
        let count = runs.len();
        let above = |run: usize| {
            let dependencies = self.run_dependencies(RunNumber(run as u32)).iter();
            dependencies.filter_map(|&event| self.run_of(event).index().checked_sub(runs.start))
        };
        // By run, the number of runs of the range that it waits for, and the end of its followers.
        let (mut waits, mut ends, mut followers) = (Vec::new(), Vec::new(), Vec::new());
        memory::reserve(&mut waits, count)?;
        memory::reserve(&mut ends, count + 1)?;
        waits.resize(count, 0_u32);
        ends.resize(count + 1, 0_usize);
        for run in runs.clone() {
            above(run).for_each(|dependency| {
                work::step();
                waits[run - runs.start] += 1;
                ends[dependency] += 1;
            });
        }
        let mut total = 0;
        ends.iter_mut().for_each(|end| {
            total += *end;
            *end = total;
        });
        memory::reserve(&mut followers, total)?;
        followers.resize(total, 0_usize);
        // Filled from the end: then `ends[run]` is the start of the followers, the last one first.
        for run in runs.clone() {
            above(run).for_each(|dependency| {
                ends[dependency] -= 1;
                followers[ends[dependency]] = run - runs.start;
            });
        }
        // The weight of a run with the branches that begin at it, up to the next merges.
        let mut weights = Vec::new();
        memory::reserve(&mut weights, count)?;
        weights.resize(count, 0_u64);
        for run in (0..count).rev() {
            let single = followers[ends[run]..ends[run + 1]].iter().filter(|&&follower| waits[follower] == 1);
            let of_branches: u64 = single.map(|&follower| weights[follower]).sum();
            weights[run] = weight(runs.start + run) + of_branches;
        }
        let (mut ready, mut order) = (Vec::new(), Vec::new());
        memory::reserve(&mut ready, count)?;
        memory::reserve(&mut order, count)?;
        let heaviest_first = |new: &mut [usize]| sort::sort_by_key(new, |&run| Reverse((weights[run], run)));
        ready.extend((0..count).filter(|&run| waits[run] == 0));
        heaviest_first(&mut ready);
        while let Some(run) = ready.pop() {
            work::step();
            order.push(runs.start + run);
            let before = ready.len();
            for &follower in &followers[ends[run]..ends[run + 1]] {
                waits[follower] -= 1;
                if waits[follower] == 0 {
                    ready.push(follower);
                }
            }
            heaviest_first(&mut ready[before..]);
        }
        Ok(order)
    }
}
