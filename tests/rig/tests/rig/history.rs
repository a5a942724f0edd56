//! Reading histories: valid files, and every kind of invalid line.

use converge::{Cell, EventId, EventRun, Row, RowOp, Value};
use converge_rig::history::{Error, MAX_BYTES, MAX_LINE_BYTES, Reason, read_events, read_rows, row_line};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Read, Write};

fn compressed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("writing to memory succeeds");
    encoder.finish().expect("writing to memory succeeds")
}

/// Returns the line and the reason of the error for an invalid history.
fn invalid(text: impl AsRef<[u8]>) -> (usize, Reason) {
    match read_events(text.as_ref()) {
        Err(Error::Line { line, reason }) => (line, reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_event_is_a_run_and_dependencies_have_names() -> Result<(), Error> {
    let text =
        "C\tzoe\t1\t\nI\ta\\tb\tmode=1\tmodified=-7\nU\ta\tby=x=\\\\n\\n\nC\tann\t1\t\nC\tzoe\t2\t0,1\nD\tback\\\\\n";
    let run = |peer: &str, start, lamport, deps, ops| {
        let mut run = EventRun::new(peer, start, [ops]);
        (run.lamport, run.deps) = (Some(lamport), deps);
        run
    };
    let first = vec![
        RowOp::insert("files", "a\tb", [Cell::new("mode", "1"), Cell::new("modified", -7)]),
        RowOp::update("files", "a", [("by", "x=\\n\n")]),
    ];
    let expected = [
        run("zoe", 0, 1, vec![], first),
        run("ann", 0, 1, vec![], vec![]),
        run("zoe", 1, 2, vec![EventId::new("ann", 0), EventId::new("zoe", 0)], vec![RowOp::delete("files", "back\\")]),
    ];
    assert_eq!(read_events(text.as_bytes())?, expected);
    assert_eq!(read_events(&compressed(text.as_bytes())[..])?, expected);
    assert_eq!(read_events(&b""[..])?, []);
    Ok(())
}

#[test]
fn written_rows_read_back_equal() -> Result<(), Error> {
    let row = Row {
        id: "a\\b\tc\nd".into(),
        cells: vec![Cell::new("by", "\\n\t"), Cell::new("mode", ""), Cell::new("modified", i64::MAX)],
    };
    let line = row_line(&row);
    assert_eq!(line, "a\\\\b\\tc\\nd\tby=\\\\n\\t\tmode=\tmodified=9223372036854775807");
    assert_eq!(read_rows(line.as_bytes())?, std::slice::from_ref(&row));
    assert_eq!(read_rows(&compressed(format!("{line}\n").as_bytes())[..])?, [row]);

    // A value that the format cannot represent does not read as another value.
    let other = Row { id: "a".into(), cells: vec![Cell::new("x", Value::Null)] };
    assert!(matches!(read_rows(row_line(&other).as_bytes()), Err(Error::Line { .. })));
    Ok(())
}

#[test]
fn invalid_lines_are_reported_with_their_number() {
    let event = "C\tann\t1\t\n";
    assert_eq!(invalid(format!("{event}X\ta\n")), (2, Reason::Kind("X".into())));
    assert_eq!(invalid(format!("{event}\n{event}")), (2, Reason::Kind(String::new())));
    assert_eq!(invalid("I\ta\n"), (1, Reason::BeforeFirstEvent));
    assert_eq!(invalid("C\n"), (1, Reason::FieldCount(2)));
    assert_eq!(invalid("C\tann\t1\n"), (1, Reason::FieldCount(3)));
    assert_eq!(invalid("C\tann\t1\t\t\n"), (1, Reason::FieldCount(5)));
    assert_eq!(invalid(format!("{event}D\ta\tb=1\n")), (2, Reason::FieldCount(3)));
    assert_eq!(invalid("C\tann\t-1\t\n"), (1, Reason::Number("-1".into())));
    assert_eq!(invalid("C\tann\t4294967296\t\n"), (1, Reason::Number("4294967296".into())));
    assert_eq!(invalid("C\tann\t1\tx\n"), (1, Reason::Number("x".into())));
    assert_eq!(invalid("C\tann\t1\t0,\n"), (1, Reason::Dependency(0)));
    assert_eq!(invalid(format!("{event}C\tben\t2\t0,\n")), (2, Reason::Number(String::new())));
    assert_eq!(invalid(format!("{event}C\tben\t2\t1\n")), (2, Reason::Dependency(1)));
    assert_eq!(invalid(format!("{event}I\ta\tb\n")), (2, Reason::Cell("b".into())));
    assert_eq!(invalid(format!("{event}I\ta\tmodified=soon\n")), (2, Reason::Number("soon".into())));
    for escape in ["\\", "\\x", "a\\\\\\", "\\é"] {
        assert_eq!(invalid(format!("{event}D\t{escape}\n")), (2, Reason::Escape(escape.into())));
    }
    assert_eq!(invalid(b"C\t\xff\t1\t\n"), (1, Reason::NotUtf8));
}

#[test]
fn sizes_are_limited() {
    let long = format!("C\tann\t1\t\nD\t{}\n", "x".repeat(MAX_LINE_BYTES as usize));
    assert_eq!(invalid(long), (2, Reason::TooLong));

    let endless = b"C\tann\t1\t\n".chain(io::repeat(b'x'));
    assert!(matches!(read_events(endless), Err(Error::Line { line: 2, reason: Reason::TooLong })));

    // An endless sequence of valid lines, which takes no memory here.
    struct Endless;
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let lines = buffer.len() / 1_024 * 1_024;
            buffer[..lines].fill(b'x');
            buffer[..lines].iter_mut().skip(1_023).step_by(1_024).for_each(|end| *end = b'\n');
            Ok(lines)
        }
    }
    assert!(matches!(read_rows(Endless), Err(Error::TooLarge)), "{MAX_BYTES} bytes");
}

#[test]
fn damaged_files_are_reported() {
    let mut damaged = compressed(b"C\tann\t1\t\n");
    damaged.truncate(damaged.len() - 4);
    assert!(matches!(read_events(&damaged[..]), Err(Error::Read(_))));
}
