//! The section of the edits of a document, encoded without the engine, as `docs/format.md`
//! specifies. So each of its numbers can be wrong.

use crate::by_hand::{Contents, column, deltas, differences};
use crate::frame::varint;

/// The parts of the section. A new value of any of them has no entries.
#[derive(Default)]
pub(crate) struct EditsByHand {
    pub(crate) sums: Sums,
    pub(crate) changed_sums: Sums,
    pub(crate) kept: Kept,
    pub(crate) bases: Bases,
    pub(crate) contents: Contents,
    pub(crate) classes: Vec<u64>,
    pub(crate) texts: Texts,
}

/// The sums of additions.
#[derive(Default)]
pub(crate) struct Sums {
    pub(crate) rows: Vec<i64>,
    pub(crate) columns: Vec<u64>,
    pub(crate) kinds: Vec<u64>,
    pub(crate) rests: Vec<i64>,
    pub(crate) carries: Vec<i64>,
}

/// The kept grounds of edits.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) events: Vec<i64>,
    pub(crate) places: Vec<u64>,
    pub(crate) kinds: Vec<u64>,
    pub(crate) grounds: Vec<u64>,
    pub(crate) ground_places: Vec<u64>,
}

/// The texts at the horizon.
#[derive(Default)]
pub(crate) struct Bases {
    pub(crate) rows: Vec<i64>,
    pub(crate) columns: Vec<u64>,
    pub(crate) kinds: Vec<u64>,
    pub(crate) spans: Vec<u64>,
    pub(crate) origins: Vec<u64>,
    pub(crate) firsts: Vec<i64>,
    pub(crate) places: Vec<u64>,
    pub(crate) offsets: Vec<u64>,
    pub(crate) of_each: Vec<u64>,
    pub(crate) scalars: Vec<u64>,
    pub(crate) characters: Vec<u8>,
}

/// The present texts.
#[derive(Default)]
pub(crate) struct Texts {
    pub(crate) rows: Vec<i64>,
    pub(crate) columns: Vec<u64>,
    pub(crate) kinds: Vec<u64>,
    pub(crate) sources: Vec<u64>,
    pub(crate) ranges: Vec<u64>,
    pub(crate) starts: Vec<i64>,
    pub(crate) lengths: Vec<u64>,
}

impl EditsByHand {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let edits = [self.sums.bytes(), self.changed_sums.bytes(), self.kept.bytes()].concat();
        if self.bases.rows.is_empty() && self.contents.lengths.is_empty() && self.texts.rows.is_empty() {
            return edits;
        }
        let texts = [self.contents.encoded(), column(&self.classes), self.texts.bytes()].concat();
        [edits, self.bases.bytes(), texts].concat()
    }
}

impl Sums {
    fn bytes(&self) -> Vec<u8> {
        let amounts = [differences(&self.rests), differences(&self.carries)].concat();
        list(&self.rows, &[&self.columns, &self.kinds], amounts)
    }
}

impl Kept {
    fn bytes(&self) -> Vec<u8> {
        list(&self.events, &[&self.places, &self.kinds, &self.grounds, &self.ground_places], Vec::new())
    }
}

impl Bases {
    fn bytes(&self) -> Vec<u8> {
        let names = [&self.places, &self.offsets, &self.of_each, &self.scalars].map(|numbers| column(numbers));
        let firsts = deltas(&self.firsts);
        let characters = [varint(self.characters.len() as u64), self.characters.clone()].concat();
        let spans = [firsts, names.concat(), characters].concat();
        list(&self.rows, &[&self.columns, &self.kinds, &self.spans, &self.origins], spans)
    }
}

impl Texts {
    fn bytes(&self) -> Vec<u8> {
        let ranges = [differences(&self.starts), column(&self.lengths)].concat();
        list(&self.rows, &[&self.columns, &self.kinds, &self.sources, &self.ranges], ranges)
    }
}

/// Encodes the count of a list, a delta column, further columns, and what follows these.
fn list(rows: &[i64], columns: &[&Vec<u64>], rest: Vec<u8>) -> Vec<u8> {
    if rows.is_empty() {
        return varint(0);
    }
    let columns: Vec<u8> = columns.iter().flat_map(|numbers| column(numbers)).collect();
    [varint(rows.len() as u64), deltas(rows), columns, rest].concat()
}
