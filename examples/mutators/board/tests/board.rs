//! The task board in wasmtime: the calls that `board.test.js` makes in Node, and a client with a
//! server.

use converge::mutators::{Call, Error, Mutators, Options};
use converge::{Cell, Doc, Value};
use serde::Deserialize;
use std::path::Path;
use std::sync::OnceLock;

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// `calls.json`: calls, and the digest of the document after them, the same on every host.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Calls {
    calls: Vec<Step>,
    digest: String,
}

/// A call and its expected result.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    call: String,
    arguments: Vec<serde_json::Value>,
    caller: Option<String>,
    error: Option<Expected>,
    #[serde(default = "yes")]
    wrote: bool,
}

/// An expected error, named as in the contract.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Expected {
    UnknownMutator(()),
    InvalidArguments(String),
    Rejected(String),
}

fn yes() -> bool {
    true
}

fn board() -> &'static Mutators {
    static BOARD: OnceLock<Mutators> = OnceLock::new();
    BOARD.get_or_init(|| {
        let workspace = Path::new(FOLDER).join("../../..");
        let component = converge_pack::build(&workspace, "converge-example-board").unwrap();
        Mutators::load(&component, Options::default()).unwrap()
    })
}

fn call(doc: &Doc, name: &str, arguments: &[&str]) -> Result<(), Error> {
    board().apply(doc, &Call::new(name, arguments.iter().copied())).map(drop)
}

/// Returns the title of a task, or `None` if the task does not exist.
fn title(doc: &Doc, task: &str) -> Option<Value> {
    let cells = doc.get("tasks", task).unwrap()?;
    cells.into_iter().find(|cell| cell.column == "title").map(|Cell { value, .. }| value)
}

#[test]
fn calls_return_the_expected_results() {
    let calls = std::fs::read_to_string(Path::new(FOLDER).join("../calls.json")).unwrap();
    let Calls { calls, digest } = serde_json::from_str(&calls).unwrap();
    let doc = Doc::create("ann").unwrap();
    for Step { call, arguments, caller, error, wrote } in &calls {
        let mut call = Call::new(call, arguments.iter().map(value));
        call.caller.clone_from(caller);
        match (board().apply(&doc, &call), error) {
            (Ok(event), None) => assert_eq!(event.is_some(), *wrote, "{call:?}"),
            (Err(Error::UnknownMutator { .. }), Some(Expected::UnknownMutator(()))) => {}
            (Err(Error::InvalidArguments(text)), Some(Expected::InvalidArguments(expected))) => {
                assert_eq!(text, *expected);
            }
            (Err(Error::Rejected(text)), Some(Expected::Rejected(expected))) => assert_eq!(text, *expected),
            (result, expected) => panic!("{call:?}: {result:?} instead of {expected:?}"),
        }
    }
    assert_eq!(doc.digest().unwrap().to_string(), digest);
}

fn value(argument: &serde_json::Value) -> Value {
    match argument {
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| Value::Real(number.as_f64().unwrap()), Value::Integer)
        }
        other => panic!("unexpected argument: {other}"),
    }
}

#[test]
fn a_rename_restores_a_task_that_the_server_deleted() {
    let server = Doc::create("server").unwrap();
    call(&server, "add", &["t1", "Write the minutes"]).unwrap();
    let client = Doc::load("client", &server.save().unwrap()).unwrap();

    // Offline, the client shows its own writes at once, in a draft. Meanwhile another client deletes the task.
    let draft = client.fork_at(&client.heads().unwrap(), "draft").unwrap();
    call(&draft, "rename", &["t1", "Send the minutes"]).unwrap();
    call(&server, "delete", &["t1"]).unwrap();
    assert_eq!(title(&draft, "t1"), Some("Send the minutes".into()));
    assert_eq!(title(&server, "t1"), None);

    // Online again, the client sends the call. The server runs it on its current state.
    call(&server, "rename", &["t1", "Send the minutes"]).unwrap();
    client.merge_update(&server.update_since(&client.summary().unwrap()).unwrap()).unwrap();
    assert_eq!(title(&client, "t1"), Some("Send the minutes".into()));
    assert_eq!(client.digest().unwrap(), server.digest().unwrap());
}

#[test]
fn the_same_calls_on_equal_documents_create_the_same_events() {
    let saved = [(); 2].map(|()| {
        let doc = Doc::create("ann").unwrap();
        call(&doc, "add", &["t1", "Write the minutes"]).unwrap();
        call(&doc, "complete", &["t1"]).unwrap();
        doc.save().unwrap()
    });
    assert_eq!(saved[0], saved[1]);
}
