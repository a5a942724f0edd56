//! How the edits of one text build on each other: their frontier and their criticals.
//!
//! The frontier is the edits that no other edit of the text builds on. A critical is an edit that
//! every known edit of the text is before or after. Always holds: the frontier is sorted, and no
//! edit of it builds on another one; criticals are sorted, as ranges of events: all edits in a
//! range are critical. Only events matter here: all edits of one event count as one. Void edits
//! count, too.
//!
//! Source: J. Gentle and M. Kleppmann, "Collaborative Text Editing with Eg-walker", 2025, section
//! 3.5 (critical versions).

use super::edits::Edits;
use super::run::EditRun;
use crate::error::Error;
use crate::graph::Graph;
use crate::id::EventNumber;
use crate::memory;
use crate::work;
use std::slice::from_ref;

/// Up to this number, the edits of the frontier are compared with a new one by walks.
const FEW_HEADS: usize = 8;

/// The frontier and the criticals of a text.
#[derive(Debug, Default)]
pub(super) struct Ancestry {
    frontier: Vec<EventNumber>,
    /// The first and the last event of each range.
    criticals: Vec<(EventNumber, EventNumber)>,
}

impl Ancestry {
    /// Returns the last critical.
    pub(super) fn last_critical(&self) -> Option<EventNumber> {
        self.criticals.last().map(|&(_, last)| last)
    }

    /// Returns whether all edits are before or after an edit, or after the start for `None`.
    pub(super) fn is_critical(&self, edit: Option<EventNumber>) -> bool {
        let Some(edit) = edit else { return true };
        let at = self.criticals.partition_point(|&(first, _)| first <= edit).checked_sub(1);
        at.is_some_and(|at| edit <= self.criticals[at].1)
    }

    /// Returns the last critical before an event.
    pub(super) fn critical_before(&self, event: EventNumber, edits: &Edits) -> Option<EventNumber> {
        let at = self.criticals.partition_point(|&(first, _)| first < event).checked_sub(1)?;
        let (first, last) = self.criticals[at];
        let before = edits.last_up_to(EventNumber(event.0.checked_sub(1)?))?;
        Some(before.min(last)).filter(|before| *before >= first)
    }

    /// Returns the bytes of memory that the ancestry takes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.frontier.capacity() * size_of::<EventNumber>()
            + self.criticals.capacity() * size_of::<(EventNumber, EventNumber)>()
    }

    /// Reserves memory for this many further runs of edits.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(super) fn reserve(&mut self, more: usize) -> Result<(), Error> {
        memory::reserve(&mut self.frontier, more)?;
        memory::reserve(&mut self.criticals, more)
    }

    /// Returns whether an edit builds on all edits that were added.
    pub(super) fn is_next(&self, edit: EventNumber, graph: &Graph) -> bool {
        let is_only = |head: EventNumber| head == edit || (head.0 + 1 == edit.0 && is_chained(edit, graph));
        match self.frontier[..] {
            [] => true,
            [head] if is_only(head) => true,
            // The newest ones are the least likely to be built on.
            _ => self.frontier.iter().rev().all(|&head| graph.first_reaching(&[edit], head).is_some()),
        }
    }

    /// Adds a run of edits that builds on all edits before it.
    pub(super) fn push_next(&mut self, run: &EditRun) {
        let follows = self.frontier.len() == 1 && self.last_critical() == self.frontier.last().copied();
        match self.criticals.last_mut() {
            Some((_, last)) if follows => *last = run.last(),
            _ => self.criticals.push((run.first, run.last())),
        }
        self.frontier.clear();
        self.frontier.push(run.last());
    }

    /// Adds a run of edits that does not build on all edits before it. `edits` and `further` are at
    /// least the edits before it; `edits` contain all criticals.
    pub(super) fn push_concurrent(&mut self, run: &EditRun, edits: &Edits, further: &[EditRun], graph: &Graph) {
        while let Some((first, last)) = self.criticals.last().copied() {
            work::step();
            let builds_on = |event: EventNumber| graph.first_reaching(from_ref(&run.first), event).is_some();
            if builds_on(last) {
                break;
            }
            self.criticals.pop();
            if builds_on(first) {
                let last = last_of(first, last, edits, builds_on);
                self.criticals.push((first, last));
                break;
            }
        }
        self.cover(run.first, |event| edits.has(event) || has_edit(further, event), graph);
        let at = self.frontier.partition_point(|head| *head < run.last());
        self.frontier.insert(at, run.last());
    }

    /// Removes the edits of the frontier that an edit builds on.
    fn cover(&mut self, edit: EventNumber, is_edit: impl Fn(EventNumber) -> bool, graph: &Graph) {
        let before = [EventNumber(edit.0.saturating_sub(1))];
        let is_head = |event: EventNumber| self.frontier.binary_search(&event).is_ok();
        if is_head(edit) {
            // An earlier edit of the same event.
            self.remove(edit);
            return;
        }
        for &dependency in graph.dependencies(edit).unwrap_or(&before) {
            work::step();
            // An edit builds on no other edit of the frontier if it is in it, and on none if it is
            // before it.
            if is_edit(dependency) {
                self.remove(dependency);
                continue;
            }
            let end = self.frontier.partition_point(|head| *head < dependency);
            if end == 0 {
                continue;
            }
            if end <= FEW_HEADS {
                let is_left = |head: &EventNumber| {
                    *head > dependency || graph.first_reaching(from_ref(&dependency), *head).is_none()
                };
                self.frontier.retain(is_left);
                continue;
            }
            let counts = graph.counts_at(from_ref(&dependency));
            self.frontier.retain(|&head| {
                let (peer, counter, _) = graph.describe(head);
                head > dependency || counts.get(peer.index()).is_none_or(|&count| count <= counter.0)
            });
        }
    }

    fn remove(&mut self, head: EventNumber) {
        if let Ok(at) = self.frontier.binary_search(&head) {
            self.frontier.remove(at);
        }
    }

    /// Panics if an invariant is broken. O(n²).
    pub(super) fn dbg_check(&self, edits: &Edits, graph: &Graph) {
        let reaches = |from: EventNumber, to: EventNumber| graph.first_reaching(&[from], to).is_some();
        assert!(self.frontier.is_sorted());
        let events: Vec<EventNumber> =
            edits.runs().flat_map(|run| (run.first.0..=run.last().0).map(EventNumber)).collect();
        for &event in &events {
            let is_head = !events.iter().any(|&other| other != event && reaches(other, event));
            assert_eq!(is_head, self.frontier.contains(&event), "{event:?} in {:?}", self.frontier);
            let is_critical = events.iter().all(|&other| reaches(other, event) || reaches(event, other));
            let is_listed = self.criticals.iter().any(|&(first, last)| first <= event && event <= last);
            assert!(is_critical || !is_listed, "{event:?} is not critical");
        }
    }
}

/// Returns whether an event has an edit in these runs.
fn has_edit(runs: &[EditRun], event: EventNumber) -> bool {
    let run = runs.get(runs.partition_point(|run| run.last() < event));
    run.is_some_and(|run| run.first <= event)
}

/// Returns whether an event builds only on the event before it.
pub(super) fn is_chained(event: EventNumber, graph: &Graph) -> bool {
    event.0 > 0 && graph.dependencies(event).is_none()
}

/// Returns the last edit of a range that fulfills a condition, which the first one fulfills, the
/// last one does not, and which holds up to some edit.
fn last_of(first: EventNumber, last: EventNumber, edits: &Edits, holds: impl Fn(EventNumber) -> bool) -> EventNumber {
    let (mut first, mut last) = (first, last);
    while first.0 + 1 < last.0 {
        let middle = EventNumber(first.0 + (last.0 - first.0) / 2);
        match edits.last_up_to(middle).filter(|edit| *edit > first) {
            Some(edit) if holds(edit) => first = edit,
            Some(edit) => last = edit,
            // There is no edit up to the middle, so the search continues after it.
            None => match edits.first_from(middle.plus(1)).filter(|edit| *edit < last) {
                Some(edit) if holds(edit) => first = edit,
                Some(edit) => last = edit,
                None => break,
            },
        }
    }
    first
}
