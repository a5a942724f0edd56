//! An update that is encoded here, without the engine, as `docs/format.md` specifies. So each of
//! its numbers can be wrong.

use crate::frame::{Frame, Section, varint};
use crate::seeds::Random;

/// The feature bit of edits.
pub(crate) const EDITS: u64 = 2;

/// The columns of an update as numbers. A new value is valid.
pub(crate) struct ByHand {
    pub(crate) features: u64,
    pub(crate) peers: Vec<u8>,
    pub(crate) begins: Vec<u64>,
    pub(crate) tables: Vec<u8>,
    pub(crate) columns: Vec<u8>,
    pub(crate) shapes: u64,
    pub(crate) shape_lengths: Vec<u64>,
    pub(crate) shape_columns: Vec<i64>,
    pub(crate) table_rows: Vec<u64>,
    pub(crate) row_ids: Vec<u8>,
    pub(crate) runs: u64,
    pub(crate) run_peers: Vec<u64>,
    pub(crate) run_gaps: Vec<u64>,
    pub(crate) run_events: Vec<u64>,
    pub(crate) run_dependencies: Vec<u64>,
    pub(crate) dependency_peers: Vec<u64>,
    pub(crate) dependency_distances: Vec<i64>,
    pub(crate) event_operations: Vec<u64>,
    pub(crate) kinds: Vec<u64>,
    pub(crate) rows: Vec<i64>,
    pub(crate) operation_shapes: Vec<u64>,
    pub(crate) age_kinds: Vec<u64>,
    pub(crate) ages: Vec<i64>,
    pub(crate) name_kinds: Vec<u64>,
    pub(crate) name_codes: Vec<u64>,
    pub(crate) name_lengths: Vec<u64>,
    pub(crate) name_bytes: Vec<u8>,
    pub(crate) outside: Vec<u64>,
    pub(crate) salted_runs: Vec<u64>,
    pub(crate) salts: Vec<u64>,
    pub(crate) marker_peers: Vec<u64>,
    pub(crate) marker_counters: Vec<u64>,
    pub(crate) marker_fingerprints: Vec<u64>,
    pub(crate) splices: Option<Splices>,
}

/// The columns of splices as numbers, and what they insert.
pub(crate) struct Splices {
    pub(crate) places: Vec<i64>,
    pub(crate) removed: Vec<u64>,
    pub(crate) inserted: Vec<u64>,
    pub(crate) contents: Contents,
}

/// What the splices of each cell insert.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) rows: Vec<i64>,
    pub(crate) columns: Vec<u64>,
    pub(crate) lengths: Vec<u64>,
    pub(crate) bytes: Vec<u8>,
}

impl Contents {
    pub(crate) fn encoded(&self) -> Vec<u8> {
        if self.lengths.is_empty() {
            return varint(0);
        }
        let count = varint(self.lengths.len() as u64);
        [count, deltas(&self.rows), column(&self.columns), column(&self.lengths), self.bytes.clone()].concat()
    }
}

impl Splices {
    /// Returns the columns of the places.
    pub(crate) fn places(&self) -> Vec<u8> {
        [differences(&self.places), column(&self.removed), column(&self.inserted)].concat()
    }
}

impl ByHand {
    /// Returns two events by ann: one inserts a row, and one updates it with the same name and
    /// another age.
    pub(crate) fn new() -> Self {
        Self {
            features: 0,
            peers: names(&["ann"]),
            begins: vec![],
            tables: names(&["people"]),
            columns: names(&["age", "name"]),
            shapes: 1,
            shape_lengths: vec![2],
            shape_columns: vec![0, 1],
            table_rows: vec![1],
            row_ids: sorted_texts(&["p1"]),
            runs: 1,
            run_peers: vec![0],
            run_gaps: vec![0],
            run_events: vec![2],
            run_dependencies: vec![0],
            dependency_peers: vec![],
            dependency_distances: vec![],
            event_operations: vec![1, 1],
            kinds: vec![0, 1],
            rows: vec![0, 0],
            operation_shapes: vec![0, 0],
            age_kinds: vec![3, 3],
            ages: vec![30, 31],
            name_kinds: vec![5, 5],
            name_codes: vec![0, 1],
            name_lengths: vec![5],
            name_bytes: b"Alice".to_vec(),
            outside: vec![],
            salted_runs: vec![],
            salts: vec![],
            marker_peers: vec![],
            marker_counters: vec![],
            marker_fingerprints: vec![],
            splices: None,
        }
    }

    /// Returns an event by ann that inserts a row, and further ones that append an exclamation mark
    /// to its name each.
    pub(crate) fn typing(events: usize) -> Self {
        let splices = Splices {
            places: [vec![5], vec![0; events - 1]].concat(),
            removed: vec![0; events],
            inserted: vec![1; events],
            contents: Contents {
                rows: vec![0],
                columns: vec![1],
                lengths: vec![events as u64],
                bytes: vec![b'!'; events],
            },
        };
        Self {
            features: EDITS,
            shapes: 2,
            shape_lengths: vec![2, 1],
            shape_columns: vec![0, 1, 1],
            run_events: vec![events as u64 + 1],
            event_operations: vec![1; events + 1],
            kinds: [vec![0], vec![4; events]].concat(),
            rows: vec![0; events + 1],
            operation_shapes: [vec![0], vec![1; events]].concat(),
            age_kinds: vec![3],
            ages: vec![30],
            name_kinds: vec![5],
            name_codes: vec![0],
            splices: Some(splices),
            ..Self::new()
        }
    }

    /// Changes a few numbers. Columns may become longer or shorter by one.
    pub(crate) fn change(&mut self, numbers: &[u64], random: &mut Random) {
        for _ in 0..1 + random.below(3) {
            let columns = [
                &mut self.begins,
                &mut self.shape_lengths,
                &mut self.table_rows,
                &mut self.run_peers,
                &mut self.run_gaps,
                &mut self.run_events,
                &mut self.run_dependencies,
                &mut self.dependency_peers,
                &mut self.event_operations,
                &mut self.kinds,
                &mut self.operation_shapes,
                &mut self.age_kinds,
                &mut self.name_kinds,
                &mut self.name_codes,
                &mut self.name_lengths,
                &mut self.outside,
                &mut self.salted_runs,
                &mut self.salts,
                &mut self.marker_peers,
                &mut self.marker_counters,
                &mut self.marker_fingerprints,
            ];
            let count = columns.len();
            let deltas = [&mut self.shape_columns, &mut self.dependency_distances, &mut self.rows, &mut self.ages];
            let place = random.below(count + deltas.len() + 2);
            let number = if random.chance(1, 2) { random.below(4) as u64 } else { *random.pick(numbers) };
            if let Some(column) = columns.into_iter().nth(place) {
                change(column, number, random);
            } else if let Some(column) = deltas.into_iter().nth(place.wrapping_sub(count)) {
                change(column, number as i64, random);
            } else if random.chance(1, 2) {
                self.runs = number;
            } else {
                self.shapes = number;
            }
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let shapes = [varint(self.shapes), column(&self.shape_lengths), deltas(&self.shape_columns)].concat();
        let history = [
            varint(self.runs),
            column(&self.run_peers),
            column(&self.run_gaps),
            column(&self.run_events),
            column(&self.run_dependencies),
            column(&self.dependency_peers),
            differences(&self.dependency_distances),
            column(&self.event_operations),
            column(&self.kinds),
            deltas(&self.rows),
            column(&self.operation_shapes),
        ];
        let names = [column(&self.name_codes), column(&self.name_lengths), self.sized_names()].concat();
        let values = [
            varint(2),
            [varint(0), vec![1], column(&self.age_kinds), deltas(&self.ages)].concat(),
            [varint(1), vec![4], column(&self.name_kinds), names].concat(),
        ];
        let splices = self.splices.as_ref().map(|splices| [splices.places(), splices.contents.encoded()].concat());
        let section = |id, content| Section { id, content };
        let sections = vec![
            section(1, [self.peers.clone(), column(&self.begins)].concat()),
            section(2, [&self.tables[..], &self.columns, &shapes].concat()),
            section(5, [column(&self.table_rows), self.row_ids.clone()].concat()),
            section(6, [history.concat(), values.concat(), splices.unwrap_or_default()].concat()),
            section(10, self.fingerprints()),
        ];
        Frame { version: 1, kind: b'U', features: self.features, sections }.bytes()
    }

    fn fingerprints(&self) -> Vec<u8> {
        let mut bytes = fixed(&self.outside);
        bytes.extend(varint(self.salts.len() as u64));
        if !self.salts.is_empty() {
            bytes.extend([column(&self.salted_runs), fixed(&self.salts)].concat());
        }
        bytes.extend(varint(self.marker_fingerprints.len() as u64));
        if !self.marker_fingerprints.is_empty() {
            bytes.extend([column(&self.marker_peers), column(&self.marker_counters)].concat());
            bytes.extend(fixed(&self.marker_fingerprints));
        }
        bytes
    }

    fn sized_names(&self) -> Vec<u8> {
        [varint(self.name_bytes.len() as u64), self.name_bytes.clone()].concat()
    }
}

fn change<T: Copy>(column: &mut Vec<T>, number: T, random: &mut Random) {
    let place = random.below(column.len() + 1);
    match random.below(4) {
        0 => column.insert(place, number),
        1 if place < column.len() => drop(column.drain(place..=place)),
        _ => match column.get_mut(place) {
            Some(there) => *there = number,
            None => column.push(number),
        },
    }
}

/// Encodes a column of numbers.
pub(crate) fn column(numbers: &[u64]) -> Vec<u8> {
    if let &[single] = numbers
        && single < 1 << 63
    {
        return varint(single << 1 | 1);
    }
    grouped(numbers, varint)
}

/// Encodes a fixed column of numbers.
pub(crate) fn fixed(numbers: &[u64]) -> Vec<u8> {
    grouped(numbers, |number| number.to_le_bytes().to_vec())
}

fn grouped(numbers: &[u64], write: impl Fn(u64) -> Vec<u8> + Copy) -> Vec<u8> {
    let mut groups = Vec::new();
    let mut literals: Vec<u64> = Vec::new();
    for equal in numbers.chunk_by(|a, b| a == b).flat_map(|equal| equal.chunks(128)) {
        if equal.len() >= 3 {
            end_literals(&mut literals, &mut groups, write);
            groups.push(equal.len() as u8 - 1);
            groups.extend(write(equal[0]));
        } else {
            literals.extend(equal);
        }
    }
    end_literals(&mut literals, &mut groups, write);
    [varint((groups.len() as u64) << 1), groups].concat()
}

fn end_literals(literals: &mut Vec<u64>, groups: &mut Vec<u8>, write: impl Fn(u64) -> Vec<u8>) {
    for group in literals.chunks(128) {
        groups.push(127 + group.len() as u8);
        groups.extend(group.iter().flat_map(|&number| write(number)));
    }
    literals.clear();
}

/// Encodes a column of differences between numbers.
pub(crate) fn deltas(numbers: &[i64]) -> Vec<u8> {
    let before = [0].iter().chain(numbers);
    column(&numbers.iter().zip(before).map(|(number, before)| zigzag(number.wrapping_sub(*before))).collect::<Vec<_>>())
}

/// Encodes a column of signed numbers.
pub(crate) fn differences(numbers: &[i64]) -> Vec<u8> {
    column(&numbers.iter().map(|&number| zigzag(number)).collect::<Vec<_>>())
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

/// Encodes the number of texts and the texts, in any order.
pub(crate) fn names(texts: &[&str]) -> Vec<u8> {
    [varint(texts.len() as u64), sorted_texts(texts)].concat()
}

pub(crate) fn sorted_texts(texts: &[&str]) -> Vec<u8> {
    let before = [""].iter().chain(texts);
    let shared: Vec<usize> = texts
        .iter()
        .zip(before)
        .map(|(text, before)| text.bytes().zip(before.bytes()).take(128).take_while(|(a, b)| a == b).count())
        .collect();
    let rests: Vec<&str> = texts.iter().zip(&shared).map(|(text, &shared)| &text[shared..]).collect();
    let lengths: Vec<u64> = rests.iter().map(|rest| rest.len() as u64).collect();
    let bytes = rests.concat().into_bytes();
    let shared: Vec<u64> = shared.into_iter().map(|shared| shared as u64).collect();
    [column(&shared), column(&lengths), varint(bytes.len() as u64), bytes].concat()
}
