//! The rule for texts, as simple as it can be stated: characters in a tree, and each edit reads the
//! tree as its author had it.

use super::world::History;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// The index of an event in a history.
pub(super) type Event = usize;

/// A character: its place in the tree, who inserted it, and who removed it.
pub(super) struct Char {
    pub(super) value: char,
    /// The event, the index of the edit in it, and the index in the inserted text; `None` for the
    /// characters of the ground.
    pub(super) name: Option<(Event, usize, usize)>,
    parent: Option<usize>,
    is_left: bool,
    removers: BTreeSet<Event>,
}

/// The characters of all edits, and which edits are void.
pub(super) struct Oracle {
    pub(super) chars: Vec<Char>,
    pub(super) void: BTreeSet<(Event, usize)>,
}

impl Oracle {
    pub(super) fn new(history: &History) -> Self {
        let mut oracle = Self { chars: Vec::new(), void: BTreeSet::new() };
        for value in history.ground.chars() {
            let parent = oracle.chars.len().checked_sub(1);
            oracle.chars.push(Char { value, name: None, parent, is_left: false, removers: BTreeSet::new() });
        }
        for event in 0..history.events.len() {
            for place in 0..history.events[event].edits.len() {
                oracle.execute(history, event, place);
            }
        }
        oracle
    }

    fn execute(&mut self, history: &History, event: Event, place: usize) {
        let (at, remove, insert) = &history.events[event].edits[place];
        let mut version = history.past(event);
        version.insert(event);
        let shown = self.shown(history, &version);
        let (at, end) = (*at as usize, *at as usize + *remove as usize);
        if end > shown.len() {
            self.void.insert((event, place));
            return;
        }
        for &char in &shown[at..end] {
            self.chars[char].removers.insert(event);
        }
        let mut left = at.checked_sub(1).map(|at| shown[at]);
        for (index, value) in insert.chars().enumerate() {
            let existing: Vec<usize> =
                self.ordered(history).into_iter().filter(|&char| self.exists(char, &version)).collect();
            let has_right = existing.iter().any(|&char| self.chars[char].parent == left && !self.chars[char].is_left);
            let (parent, is_left) = if has_right {
                let next = left.map_or(0, |left| existing.iter().position(|&char| char == left).unwrap() + 1);
                (Some(existing[next]), true)
            } else {
                (left, false)
            };
            left = Some(self.chars.len());
            let name = Some((event, place, index));
            self.chars.push(Char { value, name, parent, is_left, removers: BTreeSet::new() });
        }
    }

    fn exists(&self, char: usize, version: &BTreeSet<Event>) -> bool {
        self.chars[char].name.is_none_or(|(event, ..)| version.contains(&event))
    }

    /// Returns all characters in the order of the tree.
    pub(super) fn ordered(&self, history: &History) -> Vec<usize> {
        let mut order = Vec::new();
        self.visit(history, None, &mut order);
        order
    }

    fn visit(&self, history: &History, node: Option<usize>, order: &mut Vec<usize>) {
        let children = |is_left: bool| {
            let mut children: Vec<usize> = (0..self.chars.len())
                .filter(|&it| self.chars[it].parent == node && self.chars[it].is_left == is_left)
                .collect();
            children.sort_by(|&one, &other| self.compare(history, one, other));
            children
        };
        children(true).into_iter().for_each(|child| self.visit(history, Some(child), order));
        order.extend(node);
        children(false).into_iter().for_each(|child| self.visit(history, Some(child), order));
    }

    fn compare(&self, history: &History, one: usize, other: usize) -> Ordering {
        match (self.chars[one].name, self.chars[other].name) {
            (Some(one), Some(other)) => history.compare(one.0, other.0).then(one.1.cmp(&other.1)),
            (one, other) => one.cmp(&other),
        }
    }

    /// Returns the characters that show in a version, in the order of the tree.
    pub(super) fn shown(&self, history: &History, version: &BTreeSet<Event>) -> Vec<usize> {
        let shows = |char: &usize| self.exists(*char, version) && self.chars[*char].removers.is_disjoint(version);
        self.ordered(history).into_iter().filter(shows).collect()
    }

    /// Returns the text of a version.
    pub(super) fn text(&self, history: &History, version: &BTreeSet<Event>) -> String {
        self.shown(history, version).into_iter().map(|char| self.chars[char].value).collect()
    }
}
