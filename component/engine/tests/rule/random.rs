//! Random histories of 2 to 6 replicas, compared with the oracle after every step.

use crate::check::{COLUMNS, ROWS, TABLES};
use crate::seeds::{Random, for_each_seed};
use crate::world::{History, Step};
use converge_engine::{Cell, RowOp, Value};
use std::sync::atomic::{AtomicU64, Ordering};

/// Peer names that sort differently as bytes than by letters, by length, or in UTF-16.
fn peer_names() -> [String; 12] {
    let mut names =
        ["a", "aa", "a\0", "ab", "b", "B", "\u{7f}", "é", "e\u{301}", "\u{ffff}", "\u{10000}", ""].map(str::to_owned);
    names[11] = "z".repeat(200);
    names
}

#[test]
fn random_histories() {
    let [events, merges, merges_that_wait] = [const { AtomicU64::new(0) }; 3];
    for_each_seed(1_250, |seed| {
        let world = history(&mut Random::new(seed)).check(seed)?;
        events.fetch_add(world.all_events().len() as u64, Ordering::Relaxed);
        merges.fetch_add(world.merges.into(), Ordering::Relaxed);
        merges_that_wait.fetch_add(world.merges_that_wait.into(), Ordering::Relaxed);
        Ok(())
    });
    let [events, merges, wait] = [events, merges, merges_that_wait].map(AtomicU64::into_inner);
    eprintln!("random histories: {events} events, {merges} merges, {wait} of them left events waiting");
    assert!(merges < 1_000 || wait > merges / 20, "too few histories have gaps");
}

/// A random history. Everything that it leaves open is decided by the dice with which it is played.
pub(crate) fn history(random: &mut Random) -> History {
    let mut names = peer_names();
    random.shuffle(&mut names);
    let replicas = 2 + random.below(5);
    let scene = Scene::new(replicas, random);
    let steps = (0..8 + random.below(64)).map(|_| scene.step(random)).collect();
    History { names: names[..=replicas].to_vec(), steps }
}

/// The size and content of a history.
pub(crate) struct Scene {
    /// The documents; the ghost comes after them.
    replicas: usize,
    tables: usize,
    rows: usize,
    columns: usize,
}

impl Scene {
    /// Few names, so that the replicas often write the same cells.
    pub(crate) fn new(replicas: usize, random: &mut Random) -> Self {
        Self {
            replicas,
            tables: 1 + random.below(TABLES.len()),
            rows: 1 + random.below(ROWS.len()),
            columns: 1 + random.below(COLUMNS.len()),
        }
    }

    fn step(&self, random: &mut Random) -> Step {
        let at = random.below(self.replicas + 1);
        let from = random.below(self.replicas + 1);
        let to = (from + 1 + random.below(self.replicas)) % (self.replicas + 1);
        let dice = random.next();
        match random.below(20) {
            0..7 => Step::Commit { at, careful: random.chance(7, 8), ops: self.ops(random) },
            7..11 => Step::Send { from, to, dice },
            11..13 => Step::Relay { from, to, dice },
            13 => {
                let tables = random.sample(&TABLES.map(str::to_owned), 1, 2);
                Step::Watch { at, from_start: random.chance(1, 2), tables }
            }
            14 => Step::Take { at, dice },
            15 | 16 => Step::Update { from, to, dice },
            17 => Step::Save { at },
            18 => Step::Restart { at, dice },
            _ if random.chance(3, 4) => Step::Take { at, dice },
            _ => Step::Unwatch { at, dice },
        }
    }

    /// Most commits have one operation, some none, and some several, often on the same row.
    pub(crate) fn ops(&self, random: &mut Random) -> Vec<RowOp> {
        let many = *random.pick(&[0, 1, 1, 1, 1, 1, 2, 3, 5]);
        let mut place = self.place(random);
        let mut ops = Vec::new();
        for _ in 0..many {
            if random.chance(1, 4) {
                place = self.place(random);
            }
            let (table, row) = place.clone();
            ops.push(match random.below(16) {
                12..16 => {
                    let column = COLUMNS[random.below(self.columns)].to_owned();
                    let (at, remove, insert) = splice(random);
                    RowOp::Splice { table, row, column, at, remove, insert }
                }
                9..12 => {
                    let column = COLUMNS[random.below(self.columns)].to_owned();
                    RowOp::Add { table, row, column, amount: amount(random) }
                }
                0..4 => RowOp::Insert { table, row, cells: self.cells(random) },
                4..6 => RowOp::Update { table, row, cells: self.cells(random) },
                6 => RowOp::Unset { table, row, columns: self.columns(random) },
                _ => RowOp::Delete { table, row },
            });
        }
        ops
    }

    fn place(&self, random: &mut Random) -> (String, String) {
        let table = *random.pick(&TABLES[..self.tables]);
        let row = *random.pick(&ROWS[..self.rows]);
        (table.to_owned(), row.to_owned())
    }

    fn columns(&self, random: &mut Random) -> Vec<String> {
        let mut columns = random.sample(&COLUMNS[..self.columns], 2, 3);
        random.shuffle(&mut columns);
        columns.into_iter().map(str::to_owned).collect()
    }

    fn cells(&self, random: &mut Random) -> Vec<Cell> {
        self.columns(random).into_iter().map(|column| Cell::new(column, value(random))).collect()
    }
}

/// Mostly places at the start of a text, which often exist, and short texts.
fn splice(random: &mut Random) -> (u32, u32, String) {
    let at = if random.chance(1, 24) { *random.pick(&[9, u32::MAX]) } else { random.below(4) as u32 };
    let remove =
        if random.chance(1, 24) { *random.pick(&[9, u32::MAX]) } else { random.below(6).saturating_sub(3) as u32 };
    let insert = *random.pick(&["", "a", "b", "xy", "z", "123", "ß", "\u{10ffff}e\u{301}"]);
    (at, remove, insert.to_owned())
}

/// Mostly small numbers.
fn amount(random: &mut Random) -> i64 {
    match random.below(24) {
        0 => *random.pick(&[i64::MIN, i64::MAX]),
        1 => 0,
        _ => random.below(7) as i64 - 3,
    }
}

/// Mostly small numbers, so that different events write equal values; and one value of each other
/// kind.
fn value(random: &mut Random) -> Value {
    match random.below(24) {
        0 => Value::Null,
        1 => Value::Boolean(random.chance(1, 2)),
        2 => Value::Real(*random.pick(&[0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, 1.5])),
        3 | 6 => Value::Text((*random.pick(&["", "a", "\0", "\u{10ffff}", "abc"])).to_owned()),
        4 => Value::Blob(random.pick(&[vec![], vec![0], vec![255; 9]]).clone()),
        5 => Value::Integer(*random.pick(&[i64::MIN, i64::MAX, -1])),
        _ => Value::Integer(random.below(4) as i64),
    }
}
