//! Hubs and their clients, as sessions without a network.

use super::{Access, Answer, Failure, Hub, Input, Output, Request};
use converge::{Acceptance, Doc, Instance, RowOp, Session, SessionOptions, Store};
use converge_storage::{Options, StoredDoc};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const MAX_MESSAGE: u32 = 64 << 10;
const NOW: f64 = 1_000_000.0;

/// A client: a replica with a session.
struct Client {
    number: u64,
    doc: Doc,
    store: Store,
    session: Session,
}

impl Client {
    fn new(number: u64) -> Result<Self, converge::Error> {
        let instance = Instance::new(Default::default())?;
        let peer = format!("client.{number}");
        let (doc, store) = (instance.doc(&peer)?, instance.store(&peer, Default::default())?);
        let session = Session::open(&doc, &store, &SessionOptions::new("board"))?;
        Ok(Self { number, doc, store, session })
    }

    fn insert(&self, row: &str) -> Result<(), converge::Error> {
        self.doc.insert("tasks", row, [("by", self.number as i64)]).map(drop)
    }
}

/// A hub, its file, and clients that are connected.
struct Scene {
    folder: TempDir,
    hub: Hub,
    clients: Vec<Client>,
}

fn open(path: &Path) -> Result<Hub, Box<dyn std::error::Error>> {
    let instance = Instance::new(Default::default())?;
    let stored = match path.exists() {
        true => StoredDoc::open(path, &instance, Options::default())?,
        false => StoredDoc::create(path, "board", &instance, Options::default())?,
    };
    Ok(Hub::new(stored, MAX_MESSAGE)?)
}

fn writer() -> Access {
    Access::new("someone").write(true).presence(true)
}

impl Scene {
    fn new(clients: u64) -> Result<Self, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let hub = open(&folder.path().join("board.db"))?;
        let clients = (0..clients).map(Client::new).collect::<Result<_, _>>()?;
        let mut scene = Self { folder, hub, clients };
        scene.run((0..scene.clients.len() as u64).map(|number| Input::Connect(number, writer())).collect())?;
        Ok(scene)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("board.db")
    }

    /// Moves messages until nobody has one. Returns the other outputs.
    fn run(&mut self, inputs: Vec<Input>) -> Result<Vec<Output>, Box<dyn std::error::Error>> {
        let (mut inputs, mut others) = (VecDeque::from(inputs), Vec::new());
        loop {
            for client in &self.clients {
                for message in client.session.messages(NOW) {
                    inputs.push_back(Input::Message(client.number, message?));
                }
            }
            if inputs.is_empty() {
                return Ok(others);
            }
            for output in self.hub.step(inputs.drain(..).collect(), NOW)? {
                match output {
                    Output::Send(number, message) => {
                        if let Some(client) = self.clients.iter().find(|client| client.number == number) {
                            client.session.receive(&message, NOW)?;
                        }
                        inputs.push_back(Input::Room(number));
                    }
                    other => others.push(other),
                }
            }
        }
    }

    fn digests(&self) -> Result<Vec<converge::Digest>, converge::Error> {
        self.clients.iter().map(|client| client.doc.digest()).collect()
    }
}

#[test]
fn what_a_client_writes_reaches_all_others_and_the_disk() -> Outcome {
    let mut scene = Scene::new(5)?;
    for round in 0..10 {
        for client in &scene.clients {
            client.insert(&format!("{round} {}", client.number))?;
        }
        scene.clients[0].store.set("cursor", "0", round, NOW)?;
        assert!(scene.run(Vec::new())?.is_empty());
        let digests = scene.digests()?;
        assert!(digests.iter().all(|digest| *digest == digests[0]), "round {round}");
        assert_eq!(scene.clients[4].store.get("cursor", "0")?.and_then(|entry| entry.value), Some(round.into()));
        assert_eq!(open(&scene.path())?.stored().doc().digest()?, digests[0]);
    }
    assert!(scene.hub.stored().verify()?.is_right());
    Ok(())
}

#[test]
fn a_group_of_messages_is_one_transaction() -> Outcome {
    let mut scene = Scene::new(4)?;
    let before = scene.hub.stored().sequence();
    scene.clients.iter().try_for_each(|client| client.insert("row"))?;
    let messages = |client: &Client| client.session.messages(NOW).collect::<Vec<_>>();
    let inputs: Vec<Input> = scene
        .clients
        .iter()
        .flat_map(|client| messages(client).into_iter().map(|message| (client.number, message)))
        .map(|(number, message)| Ok(Input::Message(number, message?)))
        .collect::<Result<_, converge::Error>>()?;
    scene.hub.step(inputs, NOW)?;
    assert_eq!(scene.hub.stored().sequence() - before, 4);
    assert_eq!(scene.hub.stored().doc().version()?.len(), 4);
    Ok(())
}

#[test]
fn known_events_are_not_stored_again() -> Outcome {
    let mut scene = Scene::new(2)?;
    scene.clients[0].insert("row")?;
    scene.run(Vec::new())?;
    let before = scene.hub.stored().sequence();
    // A client with the same events connects, and a client connects again.
    let mut third = Client::new(2)?;
    third.doc.merge_update(&scene.clients[0].doc.save()?)?;
    third.session = Session::open(&third.doc, &third.store, &SessionOptions::new("board"))?;
    scene.clients.push(third);
    let first = &mut scene.clients[0];
    first.session = Session::open(&first.doc, &first.store, &SessionOptions::new("board"))?;
    scene.run(vec![Input::Disconnect(0), Input::Connect(0, writer()), Input::Connect(2, writer())])?;
    assert_eq!(scene.hub.stored().sequence(), before);
    assert_eq!(scene.hub.connections(), 3);
    Ok(())
}

#[test]
fn nothing_is_shown_that_is_not_on_disk() -> Outcome {
    let mut scene = Scene::new(2)?;
    scene.clients[0].insert("stored")?;
    scene.run(Vec::new())?;
    // Another writer takes the file, so that the next transaction fails.
    let instance = Instance::new(Default::default())?;
    let mut other = StoredDoc::open(scene.path(), &instance, Options::default())?;
    other.store(&[converge_storage::Update { subject: "", bytes: &scene.clients[0].doc.save()? }])?;

    scene.clients[0].insert("lost")?;
    let messages: Vec<Vec<u8>> = scene.clients[0].session.messages(NOW).collect::<Result<_, _>>()?;
    let mut inputs: Vec<Input> = messages.into_iter().map(|message| Input::Message(0, message)).collect();
    inputs.push(Input::Request(1, writer(), Request::Save));
    let failed = scene.hub.step(inputs, NOW);
    assert!(matches!(failed, Err(Failure::Storage(_))), "{failed:?}");
    // The document in memory is ahead, and stays unusable for writing.
    let again = scene
        .hub
        .step(vec![Input::Request(2, writer(), Request::Commit(vec![RowOp::insert("t", "r", [("a", 1)])]))], NOW);
    assert!(matches!(again, Err(Failure::Storage(_))), "{again:?}");

    // After a restart, the client delivers again what was not acknowledged.
    drop(other);
    scene.hub = open(&scene.path())?;
    for client in &mut scene.clients {
        client.session = Session::open(&client.doc, &client.store, &SessionOptions::new("board"))?;
    }
    scene.run(vec![Input::Connect(0, writer()), Input::Connect(1, writer())])?;
    assert!(scene.clients[1].doc.get("tasks", "lost")?.is_some());
    Ok(())
}

#[test]
fn a_connection_without_room_gets_one_message() -> Outcome {
    let mut scene = Scene::new(1)?;
    let commit = |row: usize| Request::Commit(vec![RowOp::insert("t", row.to_string(), [("text", "x".repeat(1_000))])]);
    let sent = |outputs: Vec<Output>| outputs.iter().filter(|output| matches!(output, Output::Send(..))).count();
    assert_eq!(sent(scene.hub.step(vec![Input::Request(0, writer(), commit(0))], NOW)?), 1);
    for row in 1..50 {
        assert_eq!(sent(scene.hub.step(vec![Input::Request(0, writer(), commit(row))], NOW)?), 0);
    }
    // What the client missed comes in one message.
    let outputs = scene.hub.step(vec![Input::Room(0)], NOW)?;
    assert!(matches!(&outputs[..], [Output::Send(0, message)] if message.len() > 1_000), "{}", outputs.len());
    Ok(())
}

#[test]
fn access_is_enforced() -> Outcome {
    let mut scene = Scene::new(3)?;
    let reader = Access::new("reader");
    let prefixed = Access::new("ann").write(true).writers(["ann.*"]);
    for client in &mut scene.clients {
        client.session = Session::open(&client.doc, &client.store, &SessionOptions::new("board"))?;
    }
    scene.run(vec![Input::Disconnect(0), Input::Disconnect(1), Input::Disconnect(2)])?;
    scene.run(vec![Input::Connect(0, reader.clone()), Input::Connect(1, prefixed), Input::Connect(2, writer())])?;
    // Events of a reader do not pass, and neither do those of other authors.
    scene.clients[0].insert("a")?;
    scene.clients[1].insert("b")?;
    scene.clients[2].insert("c")?;
    let outputs = scene.run(Vec::new())?;
    let version = scene.hub.stored().doc().version()?;
    assert_eq!(version.iter().map(|known| &*known.peer).collect::<Vec<_>>(), ["client.2"]);
    assert!(
        outputs.iter().any(|output| matches!(output, Output::Close(1, converge::Error::Protocol(_)))),
        "{outputs:?}"
    );
    for request in [Request::Push(Vec::new()), Request::Commit(Vec::new())] {
        let outputs = scene.hub.step(vec![Input::Request(7, reader.clone(), request)], NOW)?;
        assert!(outputs.iter().any(|output| matches!(output, Output::Answer(7, Answer::Rejected(_)))), "{outputs:?}");
    }
    Ok(())
}

#[test]
fn a_forged_document_is_rejected() -> Outcome {
    let mut scene = Scene::new(1)?;
    scene.clients[0].insert("row")?;
    scene.run(Vec::new())?;
    let digest = scene.hub.stored().doc().digest()?;
    // A client whose document was compacted past what the hub has can only send a saved document.
    let forger = Client::new(1)?;
    forger.insert("forged")?;
    forger.doc.compact(&[forger.doc.summary()?])?;
    let session = SessionOptions::new("board").accept(Acceptance::ALL);
    let forger = Client { session: Session::open(&forger.doc, &forger.store, &session)?, ..forger };
    scene.clients.push(forger);
    let outputs = scene.run(vec![Input::Connect(1, writer())])?;
    assert!(matches!(&outputs[..], [Output::Close(1, converge::Error::Compacted(_))]), "{outputs:?}");
    assert_eq!(scene.hub.stored().doc().digest()?, digest);
    Ok(())
}

#[test]
fn requests_push_and_pull_without_a_session() -> Outcome {
    let mut scene = Scene::new(0)?;
    let ann = Instance::new(Default::default())?.doc("ann")?;
    ann.insert("tasks", "t1", [("title", "Buy milk")])?;
    let mut ask = |request| -> Result<Answer, Box<dyn std::error::Error>> {
        let outputs = scene.hub.step(vec![Input::Request(1, writer(), request)], NOW)?;
        outputs
            .into_iter()
            .find_map(|output| match output {
                Output::Answer(1, answer) => Some(answer),
                _ => None,
            })
            .ok_or("no answer".into())
    };
    let update = ann.save()?;
    assert!(matches!(ask(Request::Push(update.clone()))?, Answer::Merged(report) if report.applied == 1));
    assert!(matches!(ask(Request::Push(update))?, Answer::Merged(report) if report.applied == 0));
    assert!(matches!(ask(Request::Push(b"damaged".to_vec()))?, Answer::Rejected(_)));
    assert!(matches!(ask(Request::Commit(vec![RowOp::update("tasks", "none", [("a", 1)])]))?, Answer::Rejected(_)));
    assert!(
        matches!(ask(Request::Commit(vec![RowOp::insert("tasks", "t2", [("a", 1)])]))?, Answer::Committed(event) if event.peer.starts_with("home."))
    );
    let Answer::Bytes(update) = ask(Request::Pull(ann.summary()?))? else { return Err("no update".into()) };
    ann.merge_update(&update)?;
    let Answer::Bytes(saved) = ask(Request::Save)? else { return Err("no document".into()) };
    assert_eq!(Doc::load("ben", &saved)?.digest()?, ann.digest()?);
    assert!(matches!(ask(Request::Pull(b"damaged".to_vec()))?, Answer::Rejected(_)));
    scene.clients.push(Client::new(0)?);
    scene.run(vec![Input::Connect(0, writer())])?;
    assert_eq!(scene.clients[0].doc.digest()?, ann.digest()?);
    Ok(())
}
