//! Tests of structs and maps as rows, and of the errors for values that do not fit into cells.

use crate::create;
use converge::cells::{from_cells, to_cells};
use converge::{Cell, Error, ScanOptions, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone, Default)]
struct Person {
    name: String,
    age: Option<u8>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Mood {
    Fine,
    NotSoFine,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Meters(f64);

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Everything {
    boolean: bool,
    smallest: i64,
    largest: u64,
    wide: i128,
    single: f32,
    double: f64,
    letter: char,
    text: String,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
    mood: Mood,
    height: Meters,
    nothing: (),
    some: Option<Meters>,
    none: Option<Mood>,
    #[serde(rename = "other-name")]
    renamed: i8,
    #[serde(flatten)]
    person: Person,
}

/// Returns a struct with a field of every type that fits into a cell.
fn everything() -> Everything {
    Everything {
        boolean: true,
        smallest: i64::MIN,
        largest: i64::MAX as u64,
        wide: -1,
        single: 0.5,
        double: -0.0,
        letter: '\u{10ffff}',
        text: String::new(),
        bytes: vec![0, 255],
        mood: Mood::NotSoFine,
        height: Meters(1.75),
        nothing: (),
        some: Some(Meters(2.0)),
        none: None,
        renamed: -7,
        person: Person { name: "Alice".into(), age: Some(30) },
    }
}

/// Converts a value to cells and back.
fn round_trip<T: Serialize + DeserializeOwned>(value: &T) -> Result<T, converge::cells::Error> {
    from_cells(to_cells(value)?)
}

/// Converts a value to cells, which must fail. Returns the field of the error and its message.
fn write_error(value: &impl Serialize) -> (Option<String>, String) {
    match to_cells(value) {
        Ok(cells) => panic!("converted to {cells:?}"),
        Err(error) => (error.field().map(str::to_owned), error.to_string()),
    }
}

/// Converts cells to a value, which must fail. Returns the field of the error and its message.
fn read_error<T: DeserializeOwned + Debug>(cells: &[Cell]) -> (Option<String>, String) {
    match from_cells::<T>(cells.to_vec()) {
        Ok(value) => panic!("converted to {value:?}"),
        Err(error) => (error.field().map(str::to_owned), error.to_string()),
    }
}

#[test]
fn structs_are_written_and_read_as_rows() -> Result<(), Error> {
    let doc = create("ann")?;
    let (alice, bob) = (Person { name: "Alice".into(), age: Some(30) }, Person { name: "Bob".into(), age: None });
    doc.insert_as("people", "p1", &alice)?;
    doc.insert_as("people", "p2", &bob)?;
    assert_eq!(doc.get_as("people", "p1")?, Some(alice.clone()));
    assert_eq!(doc.get_as::<Person>("people", "p3")?, None);

    doc.update_as("people", "p1", &BTreeMap::from([("age", 31)]))?;
    let older = Person { age: Some(31), ..alice };
    let people: Vec<(String, Person)> = doc.rows_as("people", ScanOptions::default()).collect::<Result<_, _>>()?;
    assert_eq!(people, [("p1".to_owned(), older), ("p2".to_owned(), bob)]);

    doc.insert("people", "p4", [("name", 7)])?;
    let error = doc.get_as::<Person>("people", "p4");
    assert!(matches!(&error, Err(Error::Cells(error)) if error.field() == Some("name")), "{error:?}");
    assert!(matches!(doc.insert_as("people", "p5", &7), Err(Error::Cells(_))));
    assert_eq!(doc.get("people", "p5")?, None);
    Ok(())
}

#[test]
fn every_kind_of_field_survives_a_round_trip() -> Result<(), converge::cells::Error> {
    let value = everything();
    let cells = to_cells(&value)?;
    assert!(cells.contains(&Cell::new("mood", "not-so-fine")));
    assert!(cells.contains(&Cell::new("height", 1.75)));
    assert!(cells.contains(&Cell::new("nothing", Value::Null)));
    assert!(cells.contains(&Cell::new("none", Value::Null)));
    assert!(cells.contains(&Cell::new("other-name", -7)));
    assert!(cells.contains(&Cell::new("bytes", vec![0_u8, 255])));
    assert!(cells.contains(&Cell::new("name", "Alice")));
    let read: Everything = from_cells(cells)?;
    assert_eq!(read, value);
    assert!(read.double.is_sign_negative());
    Ok(())
}

#[test]
fn maps_newtypes_and_options_survive_a_round_trip() -> Result<(), converge::cells::Error> {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Wrapped(Person);

    let map = HashMap::from([("a".to_owned(), Some(1)), ("b".to_owned(), None)]);
    assert_eq!(round_trip(&map)?, map);
    let by_letter = BTreeMap::from([('a', 1.5), ('b', 2.5)]);
    assert_eq!(round_trip(&by_letter)?, by_letter);
    let wrapped = Wrapped(Person { name: "Alice".into(), age: None });
    assert_eq!(round_trip(&wrapped)?, wrapped);
    let some = Some(Person::default());
    assert_eq!(round_trip(&some)?, some);
    Ok(())
}

#[test]
fn nested_values_are_rejected_and_the_error_names_the_field() {
    #[derive(Serialize, Default)]
    struct Nested {
        plain: i32,
        inner: Person,
    }
    #[derive(Serialize)]
    enum Shape {
        Circle(f64),
        Square { side: f64 },
        Pair(f64, f64),
    }

    let (field, text) = write_error(&Nested::default());
    assert_eq!(field.as_deref(), Some("inner"));
    assert_eq!(text, "field \"inner\": a cell must be a single value, not a struct; for bytes, use `serde_bytes`");
    assert_eq!(write_error(&BTreeMap::from([("list", vec![1_u8])])).0.as_deref(), Some("list"));
    assert_eq!(write_error(&BTreeMap::from([("tuple", (1, 2))])).0.as_deref(), Some("tuple"));
    assert_eq!(write_error(&BTreeMap::from([("map", BTreeMap::from([("x", 1)]))])).0.as_deref(), Some("map"));
    assert_eq!(write_error(&BTreeMap::from([("some", Some([1]))])).0.as_deref(), Some("some"));
    for shape in [Shape::Circle(1.0), Shape::Square { side: 1.0 }, Shape::Pair(1.0, 2.0)] {
        let (field, text) = write_error(&BTreeMap::from([("shape", shape)]));
        assert_eq!(field.as_deref(), Some("shape"));
        assert!(text.contains("an enum variant with"), "{text}");
    }
}

#[test]
fn integers_outside_of_64_signed_bits_are_rejected() {
    for wide in [i128::from(i64::MAX) + 1, i128::from(i64::MIN) - 1] {
        let (field, text) = write_error(&BTreeMap::from([("x", wide)]));
        assert_eq!(field.as_deref(), Some("x"));
        assert!(text.contains(&format!("{wide} does not fit")), "{text}");
    }
    assert!(write_error(&BTreeMap::from([("x", u64::MAX)])).1.contains("18446744073709551615 does not fit"));
    assert!(write_error(&BTreeMap::from([("x", u128::MAX)])).1.contains("does not fit"));
}

#[test]
fn values_other_than_structs_and_maps_are_rejected() {
    assert_eq!(write_error(&7), (None, "a row must be a struct or a map, not an integer".to_owned()));
    assert!(write_error(&[1, 2]).1.contains("a tuple"));
    assert!(write_error(&vec![1, 2]).1.contains("a list"));
    assert!(write_error(&"text").1.ends_with("not text"));
    assert!(write_error(&None::<Person>).1.contains("`None`"));
    assert!(write_error(&()).1.contains("`()`"));
    assert!(write_error(&BTreeMap::from([(1, 2)])).1.contains("the keys of a map are column names"));
}

#[test]
fn cells_of_another_type_are_rejected_and_the_error_names_the_field() {
    #[derive(Deserialize, Debug)]
    #[expect(dead_code, reason = "the tests only check whether it can be read")]
    struct Narrow {
        x: u8,
    }
    for wrong in [Value::from(-1), 256.into(), 1.0.into(), "1".into(), true.into(), Value::Null, vec![1_u8].into()] {
        assert_eq!(read_error::<Narrow>(&[Cell::new("x", wrong)]).0.as_deref(), Some("x"));
    }
    assert_eq!(read_error::<Narrow>(&[]), (None, "missing field `x`".to_owned()));

    let (field, text) = read_error::<BTreeMap<String, Mood>>(&[Cell::new("mood", "bad")]);
    assert_eq!(field.as_deref(), Some("mood"));
    assert!(text.contains("unknown variant `bad`"), "{text}");
    assert_eq!(read_error::<BTreeMap<String, Mood>>(&[Cell::new("mood", 1)]).0.as_deref(), Some("mood"));
    assert_eq!(read_error::<BTreeMap<String, Vec<u8>>>(&[Cell::new("list", vec![1_u8])]).0.as_deref(), Some("list"));
    assert_eq!(read_error::<BTreeMap<u8, u8>>(&[Cell::new("x", 1)]).0.as_deref(), Some("x"));
}

#[test]
fn missing_cells_are_none_and_unknown_cells_are_ignored() -> Result<(), converge::cells::Error> {
    let person: Person = from_cells(vec![Cell::new("other", 1), Cell::new("name", "Alice")])?;
    assert_eq!(person, Person { name: "Alice".into(), age: None });
    let person: Person = from_cells(vec![Cell::new("name", "Alice"), Cell::new("age", Value::Null)])?;
    assert_eq!(person.age, None);
    let reals: BTreeMap<String, f64> = from_cells(vec![Cell::new("x", 3)])?;
    assert_eq!(reals["x"], 3.0);
    Ok(())
}
