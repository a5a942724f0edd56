//! The rule for texts, as simple as it can be stated: characters in a tree, and each splice reads
//! the tree as its author had it.

use std::cmp::Ordering;
use std::collections::BTreeSet;

/// The place of an operation: the event in the order of execution, and the index in its commit.
pub(crate) type Place = (usize, usize);

/// A character: its place in the tree, what inserted it, and what removed it.
struct Char {
    value: char,
    /// The splice, and the index in the inserted text; `None` for the characters of the ground.
    name: Option<(Place, usize)>,
    parent: Option<usize>,
    is_left: bool,
    removers: BTreeSet<Place>,
}

/// The text of a ground: the characters of all splices that have this ground.
pub(crate) struct Text {
    chars: Vec<Char>,
    /// Whether the ground is a text, or a splice is not void.
    shows: bool,
}

impl Text {
    /// Returns the text that the ground left there, if it is one.
    pub(crate) fn new(ground: Option<&str>) -> Self {
        let mut text = Self { chars: Vec::new(), shows: ground.is_some() };
        for value in ground.unwrap_or_default().chars() {
            let parent = text.chars.len().checked_sub(1);
            text.chars.push(Char { value, name: None, parent, is_left: false, removers: BTreeSet::new() });
        }
        text
    }

    /// Executes a splice. `seen` returns whether an operation is in its past. Splices at one place
    /// compare by the ranks of their events, then by their indexes. A splice at a place that did
    /// not exist for its author does nothing.
    pub(crate) fn splice(
        &mut self,
        place: Place,
        (at, remove, insert): (u32, u32, &str),
        seen: impl Fn(Place) -> bool,
        ranks: &[usize],
    ) {
        let shown: Vec<usize> = self.shown(&seen, ranks);
        let (at, end) = (at as usize, at as usize + remove as usize);
        if end > shown.len() {
            return;
        }
        self.shows = true;
        for &char in &shown[at..end] {
            self.chars[char].removers.insert(place);
        }
        let mut left = at.checked_sub(1).map(|at| shown[at]);
        for (index, value) in insert.chars().enumerate() {
            let exists = |char: usize| self.chars[char].name.is_none_or(|(other, _)| other == place || seen(other));
            let existing: Vec<usize> = self.ordered(ranks).into_iter().filter(|&char| exists(char)).collect();
            let has_right = existing.iter().any(|&char| self.chars[char].parent == left && !self.chars[char].is_left);
            let (parent, is_left) = if has_right {
                let next = left.map_or(0, |left| existing.iter().position(|&char| char == left).unwrap() + 1);
                (Some(existing[next]), true)
            } else {
                (left, false)
            };
            left = Some(self.chars.len());
            self.chars.push(Char { value, name: Some((place, index)), parent, is_left, removers: BTreeSet::new() });
        }
    }

    /// Returns all characters in the order of the tree.
    fn ordered(&self, ranks: &[usize]) -> Vec<usize> {
        let mut order = Vec::new();
        self.visit(None, ranks, &mut order);
        order
    }

    fn visit(&self, node: Option<usize>, ranks: &[usize], order: &mut Vec<usize>) {
        let children = |is_left: bool| {
            let is_child = |&it: &usize| self.chars[it].parent == node && self.chars[it].is_left == is_left;
            let mut children: Vec<usize> = (0..self.chars.len()).filter(is_child).collect();
            children.sort_by(|&one, &other| self.compare(one, other, ranks));
            children
        };
        children(true).into_iter().for_each(|child| self.visit(Some(child), ranks, order));
        order.extend(node);
        children(false).into_iter().for_each(|child| self.visit(Some(child), ranks, order));
    }

    fn compare(&self, one: usize, other: usize, ranks: &[usize]) -> Ordering {
        let key = |char: usize| self.chars[char].name.map(|((event, place), _)| (ranks[event], place));
        key(one).cmp(&key(other))
    }

    fn shown(&self, seen: impl Fn(Place) -> bool, ranks: &[usize]) -> Vec<usize> {
        let shows = |&char: &usize| {
            let Char { name, removers, .. } = &self.chars[char];
            name.is_none_or(|(place, _)| seen(place)) && !removers.iter().any(|&place| seen(place))
        };
        self.ordered(ranks).into_iter().filter(shows).collect()
    }

    /// Returns the text with all splices, if the cell shows one.
    pub(crate) fn read(&self, ranks: &[usize]) -> Option<String> {
        let text = || self.shown(|_| true, ranks).into_iter().map(|char| self.chars[char].value).collect();
        self.shows.then(text)
    }
}
