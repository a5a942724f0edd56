//! Histories of a text, and replicas that take them in.

use super::oracle::Event;
use crate::clock::Lamport;
use crate::graph::Graph;
use crate::id::{Counter, EventNumber, Fingerprint, PeerNumber};
use crate::lanes::{BranchStart, Lanes};
use crate::text::{
    Change, CharName, ContentRange, Edit, EditRun, Lengths, NamedSpan, Outcome, Sources, TRACKER_BYTES, Text, Unit,
    VoidEdits,
};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// splitmix64.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub(super) fn chance(&mut self, of: usize, out_of: usize) -> bool {
        self.below(out_of) < of
    }
}

/// An event of a history.
#[derive(Debug, Clone, Default)]
pub(super) struct TestEvent {
    pub(super) author: String,
    /// The author's event before it.
    pub(super) previous: Option<Event>,
    /// The events that it directly builds on.
    pub(super) after: Vec<Event>,
    /// Positions, counts of removed scalar values, and inserted texts.
    pub(super) edits: Vec<(u32, u32, String)>,
}

/// Events, each after those that it builds on.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    pub(super) ground: String,
    pub(super) events: Vec<TestEvent>,
}

/// The number that stands for an event's fingerprint.
fn fingerprint(event: Event) -> Fingerprint {
    Fingerprint::of_hash(Random(event as u64).next())
}

impl History {
    /// Adds an event that builds on these events.
    pub(super) fn push(&mut self, author: &str, after: &[Event], edits: &[(u32, u32, &str)]) -> Event {
        let past = self.closed(after);
        let previous = past.iter().rev().copied().find(|&event| self.events[event].author == author);
        let edits = edits.iter().map(|&(at, remove, insert)| (at, remove, insert.to_owned())).collect();
        self.events.push(TestEvent { author: author.to_owned(), previous, after: after.to_vec(), edits });
        self.events.len() - 1
    }

    /// Returns events and all that they build on.
    pub(super) fn closed(&self, events: &[Event]) -> BTreeSet<Event> {
        let mut closed = BTreeSet::new();
        let mut open = events.to_vec();
        while let Some(event) = open.pop() {
            if closed.insert(event) {
                open.extend(&self.events[event].after);
            }
        }
        closed
    }

    /// Returns what an event builds on.
    pub(super) fn past(&self, event: Event) -> BTreeSet<Event> {
        self.closed(&self.events[event].after)
    }

    /// Returns the author's events up to this one.
    fn path(&self, event: Event) -> Vec<Event> {
        let mut path = vec![event];
        while let Some(previous) = self.events[path[path.len() - 1]].previous {
            path.push(previous);
        }
        path.reverse();
        path
    }

    /// Compares the names of two events.
    pub(super) fn compare(&self, one: Event, other: Event) -> Ordering {
        let (of_one, of_other) = (self.path(one), self.path(other));
        let by_author = self.events[one].author.cmp(&self.events[other].author);
        let parted = of_one.iter().zip(&of_other).find(|(one, other)| one != other);
        let by_branch = parted.map_or(Ordering::Equal, |(&one, &other)| fingerprint(one).cmp(&fingerprint(other)));
        by_author.then(by_branch).then(of_one.len().cmp(&of_other.len()))
    }

    /// Returns the events in a random order in which they can arrive.
    pub(super) fn shuffled(&self, random: &mut Random) -> Vec<Event> {
        let mut waits: Vec<usize> = self.events.iter().map(|event| event.after.len()).collect();
        let mut followers: Vec<Vec<Event>> = vec![Vec::new(); self.events.len()];
        for (event, held) in self.events.iter().enumerate() {
            held.after.iter().for_each(|&before| followers[before].push(event));
        }
        let mut ready: Vec<Event> = (0..waits.len()).filter(|&event| waits[event] == 0).collect();
        // Some orders mix branches, others finish one first.
        let jumps = random.below(4);
        let mut order = Vec::new();
        while !ready.is_empty() {
            let at = if random.below(4) < jumps { random.below(ready.len()) } else { ready.len() - 1 };
            let event = ready.swap_remove(at);
            order.push(event);
            for &follower in &followers[event] {
                waits[follower] -= 1;
                if waits[follower] == 0 {
                    ready.push(follower);
                }
            }
        }
        order
    }
}

/// A replica that applies the events of a history.
pub(super) struct Replica {
    pub(super) graph: Graph,
    pub(super) lanes: Lanes,
    pub(super) content: String,
    pub(super) text: Text,
    /// The text as the changes describe it.
    pub(super) mirror: String,
    /// By event of the history, its number here.
    pub(super) numbers: BTreeMap<Event, EventNumber>,
    pub(super) events: Vec<Event>,
    pub(super) void: BTreeSet<(Event, usize)>,
    pub(super) tracker_bytes: usize,
}

impl Replica {
    pub(super) fn new(history: &History) -> Self {
        // Other values of the log.
        let mut content = String::from("äß");
        let range = append(&mut content, &history.ground);
        let scalars = Lengths::of(&history.ground).scalars;
        let base = if scalars == 0 {
            Vec::new()
        } else {
            vec![NamedSpan { name: CharName::Ground(0), of_each: 1, scalars, content: range }]
        };
        Self {
            graph: Graph::default(),
            lanes: Lanes::default(),
            text: Text::new(base, &content).unwrap(),
            content,
            mirror: history.ground.clone(),
            numbers: BTreeMap::new(),
            events: Vec::new(),
            void: BTreeSet::new(),
            tracker_bytes: TRACKER_BYTES,
        }
    }

    pub(super) fn sources(&self) -> Sources<'_> {
        Sources { graph: &self.graph, lanes: &self.lanes, content: &self.content }
    }

    /// Applies events in one call, and checks that the changes describe the new text.
    pub(super) fn take(&mut self, history: &History, events: &[Event]) {
        let edits: Vec<Edit> = events.iter().flat_map(|&event| self.add(history, event)).collect();
        let outcome = self.apply(&edits);
        outcome.void.iter().for_each(|void| self.add_void(void));
        outcome.changes.iter().for_each(|change| self.change_mirror(change));
    }

    fn add_void(&mut self, void: &VoidEdits) {
        for number in void.first.0..void.first.0 + void.count {
            self.void.insert((self.events[number as usize], void.place as usize));
        }
    }

    fn change_mirror(&mut self, change: &Change) {
        let removed = change.at.bytes as usize..(change.at.bytes + change.removed.bytes) as usize;
        assert_eq!(Lengths::of(&self.mirror[..removed.start]), change.at);
        assert_eq!(Lengths::of(&self.mirror[removed.clone()]), change.removed);
        let inserted = change.content.of(&self.content);
        assert_eq!(Lengths::of(inserted), change.inserted);
        self.mirror.replace_range(removed, inserted);
    }

    pub(super) fn apply(&mut self, edits: &[Edit]) -> Outcome {
        let Self { graph, lanes, content, text, tracker_bytes, .. } = self;
        let mut outcome = Outcome::default();
        text.apply(edits.iter().map(EditRun::new), Sources { graph, lanes, content }, *tracker_bytes, &mut outcome)
            .unwrap();
        outcome
    }

    /// Adds an event to the graph and its content to the log, and returns its edits.
    pub(super) fn add(&mut self, history: &History, event: Event) -> Vec<Edit> {
        let TestEvent { author, previous, after, edits } = &history.events[event];
        let mut dependencies: Vec<EventNumber> = after.iter().map(|before| self.numbers[before]).collect();
        dependencies.sort_unstable();
        let lane = self.lane(author, *previous, event, self.graph.lamport_after(&dependencies));
        let counter = Counter(self.graph.count(lane).max(self.lanes.start(lane).0));
        let number = self.graph.push((lane, counter), &dependencies, 0, 1);
        assert_eq!(number.index(), self.events.len());
        self.numbers.insert(event, number);
        self.events.push(event);
        edits
            .iter()
            .enumerate()
            .map(|(at, (position, remove, insert))| Edit {
                event: number,
                place: at as u32,
                at: *position,
                remove: *remove,
                content: append(&mut self.content, insert),
                scalars: Lengths::of(insert).scalars,
            })
            .collect()
    }

    /// Returns the lane of a new event.
    fn lane(&mut self, author: &str, previous: Option<Event>, event: Event, lamport: Lamport) -> PeerNumber {
        let first = BranchStart { fingerprint: fingerprint(event), lamport };
        let (parent, start) = match previous {
            Some(previous) => {
                let (lane, counter, _) = self.graph.describe(self.numbers[&previous]);
                (lane, Counter(counter.0 + 1))
            }
            None => match self.lanes.author(author) {
                Some(known) => (self.lanes.lanes_of(known)[0], Counter(0)),
                None => return self.lanes.add_author(author),
            },
        };
        if self.graph.count(parent) == start.0 {
            return parent;
        }
        let sibling = self.graph.find(parent, start).map(|sibling| BranchStart {
            fingerprint: fingerprint(self.events[sibling.index()]),
            lamport: self.graph.describe(sibling).2,
        });
        let sibling = sibling.filter(|_| self.lanes.start_at(parent, start).is_none());
        self.lanes.add_lane(parent, start, first, sibling)
    }

    pub(super) fn read(&self) -> String {
        self.text.read(&self.content).unwrap()
    }

    pub(super) fn slice(&self, range: Range<u32>, unit: Unit) -> Option<String> {
        Some(self.text.slice(range, unit, &self.content).ok()?.collect())
    }

    /// Returns the name of a character of the history.
    pub(super) fn name(&self, name: Option<(Event, usize, usize)>, index: usize) -> CharName {
        match name {
            None => CharName::Ground(index as u32),
            Some((event, place, offset)) => {
                let (peer, counter, _) = self.graph.describe(self.numbers[&event]);
                CharName::Inserted { peer, counter, place: place as u32, offset: offset as u32 }
            }
        }
    }
}

/// Appends content to the log.
fn append(content: &mut String, more: &str) -> ContentRange {
    let start = content.len() as u32;
    content.push_str(more);
    ContentRange { start, bytes: more.len() as u32 }
}
