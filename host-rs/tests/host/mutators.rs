//! Mutators that go wrong: nothing of them is committed, and the error says what happened. Those that go well are tested where
//! they live, in `examples/mutators`.

use converge::mutators::{Call, Error, Mutators, Options};
use converge::{Doc, EventId, Instance, InstanceOptions, Value};
use std::error::Error as _;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

/// The component of `tests/mutator`.
fn hostile() -> &'static [u8] {
    static HOSTILE: OnceLock<Vec<u8>> = OnceLock::new();
    HOSTILE.get_or_init(|| build("converge-hostile-mutator"))
}

fn build(package: &str) -> Vec<u8> {
    converge_pack::build(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), package).unwrap()
}

fn load(options: Options) -> Mutators {
    Mutators::load(hostile(), options).unwrap()
}

/// No arguments.
const NOTHING: [Value; 0] = [];

/// Makes a call that must fail and change nothing.
fn refused(mutators: &Mutators, name: &str) -> Error {
    let doc = Doc::create("ann").unwrap();
    doc.insert("t", "r", [("c", 1)]).unwrap();
    let before = doc.save().unwrap();
    let error = mutators.apply(&doc, &Call::new(name, NOTHING)).unwrap_err();
    assert_eq!(doc.save().unwrap(), before, "{name}");
    doc.insert("t", "s", [("c", 2)]).unwrap();
    error
}

/// The only cell of a row.
fn cell(doc: &Doc, row: &str) -> Value {
    doc.get("t", row).unwrap().unwrap().remove(0).value
}

#[test]
fn values_pass_as_they_are() {
    let mutators = load(Options::default());
    let doc = Doc::create("ann").unwrap();
    let values = [
        Value::Null,
        Value::Boolean(true),
        Value::Integer(i64::MIN),
        Value::Real(-0.0),
        Value::Text("Grüße".to_owned()),
        Value::Blob(vec![0, 255]),
    ];
    assert_eq!(mutators.apply(&doc, &Call::new("answer", values.clone())).unwrap(), Some(EventId::new("ann", 0)));
    for (number, value) in values.iter().enumerate() {
        assert_eq!(cell(&doc, &format!("argument-{number}")), *value);
    }
}

#[test]
fn what_fails_commits_nothing() {
    let mutators = load(Options::default());
    assert!(matches!(refused(&mutators, "reject"), Error::Rejected(text) if text == "no, as was asked"));
    assert!(
        matches!(refused(&mutators, "mistake"), Error::InvalidArguments(text) if text == "two texts, as was asked")
    );
    let error = refused(&mutators, "fail");
    assert!(matches!(&error, Error::Failed(converge::Error::NoSuchRow { row, .. }) if row == "gone"), "{error}");
    // A component that does not know a name which it lists is reported as for other names.
    assert!(
        matches!(refused(&mutators, "deny"), Error::UnknownMutator { name, known } if name == "deny" && known.len() == 15)
    );
    assert!(matches!(refused(&mutators, "trap"), Error::Trap { .. }));
    let error = refused(&mutators, "nothing").to_string();
    assert_eq!(error, format!("no mutator is named \"nothing\"; the component has {}", mutators.names().join(", ")));
    // The engine bounds what a transaction holds.
    let error = refused(&mutators, "write");
    assert!(
        matches!(&error, Error::Failed(converge::Error::LimitExceeded { limit, .. }) if limit == "commit-bytes"),
        "{error}"
    );
}

#[test]
fn the_caller_is_whom_the_host_authenticated() {
    let mutators = load(Options::default());
    let doc = Doc::create("ann").unwrap();
    mutators.apply(&doc, &Call::new("sign", NOTHING)).unwrap();
    assert_eq!(cell(&doc, "caller"), Value::Null);
    mutators.apply(&doc, &Call::new("sign", NOTHING).by("ann@example.org")).unwrap();
    assert_eq!(cell(&doc, "caller"), Value::from("ann@example.org"));
}

#[test]
fn fuel_memory_and_time_are_bounded() {
    let mutators = load(Options::default().fuel(5_000_000).memory_bytes(64 << 20));
    for name in ["loop", "read"] {
        assert!(matches!(refused(&mutators, name), Error::OutOfFuel(5_000_000)), "{name}");
    }
    let mutators = load(Options::default().memory_bytes(64 << 20));
    assert!(matches!(refused(&mutators, "grow"), Error::OutOfMemory(bytes) if bytes == 64 << 20));

    let time = Duration::from_millis(100);
    let mutators = load(Options::default().fuel(u64::MAX).call_time(time));
    for name in ["loop", "read"] {
        assert!(matches!(refused(&mutators, name), Error::OutOfTime(limit) if limit == time), "{name}");
    }
}

#[test]
fn nobody_waits() {
    let told = told(&refused(&load(Options::default()), "wait"));
    assert!(told.contains("a mutator cannot wait"), "{told}");
}

#[test]
fn nobody_fills_the_memory_of_the_host() {
    let told = told(&refused(&load(Options::default()), "hoard"));
    assert!(told.contains("no free keys"), "{told}");
}

/// How a mutator stopped, with all causes.
fn told(error: &Error) -> String {
    assert!(matches!(error, Error::Trap { .. }), "{error}");
    let causes = std::iter::successors(error.source(), |&error| error.source());
    causes.map(|error| format!("{error}\n")).collect()
}

#[test]
fn wasi_is_there_and_grants_nothing() {
    let mutators = load(Options::default().clock(Duration::from_secs(86_400)));
    let (ann, ben) = (Doc::create("p").unwrap(), Doc::create("p").unwrap());
    for doc in [&ann, &ben] {
        mutators.apply(doc, &Call::new("ask", NOTHING)).unwrap();
        assert_eq!(cell(doc, "clock"), Value::Integer(86_400));
        assert_eq!(cell(doc, "monotonic"), Value::Integer(86_400_000_000_000));
        assert_eq!(cell(doc, "environment"), Value::Integer(0));
        assert_eq!(cell(doc, "folders"), Value::Integer(0));
    }
    assert_eq!(ann.save().unwrap(), ben.save().unwrap());
}

#[test]
fn a_call_knows_nothing_of_earlier_ones() {
    let mutators = load(Options::default());
    let doc = Doc::create("ann").unwrap();
    for counter in 0..3 {
        assert_eq!(mutators.apply(&doc, &Call::new("count", NOTHING)).unwrap(), Some(EventId::new("ann", counter)));
        assert_eq!(cell(&doc, "calls"), Value::Integer(1));
    }
}

#[test]
fn what_is_no_mutator_is_refused_with_what_it_lacks() {
    let error = |component: &[u8]| Mutators::load(component, Options::default()).unwrap_err().to_string();
    let nothing = error(b"not a component");
    assert!(nothing.starts_with("this is not a mutator: "), "{nothing}");
    let engine = error(converge::COMPONENT);
    assert!(engine.contains("converge:sync/mutators@0.2.0"), "{engine}");
    let compat = error(&build("converge-compat"));
    assert!(compat.contains("imports") && compat.contains("converge:sync/"), "{compat}");
    let large = error(&vec![0; converge::mutators::MAX_COMPONENT_BYTES + 1]);
    assert_eq!(large, "this is not a mutator: the component is 67108865 bytes long; the maximum is 67108864");
}

#[test]
fn a_document_that_is_gone_is_told() {
    let mutators = load(Options::default());
    let options = InstanceOptions::default().memory_bytes(4 << 20);
    let doc = Instance::new(options).unwrap().doc("ann").unwrap();
    let error = mutators.apply(&doc, &Call::new("write", NOTHING)).unwrap_err();
    assert!(
        matches!(&error, Error::Document(converge::Error::OutOfMemory))
            || matches!(&error, Error::Failed(converge::Error::LimitExceeded { limit, .. }) if limit == "memory-bytes"),
        "{error}"
    );
}
