//! Tests of mutators that fail or are hostile: nothing is committed, and the error has the reason.
//! `examples/mutators` has the tests of ordinary mutators.

#[cfg(feature = "native")]
use converge::Backend;
use converge::mutators::{Call, Error, Mutators, Options};
use converge::{Doc, EventId, Instance, InstanceOptions, Value};
use std::error::Error as _;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

/// Returns the component of `tests/mutator`.
fn hostile() -> &'static [u8] {
    static HOSTILE: OnceLock<Vec<u8>> = OnceLock::new();
    HOSTILE.get_or_init(|| build("converge-hostile-mutator"))
}

/// Builds the component of a package.
fn build(package: &str) -> Vec<u8> {
    converge_pack::build(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), package).unwrap()
}

fn load(options: Options) -> Mutators {
    Mutators::load(hostile(), options).unwrap()
}

/// No arguments.
const NO_ARGUMENTS: [Value; 0] = [];

/// Makes a call, which must fail and change nothing. Returns the error.
fn failure(mutators: &Mutators, name: &str) -> Error {
    let doc = Doc::create("ann").unwrap();
    doc.insert("t", "r", [("c", 1)]).unwrap();
    let before = doc.save().unwrap();
    let error = mutators.apply(&doc, &Call::new(name, NO_ARGUMENTS)).unwrap_err();
    assert_eq!(doc.save().unwrap(), before, "{name}");
    doc.insert("t", "s", [("c", 2)]).unwrap();
    error
}

/// Returns the value of the only cell of a row.
fn cell(doc: &Doc, row: &str) -> Value {
    doc.get("t", row).unwrap().unwrap().remove(0).value
}

#[test]
fn mutators_receive_every_kind_of_value() {
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

#[cfg(feature = "native")]
#[test]
fn mutators_write_to_documents_of_both_backends() {
    let mutators = load(Options::default());
    let saved = [Backend::Component, Backend::Native].map(|backend| {
        let doc = Instance::new(InstanceOptions::default().backend(backend)).unwrap().doc("ann").unwrap();
        mutators.apply(&doc, &Call::new("answer", [1, 2])).unwrap();
        let error = mutators.apply(&doc, &Call::new("fail", NO_ARGUMENTS)).unwrap_err();
        assert!(matches!(&error, Error::Failed(converge::Error::NoSuchRow { row, .. }) if row == "gone"), "{error}");
        doc.save().unwrap()
    });
    assert_eq!(saved[0], saved[1]);
}

#[test]
fn failed_calls_commit_nothing() {
    let mutators = load(Options::default());
    assert!(matches!(failure(&mutators, "reject"), Error::Rejected(text) if text == "no, as was asked"));
    assert!(
        matches!(failure(&mutators, "mistake"), Error::InvalidArguments(text) if text == "two texts, as was asked")
    );
    let error = failure(&mutators, "fail");
    assert!(matches!(&error, Error::Failed(converge::Error::NoSuchRow { row, .. }) if row == "gone"), "{error}");
    // A name that the component lists but does not accept is an unknown mutator, too.
    assert!(
        matches!(failure(&mutators, "deny"), Error::UnknownMutator { name, known } if name == "deny" && known.len() == 17)
    );
    assert!(matches!(failure(&mutators, "trap"), Error::Trap { .. }));
    let error = failure(&mutators, "nothing").to_string();
    assert_eq!(error, format!("no mutator is named \"nothing\"; the component has {}", mutators.names().join(", ")));
    // The engine limits the size of a transaction.
    let error = failure(&mutators, "write");
    assert!(
        matches!(&error, Error::Failed(converge::Error::LimitExceeded { limit, .. }) if limit == "commit-bytes"),
        "{error}"
    );
}

#[test]
fn the_caller_is_the_subject_that_the_host_authenticated() {
    let mutators = load(Options::default());
    let doc = Doc::create("ann").unwrap();
    mutators.apply(&doc, &Call::new("sign", NO_ARGUMENTS)).unwrap();
    assert_eq!(cell(&doc, "caller"), Value::Null);
    mutators.apply(&doc, &Call::new("sign", NO_ARGUMENTS).by("ann@example.org")).unwrap();
    assert_eq!(cell(&doc, "caller"), Value::from("ann@example.org"));
}

#[test]
fn fuel_memory_and_time_are_limited() {
    let mutators = load(Options::default().fuel(5_000_000).memory_bytes(64 << 20));
    for name in ["loop", "read"] {
        assert!(matches!(failure(&mutators, name), Error::OutOfFuel(5_000_000)), "{name}");
    }
    let mutators = load(Options::default().memory_bytes(64 << 20));
    assert!(matches!(failure(&mutators, "grow"), Error::OutOfMemory(bytes) if bytes == 64 << 20));

    let time = Duration::from_millis(100);
    let mutators = load(Options::default().fuel(u64::MAX).call_time(time));
    for name in ["loop", "read"] {
        assert!(matches!(failure(&mutators, name), Error::OutOfTime(limit) if limit == time), "{name}");
    }
}

#[test]
fn functions_that_wait_fail() {
    let causes = causes(&failure(&load(Options::default()), "wait"));
    assert!(causes.contains("a mutator cannot wait"), "{causes}");
}

#[test]
fn the_number_of_resources_is_limited() {
    let causes = causes(&failure(&load(Options::default()), "hoard"));
    assert!(causes.contains("no free keys"), "{causes}");
}

/// Returns the messages of all causes of an error, which must be a trap.
fn causes(error: &Error) -> String {
    assert!(matches!(error, Error::Trap { .. }), "{error}");
    let causes = std::iter::successors(error.source(), |&error| error.source());
    causes.map(|error| format!("{error}\n")).collect()
}

#[test]
fn wasi_grants_nothing() {
    let mutators = load(Options::default().clock(Duration::from_secs(86_400)));
    let (ann, ben) = (Doc::create("p").unwrap(), Doc::create("p").unwrap());
    for doc in [&ann, &ben] {
        mutators.apply(doc, &Call::new("ask", NO_ARGUMENTS)).unwrap();
        assert_eq!(cell(doc, "clock"), Value::Integer(86_400));
        assert_eq!(cell(doc, "monotonic"), Value::Integer(86_400_000_000_000));
        assert_eq!(cell(doc, "environment"), Value::Integer(0));
        assert_eq!(cell(doc, "folders"), Value::Integer(0));
    }
    assert_eq!(ann.save().unwrap(), ben.save().unwrap());
}

#[test]
fn calls_share_no_state() {
    let mutators = load(Options::default());
    let doc = Doc::create("ann").unwrap();
    for counter in 0..3 {
        assert_eq!(
            mutators.apply(&doc, &Call::new("count", NO_ARGUMENTS)).unwrap(),
            Some(EventId::new("ann", counter))
        );
        assert_eq!(cell(&doc, "calls"), Value::Integer(1));
    }
}

#[test]
fn components_that_are_not_mutators_are_rejected_with_the_reason() {
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
fn a_document_without_memory_is_an_error() {
    let mutators = load(Options::default());
    let options = InstanceOptions::default().memory_bytes(4 << 20);
    let doc = Instance::new(options).unwrap().doc("ann").unwrap();
    let error = mutators.apply(&doc, &Call::new("write", NO_ARGUMENTS)).unwrap_err();
    assert!(
        matches!(&error, Error::Document(converge::Error::OutOfMemory))
            || matches!(&error, Error::Failed(converge::Error::LimitExceeded { limit, .. }) if limit == "memory-bytes"),
        "{error}"
    );
}
