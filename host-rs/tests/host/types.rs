//! Tests of the crate's types: equality, order, formatting and conversions.

use converge::{Cell, Digest, EventId, RowOp, Value};

#[test]
fn values_are_equal_if_the_engine_stores_the_same_bytes() {
    let other_nan = f64::from_bits(0xfff0_0000_0000_0001);
    assert!(other_nan.is_nan());
    assert_eq!(Value::Real(f64::NAN), Value::Real(other_nan));
    assert_eq!(Value::Real(0.5), Value::Real(0.5));
    assert_ne!(Value::Real(0.0), Value::Real(-0.0));
    assert_ne!(Value::Integer(0), Value::Real(0.0));
    assert_ne!(Value::Null, Value::Boolean(false));
    assert_ne!(Value::from("a"), Value::from(&b"a"[..]));
}

#[test]
fn rust_values_convert_to_values() {
    assert_eq!(Value::from(true), Value::Boolean(true));
    assert_eq!(Value::from(u32::MAX), Value::Integer(4_294_967_295));
    assert_eq!(Value::from(i64::MIN), Value::Integer(i64::MIN));
    assert_eq!(Value::from(1.5_f32), Value::Real(1.5));
    assert_eq!(Value::from('x'), Value::from(String::from("x")));
    assert_eq!(Value::from(vec![0, 255]), Value::Blob(vec![0, 255]));
    assert_eq!(Value::from(Some("x")), Value::from("x"));
    assert_eq!((Value::from(None::<bool>), Value::default()), (Value::Null, Value::Null));
    assert_eq!(Cell::from(("x", 1)), Cell::new("x", 1));
}

#[test]
fn values_events_and_digests_are_formatted_as_text() {
    let values = [Value::Null, true.into(), (-7).into(), 1.5.into(), "a b".into(), vec![1_u8, 171].into()];
    assert_eq!(values.map(|value| value.to_string()), ["null", "true", "-7", "1.5", "a b", "01ab"]);
    assert_eq!(format!("{:>4}|{:<4}|", Value::from(7), Value::from("x")), "   7|x   |");
    assert_eq!(EventId::new("ann", 7).to_string(), "ann:7");
    assert_eq!(Digest([0xab; 32]).to_string(), "ab".repeat(32));
}

#[test]
fn events_compare_by_peer_and_then_by_counter() {
    let mut events = [("ben", 0), ("ann", 10), ("ann", 9)].map(|(peer, counter)| EventId::new(peer, counter));
    events.sort();
    assert_eq!(events.map(|event| event.to_string()), ["ann:9", "ann:10", "ben:0"]);
}

#[test]
fn operations_name_their_row() {
    let cells = [("x", 1)];
    for op in [
        RowOp::insert("t", "r", cells),
        RowOp::update("t", "r", cells),
        RowOp::delete("t", "r"),
        RowOp::unset("t", "r", ["x"]),
    ] {
        assert_eq!((op.table(), op.row()), ("t", "r"), "{op:?}");
    }
}
