//! Hubs and their clients, as sessions without a network.

use super::{Access, Answer, Failure, Hub, HubOptions, Input, Output, Read, Rejection, Write};
use converge::{Acceptance, Doc, Instance, RowOp, Session, SessionOptions, Store};
use converge_storage::{Options, StoredDoc};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

type Outcome = Result<(), Box<dyn std::error::Error>>;

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
        true => StoredDoc::open(path, &instance, &Options::default())?,
        false => StoredDoc::create(path, "board", &instance, &Options::default())?,
    };
    // Without an interval, everything is sent at one time.
    Ok(Hub::new(stored, HubOptions::default().presence_interval_ms(0.0))?)
}

fn commit(op: RowOp) -> Write {
    Write::Commit { ops: vec![op], key: None }
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

    fn step(&mut self, inputs: &[Input], now: f64) -> Result<Vec<Output>, Failure> {
        let mut outputs = Vec::new();
        self.hub.step(inputs, now, &mut outputs).map(|()| outputs)
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
            for output in self.step(&inputs.drain(..).collect::<Vec<_>>(), NOW)? {
                match output {
                    Output::Send(number, message) => {
                        if let Some(client) = self.clients.iter().find(|client| client.number == number) {
                            client.session.receive(&message, NOW)?;
                        }
                        inputs.push_back(Input::Room(number));
                    }
                    Output::Changed(..) => {}
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
    scene.step(&inputs, NOW)?;
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
    let mut other = StoredDoc::open(scene.path(), &instance, &Options::default())?;
    other.store(&[converge_storage::Update::new("", &scene.clients[0].doc.save()?)])?;

    scene.clients[0].insert("lost")?;
    let messages: Vec<Vec<u8>> = scene.clients[0].session.messages(NOW).collect::<Result<_, _>>()?;
    let mut inputs: Vec<Input> = messages.into_iter().map(|message| Input::Message(0, message)).collect();
    inputs.push(Input::Read(1, Read::Save { unless: None }));
    let failed = scene.step(&inputs, NOW);
    assert!(matches!(failed, Err(Failure::Storage { .. })), "{failed:?}");
    // The document in memory is ahead, and stays unusable for writing.
    let again = scene.step(&[Input::Write(2, writer(), commit(RowOp::insert("t", "r", [("a", 1)])))], NOW);
    assert!(matches!(again, Err(Failure::Storage { .. })), "{again:?}");

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
    let insert = |row: usize| commit(RowOp::insert("t", row.to_string(), [("text", "x".repeat(1_000))]));
    let sent = |outputs: Vec<Output>| outputs.iter().filter(|output| matches!(output, Output::Send(..))).count();
    assert_eq!(sent(scene.step(&[Input::Write(0, writer(), insert(0))], NOW)?), 1);
    for row in 1..50 {
        assert_eq!(sent(scene.step(&[Input::Write(0, writer(), insert(row))], NOW)?), 0);
    }
    // What the client missed comes in one message.
    let outputs = scene.step(&[Input::Room(0)], NOW)?;
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
        outputs
            .iter()
            .any(|output| matches!(output, Output::Close(1, Rejection::Engine(converge::Error::Protocol(_))))),
        "{outputs:?}"
    );
    for write in [Write::Push(Vec::new()), Write::Commit { ops: Vec::new(), key: None }] {
        let outputs = scene.step(&[Input::Write(7, reader.clone(), write)], NOW)?;
        let rejected = |output: &Output| matches!(output, Output::Answer(7, Answer::Rejected(_), _));
        assert!(outputs.iter().any(rejected), "{outputs:?}");
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
    assert!(
        matches!(&outputs[..], [Output::Close(1, Rejection::Engine(converge::Error::Compacted(_)))]),
        "{outputs:?}"
    );
    assert_eq!(scene.hub.stored().doc().digest()?, digest);
    Ok(())
}

#[test]
fn requests_push_and_pull_without_a_session() -> Outcome {
    let mut scene = Scene::new(0)?;
    let ann = Instance::new(Default::default())?.doc("ann")?;
    ann.insert("tasks", "t1", [("title", "Buy milk")])?;
    let mut ask = |input| -> Result<Answer, Box<dyn std::error::Error>> {
        let outputs = scene.step(&[input], NOW)?;
        outputs
            .into_iter()
            .find_map(|output| match output {
                Output::Answer(1, answer, _) => Some(answer),
                _ => None,
            })
            .ok_or("no answer".into())
    };
    let push = |update: &[u8]| Input::Write(1, writer(), Write::Push(update.to_vec()));
    let write = |op| Input::Write(1, writer(), commit(op));
    let read = |read| Input::Read(1, read);
    let update = ann.save()?;
    assert!(matches!(ask(push(&update))?, Answer::Merged(report) if report.applied == 1));
    assert!(matches!(ask(push(&update))?, Answer::Merged(report) if report.applied == 0));
    assert!(matches!(ask(push(b"damaged"))?, Answer::Rejected(_)));
    assert!(matches!(ask(write(RowOp::update("tasks", "none", [("a", 1)])))?, Answer::Rejected(_)));
    let committed = ask(write(RowOp::insert("tasks", "t2", [("a", 1)])))?;
    assert!(matches!(committed, Answer::Committed(event) if event.peer.starts_with("home.")));
    let Answer::Update(update) = ask(read(Read::Pull(ann.summary()?)))? else { return Err("no update".into()) };
    ann.merge_update(&update)?;
    let Answer::Saved(tag, saved) = ask(read(Read::Save { unless: None }))? else { return Err("no document".into()) };
    assert_eq!(Doc::load("ben", &saved)?.digest()?, ann.digest()?);
    assert!(matches!(ask(read(Read::Save { unless: Some(tag) }))?, Answer::Unchanged(_)));
    let Answer::Update(all) = ask(read(Read::Pull(Vec::new())))? else { return Err("no update".into()) };
    let ben = Doc::create("ben")?;
    ben.merge_update(&all)?;
    assert_eq!(ben.digest()?, ann.digest()?);
    assert!(matches!(ask(read(Read::Pull(b"damaged".to_vec())))?, Answer::Rejected(_)));
    assert!(matches!(ask(read(Read::Tables))?, Answer::Tables(tables) if tables.len() == 1));
    let page = ask(read(Read::Scan("tasks".into(), Default::default())))?;
    assert!(matches!(page, Answer::Page(page) if page.rows.len() == 2));
    assert!(matches!(ask(read(Read::Get("tasks".into(), "t2".into())))?, Answer::Row(Some(cells)) if cells.len() == 1));
    scene.clients.push(Client::new(0)?);
    scene.run(vec![Input::Connect(0, writer())])?;
    assert_eq!(scene.clients[0].doc.digest()?, ann.digest()?);
    Ok(())
}

#[test]
fn a_commit_with_a_key_happens_once() -> Outcome {
    let mut scene = Scene::new(0)?;
    let input = |subject: &str, key: &str, row: i64| {
        let ops = vec![RowOp::insert("t", row.to_string(), [("a", row)])];
        Input::Write(row as u64, Access::new(subject).write(true), Write::Commit { ops, key: Some(key.into()) })
    };
    let events = |outputs: Vec<Output>| -> Vec<u32> {
        let event = |output: Output| match output {
            Output::Answer(_, Answer::Committed(event), _) => Some(event.counter),
            _ => None,
        };
        outputs.into_iter().filter_map(event).collect()
    };
    // In one group, in a later one, and after a restart.
    let group = [input("ann", "k", 0), input("ann", "k", 1), input("ben", "k", 2), input("ann", "l", 3)];
    assert_eq!(events(scene.step(&group, NOW)?), [0, 0, 1, 2]);
    assert_eq!(events(scene.step(&[input("ann", "k", 4)], NOW)?), [0]);
    scene.hub = open(&scene.path())?;
    assert_eq!(events(scene.step(&[input("ben", "k", 5), input("cid", "k", 6)], NOW)?), [1, 3]);
    assert!(scene.hub.stored().verify()?.is_right());
    Ok(())
}

#[test]
fn a_push_of_another_author_is_rejected() -> Outcome {
    let mut scene = Scene::new(0)?;
    let access = Access::new("ann").write(true).writers(["ann.*"]);
    for (peer, allowed) in [("ann.1", true), ("ben.1", false), ("ann", false)] {
        let doc = Doc::create(peer)?;
        doc.insert("t", peer, [("a", 1)])?;
        let outputs = scene.step(&[Input::Write(0, access.clone(), Write::Push(doc.save()?))], NOW)?;
        let merged = outputs.iter().any(|output| matches!(output, Output::Answer(_, Answer::Merged(_), _)));
        assert_eq!(merged, allowed, "{peer}: {outputs:?}");
        assert_eq!(scene.hub.stored().doc().get("t", peer)?.is_some(), allowed);
    }
    Ok(())
}

#[test]
fn changes_are_reported_once_they_are_stored() -> Outcome {
    let mut scene = Scene::new(0)?;
    let op = RowOp::insert("t", "r", [("a", 1)]);
    let outputs = scene.step(&[Input::Write(0, writer(), commit(op.clone()))], NOW)?;
    assert!(outputs.iter().any(|output| matches!(output, Output::Changed(1, ops) if *ops == [op.clone()])));
    Ok(())
}

#[test]
fn entries_of_a_client_that_is_gone_are_removed() -> Outcome {
    let mut scene = Scene::new(3)?;
    scene.clients[0].store.set("cursor", "0", 1, NOW)?;
    scene.clients[1].store.set("cursor", "1", 1, NOW)?;
    scene.run(Vec::new())?;
    let seen = |scene: &Scene| scene.clients[2].store.get_all("cursor").map(|entries| entries.len());
    assert_eq!(seen(&scene)?, 2);
    scene.run(vec![Input::Disconnect(0), Input::Disconnect(1)])?;
    // The second client connects again and renews its entry.
    let second = &mut scene.clients[1];
    second.session = Session::open(&second.doc, &second.store, &SessionOptions::new("board"))?;
    scene.run(vec![Input::Connect(1, writer())])?;
    scene.clients[1].store.set("cursor", "1", 2, NOW + 1.0)?;
    scene.run(Vec::new())?;
    assert_eq!(seen(&scene)?, 2);
    let outputs = scene.step(&[], NOW + 6_000.0)?;
    for output in outputs {
        if let Output::Send(2, message) = output {
            scene.clients[2].session.receive(&message, NOW + 6_000.0)?;
        }
    }
    assert_eq!(seen(&scene)?, 1);
    Ok(())
}

#[test]
fn entries_are_sent_together_and_events_at_once() -> Outcome {
    let mut scene = Scene::new(3)?;
    scene.hub.options.presence_interval_ms = 50.0;
    /// Carries messages to the hub and from it. Returns how many the third client got.
    fn carry(scene: &mut Scene, rooms: &mut Vec<Input>, now: f64) -> Result<usize, Box<dyn std::error::Error>> {
        let mut inputs = std::mem::take(rooms);
        for client in &scene.clients {
            for message in client.session.messages(now) {
                inputs.push(Input::Message(client.number, message?));
            }
        }
        let mut count = 0;
        for output in scene.step(&inputs, now)? {
            if let Output::Send(number, message) = output {
                scene.clients[number as usize].session.receive(&message, now)?;
                rooms.push(Input::Room(number));
                count += usize::from(number == 2);
            }
        }
        Ok(count)
    }
    let (mut rooms, mut messages, mut now) = (Vec::new(), 0, NOW);
    for number in 0..24 {
        now += 5.0;
        scene.clients[0].store.set("cursor", "0", number, now)?;
        messages += carry(&mut scene, &mut rooms, now)?;
    }
    assert_eq!(messages, 2, "in 120 ms");
    let wait = scene.hub.poll_after_ms().ok_or("no entries wait")?;
    assert!(wait > 0.0 && wait <= 50.0, "{wait}");
    now += wait;
    assert_eq!(carry(&mut scene, &mut rooms, now)?, 1);
    assert_eq!(scene.clients[2].store.get("cursor", "0")?.and_then(|entry| entry.value), Some(23.into()));
    // An event does not wait for the interval. Entries that wait are sent before it.
    scene.clients[0].store.set("cursor", "0", 24, now)?;
    scene.clients[1].insert("event")?;
    assert_eq!(carry(&mut scene, &mut rooms, now + 1.0)?, 1);
    assert_eq!(carry(&mut scene, &mut rooms, now + 2.0)?, 1);
    assert!(scene.clients[2].doc.get("tasks", "event")?.is_some());
    // The clock jumps backwards.
    carry(&mut scene, &mut rooms, now + 60.0)?;
    scene.clients[0].store.set("cursor", "1", 1, NOW)?;
    let back = now - 100_000.0;
    assert_eq!(carry(&mut scene, &mut rooms, back)? + carry(&mut scene, &mut rooms, back + 1.0)?, 1);
    Ok(())
}

#[test]
fn what_is_on_disk_is_answered_although_a_snapshot_fails() -> Outcome {
    let mut scene = Scene::new(0)?;
    let refuse = "CREATE TRIGGER no_snapshot BEFORE INSERT ON _converge_snapshot BEGIN SELECT RAISE(ABORT, 'no'); END";
    rusqlite::Connection::open(scene.path())?.execute_batch(refuse)?;
    for row in 1..=converge_storage::SNAPSHOT_UPDATES {
        let insert = commit(RowOp::insert("t", row.to_string(), [("a", 1)]));
        let mut outputs = Vec::new();
        let stepped = scene.hub.step(&[Input::Write(row, writer(), insert)], NOW, &mut outputs);
        let is_answered =
            |output: &Output| matches!(output, Output::Answer(number, Answer::Committed(_), _) if *number == row);
        assert!(outputs.iter().any(is_answered), "{row}: {outputs:?}");
        match stepped {
            Ok(()) => assert!(row < converge_storage::SNAPSHOT_UPDATES),
            Err(Failure::Storage { writers, .. }) => {
                assert!(row == converge_storage::SNAPSHOT_UPDATES && writers.is_empty());
            }
            Err(other) => return Err(other.into()),
        }
    }
    // The document is read again, and has everything.
    let stored = scene.hub.into_stored().reload(&Instance::new(Default::default())?)?;
    assert_eq!(stored.sequence(), converge_storage::SNAPSHOT_UPDATES);
    assert_eq!(stored.doc().scan("t", &Default::default())?.rows.len(), 256);
    Ok(())
}
