//! A log compared with a list of commits.

use super::view::SplicePlace;
use super::{CommitRef, Copies, EventNumber, OpKind, OpLog, RowNumber, Totals, Typed};
use crate::id::ColumnNumber;
use crate::value::Value;
use crate::{Cell, Commit, RowOp};

/// Appends a commit whose rows and columns are numbers.
fn push(log: &mut OpLog, commit: &Commit) {
    for op in CommitRef::from(commit).ops() {
        let row = RowNumber(op.row.parse().unwrap());
        log.push_op(&op, row, |column, _| ColumnNumber(column.parse().unwrap()), &mut Copies::new());
    }
    log.end_event();
}

fn insert(row: u32, values: &[(&str, Value)]) -> RowOp {
    let cells = values.iter().map(|(column, value)| Cell { column: (*column).into(), value: value.clone() });
    RowOp::Insert { table: "t".into(), row: row.to_string(), cells: cells.collect() }
}

#[test]
fn gives_back_what_it_took() {
    let mut log = OpLog::default();
    let values: [Value; 9] = [
        Value::Null,
        false.into(),
        true.into(),
        i64::MIN.into(),
        f64::NAN.into(),
        (-0.0).into(),
        "a".into(),
        vec![0, 255].into(),
        "ß".into(),
    ];
    let columns = ["3", "4", "5", "6", "7", "8", "9", "10", "11"];
    let cells: Vec<_> = columns.into_iter().zip(values.clone()).collect();
    let (table, last) = (String::from("t"), (1 << 29) - 1);
    push(
        &mut log,
        &vec![
            insert(last, &cells),
            RowOp::Delete { table: table.clone(), row: "0".into() },
            RowOp::Unset { table, row: "1".into(), columns: vec!["2".into()] },
        ],
    );
    push(&mut log, &vec![]);
    push(&mut log, &vec![insert(7, &[("1", "a".into())])]);

    let first: Vec<_> = log.ops(EventNumber(0)).collect();
    assert_eq!((first[0].kind, first[0].row.0), (OpKind::Insert, last));
    for ((cell, value), column) in first[0].cells().zip(&values).zip(3..) {
        assert_eq!((log.column(cell).0, log.value(cell) == value.as_ref()), (column, true), "{value:?}");
        assert_eq!(log.value(cell).to_value(), *value);
    }
    assert_eq!((first[1].kind, first[1].cells().len()), (OpKind::Delete, 0));
    assert_eq!((first[2].kind, first[2].cells().len()), (OpKind::Unset, 1));
    assert_eq!(log.ops(EventNumber(1)).len(), 0);
    let last: Vec<_> = log.ops(EventNumber(2)).collect();
    assert_eq!((last.len(), last[0].kind, last[0].row.0), (1, OpKind::Insert, 7));
    assert_eq!(last[0].cells().map(|cell| log.value(cell).to_value()).collect::<Vec<_>>(), ["a".into()]);
    assert_eq!(log.totals(), Totals { operations: 4, cells: 11, bytes: 6, ..Totals::default() });
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % u64::from(end)) as u32
    }
}

/// Returns a random operation. Most splices continue the one before.
fn random_op(random: &mut Random, at: &mut u32) -> RowOp {
    let (table, row) = (String::from("t"), random.below(2).to_string());
    let column = String::from("0");
    match random.below(20) {
        0 => RowOp::Add { table, row, column, amount: 5 },
        1 => insert(random.below(2), &[("1", "text".into())]),
        2 => RowOp::Delete { table, row },
        _ => {
            let insert = ["a", "a", "a", "ä", "ab", ""][random.below(6) as usize];
            let remove = random.below(8) / 6;
            if random.below(6) == 0 {
                *at = random.below(9);
            }
            let splice = RowOp::Splice { table, row: "0".into(), column, at: *at, remove, insert: insert.into() };
            *at += insert.chars().count() as u32;
            splice
        }
    }
}

#[test]
fn finds_splices_in_runs() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let mut log = OpLog::default();
        let mut commits: Vec<Commit> = Vec::new();
        let mut at = 0;
        for _ in 0..random.below(80) {
            let ops = [1, 1, 1, 1, 1, 1, 0, 2, 5][random.below(9) as usize];
            let commit: Commit = (0..ops).map(|_| random_op(&mut random, &mut at)).collect();
            push(&mut log, &commit);
            commits.push(commit);
        }
        assert_eq!(log.events() as usize, commits.len(), "seed {seed}");
        let mut number = 0;
        let (mut plain, mut edits) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        let mut totals = Totals::default();
        for (event, commit) in (0..).map(EventNumber).zip(&commits) {
            assert_eq!(log.op_count(event), commit.len(), "seed {seed}, {event:?}");
            for ((index, op), logged) in (0..).zip(CommitRef::from(commit).ops()).zip(log.ops(event)) {
                assert_eq!((logged.kind, logged.row.0.to_string().as_str()), (op.kind, op.row), "seed {seed}");
                assert_eq!(log.numbered(number), (event, index, logged.clone()), "seed {seed}, operation {number}");
                let spliced = log.splice(&logged).map(|(column, content, place)| {
                    (column.0.to_string(), content.of(log.content()).to_owned(), place)
                });
                let expected = match &commit[index as usize] {
                    RowOp::Splice { column, at, remove, insert, .. } => {
                        Some((column.clone(), insert.clone(), SplicePlace { at: *at, remove: *remove }))
                    }
                    _ => None,
                };
                assert_eq!(spliced, expected, "seed {seed}, operation {number}");
                let list = if op.kind.is_edit() { &mut edits } else { &mut plain };
                list[logged.row.index()].insert(0, number);
                number += 1;
            }
            totals += Totals::of(commit.into());
        }
        for row in [RowNumber(0), RowNumber(1)] {
            assert_eq!(log.ops_on(row).collect::<Vec<_>>(), plain[row.index()], "seed {seed}");
            assert_eq!(log.edits_on(row).collect::<Vec<_>>(), edits[row.index()], "seed {seed}");
        }
        assert_eq!(log.totals(), totals, "seed {seed}");
    }
}

/// Splices that take effect one by one take memory each, however short their run in the log is.
#[test]
fn runs_that_take_effect_at_once() {
    let splices = |first: i64, step: i64, remove: u32, insert: &str| {
        let mut log = OpLog::default();
        for index in 0..4 {
            let [table, row, column] = ["t", "0", "0"].map(String::from);
            let at = (first + step * index) as u32;
            push(&mut log, &vec![RowOp::Splice { table, row, column, at, remove, insert: insert.into() }]);
        }
        let splices = log.splices_from(EventNumber(0), u32::MAX).unwrap();
        assert_eq!(splices.count, 4, "one run of splices");
        splices.typed(log.content())
    };
    let last = i64::from(u32::MAX);
    assert_eq!(splices(5, 2, 0, "ab"), Some((Typed::Typing, 4)));
    assert_eq!(splices(6, -2, 2, ""), Some((Typed::Backspace, 4)));
    assert_eq!(splices(6, 0, 2, ""), Some((Typed::Delete, 4)));
    let single = [
        splices(5, 0, 0, "a"),
        splices(5, 1, 1, "a"),
        splices(5, 2, 0, "ä"),
        splices(5, 0, 0, ""),
        splices(last - 3, 1, 0, "a"),
        splices(0, 0, u32::MAX, ""),
    ];
    assert_eq!(single, [None; 6]);
}
