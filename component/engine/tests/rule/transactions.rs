//! Compares transactions with a document in which each write is an event of its own.

use crate::check::{ROWS, TABLES, random_scan, whole};
use crate::random::Scene;
use crate::seeds::{Random, ensure, for_each_seed, same};
use converge_engine::{Cell, Doc, Error, KeyRange, RowOp, ScanOptions, Transaction, Value};
use std::collections::BTreeSet;

#[test]
fn a_transaction_reads_as_if_each_write_were_committed() {
    for_each_seed(5_000, |seed| {
        let mut random = Random::new(seed);
        let scene = Scene::new(1, &mut random);
        let mut doc = Doc::create("a").unwrap();
        for _ in 0..random.below(6) {
            // Some of the operations name absent rows.
            let _ = doc.commit(scene.ops(&mut random));
        }
        let mut committed = Doc::load("a", &doc.save()).unwrap();
        let (saved, version) = (doc.save(), doc.version());
        let (mut transaction, mut writes, mut touched) = (Transaction::default(), 0, BTreeSet::new());
        for _ in 0..random.below(8) {
            for op in scene.ops(&mut random) {
                let expected = committed.commit(vec![op.clone()]).map(drop);
                if expected.is_ok() {
                    writes += 1;
                    let (table, row) = op.row_name();
                    touched.insert((table.to_owned(), row.to_owned()));
                }
                same(&format!("{op:?}"), &write(&mut transaction, &doc, op), &expected)?;
            }
            for table in TABLES {
                for row in ROWS {
                    let what = format!("row {row:?} of {table:?}");
                    same(&what, &transaction.get(&doc, table, row), &committed.get(table, row))?;
                }
                let options = random_scan(&mut random);
                let what = format!("scan of {table:?} with {options:?}");
                same(&what, &transaction.scan(&doc, table, &options), &committed.scan(table, &options))?;
                let shaped = transaction.scan_shaped(&doc, table, &options).map(whole);
                same(&what, &shaped, &committed.scan(table, &options))?;
            }
        }
        same("the touched rows", &transaction.touched(), &touched.into_iter().collect())?;
        ensure!(doc.save() == saved, "a transaction that is not committed changed something");
        let event = transaction.commit(&mut doc).map_err(|error| error.to_string())?;
        let next = version.first().map_or(0, |version| version.count);
        same("the event", &event.map(|event| event.counter), &(writes > 0).then_some(next))?;
        same("the digest", &doc.digest(), &committed.digest())
    });
}

fn write(transaction: &mut Transaction, doc: &Doc, op: RowOp) -> Result<(), Error> {
    match op {
        RowOp::Insert { table, row, cells } => transaction.insert(doc, &table, &row, cells),
        RowOp::Update { table, row, cells } => transaction.update(doc, &table, &row, cells),
        RowOp::Delete { table, row } => transaction.delete(doc, &table, &row),
        RowOp::Unset { table, row, columns } => transaction.unset(doc, &table, &row, columns),
        RowOp::Splice { table, row, column, at, remove, insert } => {
            transaction.splice(doc, &table, &row, &column, (at, remove), &insert)
        }
        RowOp::Add { table, row, column, amount } => transaction.add(doc, &table, &row, &column, amount),
    }
}

#[test]
fn a_scan_skips_deleted_rows() {
    let mut doc = Doc::create("a").unwrap();
    let id = |row: usize| format!("{row:04}");
    doc.commit((0..2_000).map(|row| insert(&id(row))).collect()).unwrap();
    let mut transaction = Transaction::default();
    (100..1_900).for_each(|row| transaction.delete(&doc, "t", id(row)).unwrap());
    transaction.insert(&doc, "t", "1000+", Vec::new()).unwrap();
    let mut ids: Vec<String> = (0..100).map(id).chain(["1000+".to_owned()]).chain((1_900..2_000).map(id)).collect();
    for descending in [false, true] {
        for limit in [1, 100, 101, 200, 201, 202] {
            let options = ScanOptions { limit, descending, ..ScanOptions::default() };
            let page = transaction.scan(&doc, "t", &options).unwrap();
            let found: Vec<String> = page.rows.into_iter().map(|row| row.id).collect();
            assert_eq!((&found[..], page.more), (&ids[..201.min(limit as usize)], limit < 201));
        }
        ids.reverse();
    }
}

#[test]
fn invalid_writes_are_rejected_at_once() {
    let doc = Doc::create("a").unwrap();
    let mut transaction = Transaction::default();
    assert!(matches!(transaction.insert(&doc, "", "r", Vec::new()), Err(Error::InvalidArgument(_))));
    assert!(matches!(transaction.update(&doc, "t", "r", Vec::new()), Err(Error::NoSuchRow { .. })));
    let reversed = ScanOptions { range: KeyRange::Between("b".into(), "a".into()), ..ScanOptions::default() };
    assert_eq!(transaction.scan(&doc, "t", &reversed), doc.scan("t", &reversed));
    let large = || vec![Cell::new("x", Value::Text("x".repeat(16 << 20)))];
    for row in 0..3 {
        transaction.insert(&doc, "t", row.to_string(), large()).unwrap();
    }
    assert_eq!(transaction.scan(&doc, "t", &reversed), doc.scan("t", &reversed));
    assert!(matches!(transaction.insert(&doc, "t", "r", large()), Err(Error::LimitExceeded { .. })));
    assert_eq!(transaction.get(&doc, "t", "r"), None);
    // A page ends once it is larger than the maximum size of pages.
    let page = transaction.scan(&doc, "t", &ScanOptions::default()).unwrap();
    assert_eq!((page.rows.len(), page.more), (1, true));
}

fn insert(row: &str) -> RowOp {
    RowOp::Insert { table: "t".to_owned(), row: row.to_owned(), cells: Vec::new() }
}
