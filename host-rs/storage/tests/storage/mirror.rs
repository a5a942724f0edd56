//! The mirror tables, as other programs read them.

use crate::{Outcome, Place, reader, values, write};
use converge::{Cell, RowOp, Value};
use converge_storage::{Error, MIRROR_COLUMNS, MIRROR_TABLES};
use rusqlite::types::Value as Sql;
use std::collections::BTreeMap;

#[test]
fn any_program_reads_and_none_writes() -> Outcome {
    let place = Place::new()?;
    let (ann, mut board) = (place.instance.doc("ann")?, place.create()?);
    let cells = [Cell::new("title", "Buy milk"), Cell::new("done", false), Cell::new("hours", 1.5)];
    write(&ann, &mut board, [RowOp::insert("tasks", "t1", cells), RowOp::insert("tasks", "t2", [("title", "Sleep")])])?;

    let other = reader(&place.path())?;
    let select = || {
        other.query_row("SELECT title, done, hours FROM tasks WHERE _id = 't1'", [], |row| {
            Ok((row.get::<_, Sql>(0)?, row.get::<_, Sql>(1)?, row.get::<_, Sql>(2)?))
        })
    };
    assert_eq!(select()?, (Sql::Text("Buy milk".into()), Sql::Integer(0), Sql::Real(1.5)));
    for write in ["INSERT INTO tasks (_id) VALUES ('t3')", "UPDATE tasks SET done = 1", "DELETE FROM tasks"] {
        let refused = other.execute(write, []).unwrap_err().to_string();
        assert!(refused.contains("no such function: converge_write"), "{write}: {refused}");
    }
    write(&ann, &mut board, [RowOp::update("tasks", "t1", [("done", true)]), RowOp::unset("tasks", "t1", ["hours"])])?;
    assert_eq!(select()?, (Sql::Text("Buy milk".into()), Sql::Integer(1), Sql::Null));
    write(&ann, &mut board, [RowOp::delete("tasks", "t1")])?;
    assert_eq!(other.query_row("SELECT group_concat(_id) FROM tasks", [], |row| row.get::<_, String>(0))?, "t2");
    assert!(board.verify()?.is_right());
    Ok(())
}

#[test]
fn every_value_is_stored() -> Outcome {
    let place = Place::new()?;
    let (ann, mut board) = (place.instance.doc("ann")?, place.create()?);
    let rows =
        values().into_iter().enumerate().map(|(row, value)| RowOp::insert("t", format!("{row:02}"), [("v", value)]));
    write(&ann, &mut board, rows)?;
    let other = reader(&place.path())?;
    let stored = other
        .prepare("SELECT v FROM t ORDER BY _id")?
        .query_map([], |row| row.get::<_, Sql>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    for (stored, value) in stored.into_iter().zip(values()) {
        let expected = match &value {
            Value::Null => Sql::Null,
            Value::Boolean(boolean) => Sql::Integer((*boolean).into()),
            Value::Integer(integer) => Sql::Integer(*integer),
            Value::Real(real) if real.is_nan() => Sql::Null,
            Value::Real(real) => Sql::Real(*real),
            Value::Text(text) => Sql::Text(text.clone()),
            Value::Blob(blob) => Sql::Blob(blob.clone()),
        };
        assert_eq!(format!("{stored:?}"), format!("{expected:?}"), "{value:?}");
    }
    let report = board.verify()?;
    assert_eq!((report.rows as usize, report.differences), (values().len(), vec![]));
    Ok(())
}

#[test]
fn names_that_sqlite_cannot_hold_are_changed() -> Outcome {
    let place = Place::new()?;
    let (ann, mut board) = (place.instance.doc("ann")?, place.create()?);
    let tables = ["Tasks", "tasks", "TASKS", "sqlite_stat1", "_converge_meta", "a\0b", "qu\"ote", "select", "Straße"];
    let columns = ["_id", "_ID", "_more", "_doc", "Title", "title", "a\0b", "qu\"ote", "from", "Ä", "ä"];
    let ops = tables.iter().enumerate().map(|(number, table)| {
        let cells = columns.iter().enumerate().map(|(at, column)| Cell::new(*column, (number * 100 + at) as i64));
        RowOp::insert(*table, "r", cells.collect::<Vec<_>>())
    });
    write(&ann, &mut board, ops)?;
    assert!(board.verify()?.is_right());
    let other = reader(&place.path())?;
    let names: BTreeMap<(String, String), String> = other
        .prepare("SELECT tbl, col, sql FROM _converge_names")?
        .query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let sql = |table: &str, column: &str| names[&(table.to_owned(), column.to_owned())].clone();
    // Names that differ in case alone are numbered in the order of their first use.
    let spelled = ["Tasks", "tasks", "TASKS"].map(|table| sql(table, ""));
    assert_eq!(
        spelled.iter().map(|name| name.to_ascii_lowercase()).collect::<Vec<_>>(),
        ["tasks", "tasks_2", "tasks_3"]
    );
    assert_eq!(
        (sql("sqlite_stat1", ""), sql("_converge_meta", "")),
        ("t_sqlite_stat1".into(), "t__converge_meta".into())
    );
    assert_eq!((sql("a\0b", ""), sql("select", "from")), ("a\u{fffd}b".into(), "from".into()));
    for (number, table) in tables.iter().enumerate() {
        for (at, column) in columns.iter().enumerate() {
            let quoted = |name: String| format!("\"{}\"", name.replace('"', "\"\""));
            let select = format!("SELECT {} FROM {}", quoted(sql(table, column)), quoted(sql(table, "")));
            assert_eq!(other.query_row(&select, [], |row| row.get::<_, usize>(0))?, number * 100 + at, "{select}");
        }
    }
    drop(board);
    let mut board = place.open()?;
    write(&ann, &mut board, tables.map(|table| RowOp::update(table, "r", [("_id", 7)])))?;
    assert!(board.verify()?.is_right());
    Ok(())
}

#[test]
fn a_table_of_another_program_is_left_alone() -> Outcome {
    let place = Place::new()?;
    let (ann, mut board) = (place.instance.doc("ann")?, place.create()?);
    reader(&place.path())?.execute_batch("CREATE TABLE notes (x); INSERT INTO notes VALUES (1)")?;
    write(&ann, &mut board, [RowOp::insert("notes", "n1", [("text", "hello")])])?;
    let other = reader(&place.path())?;
    assert_eq!(other.query_row("SELECT x FROM notes", [], |row| row.get::<_, i64>(0))?, 1);
    assert_eq!(other.query_row("SELECT text FROM notes_2", [], |row| row.get::<_, String>(0))?, "hello");
    Ok(())
}

#[test]
fn further_columns_and_tables_are_json() -> Outcome {
    let place = Place::new()?;
    let (ann, mut board) = (place.instance.doc("ann")?, place.create()?);
    let column = |number: usize| format!("c{number:04}");
    let cells: Vec<Cell> = (0..MIRROR_COLUMNS + 40).map(|number| Cell::new(column(number), number as i64)).collect();
    write(&ann, &mut board, [RowOp::insert("wide", "r", cells)])?;
    let late = |number: usize| column(MIRROR_COLUMNS + number);
    let changed = values().into_iter().enumerate().map(|(at, value)| Cell::new(late(at), value));
    write(&ann, &mut board, [RowOp::update("wide", "r", changed.collect::<Vec<_>>())])?;
    write(&ann, &mut board, [RowOp::insert("wide", "new", [Cell::new(late(1), Value::Blob(vec![1]))])])?;
    write(&ann, &mut board, [RowOp::update("wide", "new", [(late(1), f64::NAN)])])?;
    write(&ann, &mut board, [RowOp::unset("wide", "new", [late(1)]), RowOp::unset("wide", "r", [late(2), column(0)])])?;
    assert_eq!(board.verify()?.differences, []);
    let other = reader(&place.path())?;
    let extract = format!("SELECT c0001, _more ->> '$.{}' FROM wide WHERE _id = 'r'", late(4));
    assert_eq!(other.query_row(&extract, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?, (1, 1));

    let tables = (0..MIRROR_TABLES + 5).map(|number| RowOp::insert(format!("t{number:04}"), "r", [("a", 1)]));
    write(&ann, &mut board, tables)?;
    let rows = |select: &str| other.query_row(select, [], |row| row.get::<_, usize>(0));
    // One of the mirror tables is `wide`.
    assert_eq!(rows("SELECT count(*) FROM _converge_rows")?, 6);
    let table = format!("t{:04}", MIRROR_TABLES + 1);
    for (at, value) in values().into_iter().enumerate() {
        write(&ann, &mut board, [RowOp::update(&*table, "r", [(format!("v{at}"), value.clone())])])?;
        write(&ann, &mut board, [RowOp::update(&*table, "r", [("a", value)])])?;
    }
    write(&ann, &mut board, [RowOp::unset(&*table, "r", ["a"]), RowOp::insert(&*table, "s", [("b", 2)])])?;
    assert_eq!(board.verify()?.differences, []);
    write(&ann, &mut board, [RowOp::delete(&*table, "r")])?;
    assert_eq!((rows("SELECT count(*) FROM _converge_rows")?, board.verify()?.differing), (6, 0));
    Ok(())
}

#[test]
fn a_table_that_another_program_changed_is_created_again() -> Outcome {
    for change in [
        "DROP TABLE tasks",
        "DROP TABLE tasks; CREATE VIEW tasks AS SELECT 1 AS x",
        "ALTER TABLE tasks RENAME TO others",
        "ALTER TABLE tasks DROP COLUMN n",
        "DROP TRIGGER _converge_update_tasks",
    ] {
        let place = Place::new()?;
        let (ann, mut board) = (place.instance.doc("ann")?, place.create()?);
        write(&ann, &mut board, (0..9).map(|row| RowOp::insert("tasks", row.to_string(), [("n", row)])))?;
        reader(&place.path())?.execute_batch(change)?;
        let written = write(&ann, &mut board, [RowOp::update("tasks", "3", [("n", 7)])]);
        if let Err(error) = written {
            assert!(matches!(error, Error::Sqlite { .. }), "{change}: {error}");
            // The document in memory is ahead of the file from now on.
            let again = board.store(&[]);
            assert!(matches!(again, Err(Error::Stopped { .. })), "{change}: {again:?}");
        }
        drop(board);
        let mut board = place.open()?;
        assert!(board.verify()?.is_right(), "{change}");
        write(&ann, &mut board, [RowOp::update("tasks", "4", [("n", 8)])])?;
        assert!(place.open()?.verify()?.is_right(), "{change}");
        assert_eq!(board.doc().digest()?, ann.digest()?, "{change}");
    }
    Ok(())
}

#[test]
fn differences_are_found_and_repaired() -> Outcome {
    let place = Place::new()?;
    let (ann, mut board) = (place.instance.doc("ann")?, place.create()?);
    write(&ann, &mut board, (0..2_000).map(|row| RowOp::insert("tasks", format!("{row:04}"), [("n", row)])))?;
    let other = reader(&place.path())?;
    other.create_scalar_function("converge_write", 0, Default::default(), |_| Ok(1))?;
    other.execute_batch(
        "UPDATE tasks SET n = 7 WHERE _id = '0003'; DELETE FROM tasks WHERE _id = '0005';
         INSERT INTO tasks (_id) VALUES ('none'); INSERT INTO _converge_rows VALUES ('tasks2', 'r', '{}')",
    )?;
    let report = board.verify()?;
    let found: Vec<_> = report.differences.iter().map(|found| (&*found.table, &*found.row)).collect();
    assert_eq!(found, [("tasks", "0003"), ("tasks", "0005"), ("tasks", "none"), ("tasks2", "r")]);
    board.repair()?;
    assert!(board.verify()?.is_right());
    write(&ann, &mut board, [RowOp::update("tasks", "0005", [("n", 1)])])?;
    assert!(place.open()?.verify()?.is_right());
    Ok(())
}
