//! The Rust client with a server: what is written offline, and over crashes of both sides.

use crate::{Failure, Outcome, Place, SOON, Server};
use converge::{Cell, Doc, RowOp, ScanOptions};
use converge_client::{Client, Connection, Options, Reason, Status};
use serde_json::json;
use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::time::timeout;

fn options(file: &Path) -> Options {
    let [min, max] = [20, 200].map(Duration::from_millis);
    Options::default().file(file).pauses(min, max)
}

async fn connect(address: &str, document: &str, options: Options) -> Result<Client, Failure> {
    Ok(Client::connect(&format!("http://{address}"), document, options).await?)
}

fn insert(client: &Client, row: &str) -> Outcome {
    client.write(|doc| doc.insert("t", row, [("x", 1)]))?;
    Ok(())
}

fn rows(client: &Client) -> Result<BTreeSet<String>, Failure> {
    let rows = client.read(|doc| doc.rows("t", ScanOptions::default()).collect::<Result<Vec<_>, _>>())?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

async fn synced(client: &Client) -> Outcome {
    Ok(timeout(SOON, client.synced()).await.map_err(|_| format!("not in sync: {client:?}"))??)
}

/// Waits until the status fulfils a condition.
async fn until(client: &Client, holds: impl FnMut(&Status) -> bool) -> Result<Status, Failure> {
    let mut status = client.status();
    let found = timeout(SOON, status.wait_for(holds)).await;
    Ok(found.map_err(|_| format!("did not happen: {client:?}"))??.clone())
}

/// Waits until a client has rows.
async fn has(client: &Client, row: &str) -> Outcome {
    let start = Instant::now();
    while client.read(|doc| doc.get("t", row))?.is_none() {
        if start.elapsed() > SOON {
            return Err(format!("{row} does not arrive: {client:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_offline_survives_restarts_and_arrives_once() -> Outcome {
    let place = Place::new()?;
    let file = place.path("client.db");
    let mut server = place.serve(&[])?;
    let address = server.address();
    server.kill()?;

    // The first start is offline, and the document is there nevertheless.
    let client = connect(&address, "d", options(&file)).await?;
    for row in 0..1_000 {
        insert(&client, &format!("{row:04}"))?;
    }
    let status = until(&client, |status| matches!(status.connection, Connection::Offline(_))).await?;
    assert_eq!((status.unsent, status.saved_here), (1_000, true));
    // Dropped, as a crash does.
    drop(client);
    let client = loop {
        match connect(&address, "d", options(&file)).await {
            Ok(client) => break client,
            // The task of the first client still has the file.
            Err(error) if error.to_string().contains("another process uses it") => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(error) => return Err(error),
        }
    };
    assert_eq!(rows(&client)?.len(), 1_000);
    let second = connect(&address, "d", options(&file)).await.err().map(|error| error.to_string());
    assert!(second.as_ref().is_some_and(|why| why.contains("another process uses it")), "{second:?}");

    let server = place.serve(&["--listen", &address])?;
    synced(&client).await?;
    let tables = server.get("/v1/docs/d/tables").empty()?.expect(200)?.json()?;
    assert_eq!(tables, json!({ "tables": [{ "table": "t", "rows": 1_000 }] }));
    let other = connect(&address, "d", Options::default()).await?;
    synced(&other).await?;
    assert_eq!(rows(&other)?, rows(&client)?);
    // Both see what the other one writes, and report it.
    let mut changes = client.changes();
    insert(&other, "from the other")?;
    has(&client, "from the other").await?;
    let reported = timeout(SOON, changes.recv()).await??;
    assert_eq!(&reported[..], [RowOp::insert("t", "from the other", [("x", 1)])]);
    client.close().await?;
    place.run(&["verify", file.to_str().ok_or("a path in UTF-8")?])?;
    Ok(())
}

/// The variables that make this program a writer: the address of the server, and the file.
const WRITER: [&str; 2] = ["CONVERGE_TEST_SERVER", "CONVERGE_TEST_FILE"];
/// The number of rows of each writer.
const ROWS: u32 = 300;
const WRITERS: usize = 2;

/// Not a test of its own, but the process that the next test starts and kills: writes rows, and
/// prints those that are kept, and finally the digest.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn writer() -> Outcome {
    let [Ok(address), Ok(file)] = WRITER.map(env::var) else { return Ok(()) };
    // Ends the line that the test harness began.
    writeln!(std::io::stdout())?;
    let client = connect(&address, "d", options(Path::new(&file))).await?;
    let peer = client.read(|doc| doc.peer())?;
    let version = client.read(|doc| doc.version())?;
    let written = version.iter().find(|known| known.peer == peer).map_or(0, |known| known.count);
    for number in written..ROWS {
        let row = format!("{peer} {number}");
        insert(&client, &row)?;
        writeln!(std::io::stdout(), "kept {row}")?;
    }
    let start = Instant::now();
    while rows(&client)?.len() < WRITERS * ROWS as usize {
        synced(&client).await?;
        assert!(start.elapsed() < SOON, "the rows of the other writer do not arrive");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    synced(&client).await?;
    writeln!(std::io::stdout(), "digest {}", client.read(|doc| doc.digest())?)?;
    client.close().await?;
    Ok(())
}

fn start_writer(place: &Place, address: &str, number: usize) -> Result<Child, Failure> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--exact", "clients::writer", "--nocapture", "--test-threads", "1"]);
    command.env(WRITER[0], address).env(WRITER[1], place.path(&format!("writer{number}.db")));
    Ok(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?)
}

#[test]
fn killed_at_many_points_clients_lose_nothing_that_they_kept() -> Outcome {
    const KILLS: u64 = 12;
    let place = Place::new()?;
    let server = place.serve(&[])?;
    let mut kept = BTreeSet::new();
    let mut digests = BTreeSet::new();
    for kill in 0..=KILLS {
        let writers = (0..WRITERS).map(|number| start_writer(&place, &server.address(), number));
        let mut writers = writers.collect::<Result<Vec<Child>, _>>()?;
        let is_last = kill == KILLS;
        if !is_last {
            std::thread::sleep(Duration::from_millis(40 + kill * 37 % 101));
            writers.iter_mut().try_for_each(Child::kill)?;
        }
        for mut writer in writers {
            for line in BufReader::new(writer.stdout.take().ok_or("no output")?).lines() {
                match line?.split_once(' ') {
                    Some(("kept", row)) => drop(kept.insert(row.to_owned())),
                    Some(("digest", digest)) => drop(digests.insert(digest.to_owned())),
                    // The test harness prints lines too, and the last line can be cut.
                    _ => {}
                }
            }
            writer.wait()?;
        }
    }
    assert_eq!(digests.len(), 1, "{digests:?}");
    let saved = server.get("/v1/docs/d").empty()?.expect(200)?;
    let doc = Doc::load("reader", &saved.body)?;
    assert_eq!(digests.first(), Some(&doc.digest()?.to_string()));
    let stored: BTreeSet<String> =
        doc.rows("t", ScanOptions::default()).map(|row| Ok(row?.id)).collect::<Result<_, converge::Error>>()?;
    assert_eq!(stored.len(), WRITERS * ROWS as usize);
    assert!(kept.len() > stored.len() / 2, "{} rows were reported", kept.len());
    let missing: Vec<_> = kept.difference(&stored).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(doc.forks(0, 10)?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_continues_when_the_server_was_killed() -> Outcome {
    let place = Place::new()?;
    let mut server = place.serve(&[])?;
    let address = server.address();
    let client = connect(&address, "d", options(&place.path("client.db"))).await?;
    let mut written = 0;
    for kill in 0..10_u64 {
        let end = Instant::now() + Duration::from_millis(20 + kill * 37 % 101);
        while Instant::now() < end {
            insert(&client, &format!("{written}"))?;
            written += 1;
        }
        server.kill()?;
        server = place.serve(&["--listen", &address])?;
    }
    synced(&client).await?;
    let saved = Doc::load("reader", &server.get("/v1/docs/d").empty()?.expect(200)?.body)?;
    assert_eq!(saved.rows("t", ScanOptions::default()).count(), written);
    assert_eq!(saved.digest()?, client.read(|doc| doc.digest())?);
    assert!(saved.forks(0, 10)?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_document_stops_the_client_until_it_is_reset() -> Outcome {
    let place = Place::new()?;
    let file = place.path("client.db");
    let server = place.serve(&[])?;
    let client = connect(&server.address(), "d", options(&file)).await?;
    insert(&client, "sent")?;
    synced(&client).await?;
    client.close().await?;
    let other = Doc::create("other")?;
    other.insert("t", "of the replacement", [("x", 1)])?;
    server.post("/v1/admin/docs/d/import").send(&other.save()?)?.expect(204)?;

    let client = connect(&server.address(), "d", options(&file)).await?;
    client.write(|doc| doc.insert("t", "not sent", [("x", 1)]))?;
    let status = until(&client, |status| status.connection == Connection::Stopped).await?;
    assert_eq!(status.problem.map(|problem| problem.reason), Some(Reason::Replaced));
    assert!(client.synced().await.is_err());
    // Local data stays readable and writable, and nothing of it is sent.
    client.write(|doc| doc.insert("t", "written later", [("x", 1)]))?;
    assert_eq!(rows(&client)?.len(), 3);
    assert_eq!(server.get("/v1/docs/d/tables/t").empty()?.json()?["rows"].as_array().map(Vec::len), Some(1));

    let commits = client.reset()?;
    let unsent: Vec<&str> = commits.iter().flatten().map(RowOp::row).collect();
    assert_eq!(unsent, ["not sent", "written later"]);
    synced(&client).await?;
    assert_eq!(rows(&client)?, BTreeSet::from(["of the replacement".to_owned()]));
    // The application can commit them again.
    for commit in commits {
        client.write(|doc| doc.commit(commit))?;
    }
    synced(&client).await?;
    client.close().await?;
    assert!(place.path("client.db.former").exists());
    let client = connect(&server.address(), "d", options(&file)).await?;
    assert_eq!(rows(&client)?.len(), 3);
    // The file belongs to this document, and to this client.
    assert!(connect(&server.address(), "e", options(&file)).await.is_err());
    client.destroy().await?;
    assert!(!file.exists() && !place.path("client.db.lock").exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_document_stops_the_client_and_stays_readable() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&[])?;
    let client = connect(&server.address(), "d", options(&place.path("client.db"))).await?;
    insert(&client, "a")?;
    synced(&client).await?;
    server.request("DELETE", "/v1/admin/docs/d").empty()?.expect(204)?;
    let status = until(&client, |status| status.connection == Connection::Stopped).await?;
    assert_eq!(status.problem.map(|problem| problem.reason), Some(Reason::Deleted));
    insert(&client, "b")?;
    assert_eq!(rows(&client)?.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_file_forks_and_heals() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&[])?;
    let (first, second) = (place.path("first.db"), place.path("second.db"));
    let client = connect(&server.address(), "d", options(&first)).await?;
    insert(&client, "before")?;
    synced(&client).await?;
    let name = client.read(|doc| doc.peer())?;
    client.close().await?;
    std::fs::copy(&first, &second)?;

    let (a, b) = (
        connect(&server.address(), "d", options(&first)).await?,
        connect(&server.address(), "d", options(&second)).await?,
    );
    insert(&a, "by the first")?;
    insert(&b, "by the second")?;
    for (client, row) in [(&a, "by the second"), (&b, "by the first")] {
        has(client, row).await?;
        synced(client).await?;
    }
    for client in [&a, &b] {
        insert(client, &format!("later {}", std::ptr::from_ref(client) as usize))?;
        synced(client).await?;
    }
    a.close().await?;
    b.close().await?;
    // Each has a name of its own from the next start on.
    let (a, b) = (
        connect(&server.address(), "d", options(&first)).await?,
        connect(&server.address(), "d", options(&second)).await?,
    );
    let names = BTreeSet::from([name, a.read(|doc| doc.peer())?, b.read(|doc| doc.peer())?]);
    assert_eq!(names.len(), 3, "{names:?}");
    synced(&a).await?;
    synced(&b).await?;
    assert_eq!(rows(&a)?.len(), 5);
    assert_eq!(a.read(|doc| doc.digest())?, b.read(|doc| doc.digest())?);
    assert_eq!(a.read(|doc| doc.forks(0, 10))?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_additions_of_a_copied_file_both_count() -> Outcome {
    let place = Place::new()?;
    let (file, copy) = (place.path("client.db"), place.path("copy.db"));
    let server = place.serve(&[])?;
    let client = connect(&server.address(), "d", options(&file)).await?;
    insert(&client, "r")?;
    synced(&client).await?;
    client.close().await?;
    std::fs::copy(&file, &copy)?;
    let mut clients = Vec::new();
    for file in [&file, &copy] {
        // Neither copy sees what the other one writes before it adds.
        let client = connect("127.0.0.1:1", "d", options(file)).await?;
        client.write(|doc| doc.add("t", "r", "n", 1))?;
        client.close().await?;
    }
    for file in [&file, &copy] {
        let client = connect(&server.address(), "d", options(file)).await?;
        synced(&client).await?;
        clients.push(client);
    }
    let saved = Doc::load("reader", &server.get("/v1/docs/d").empty()?.expect(200)?.body)?;
    let cells = saved.get("t", "r")?.unwrap_or_default();
    assert_eq!(cells.iter().find(|cell| cell.column == "n"), Some(&Cell::new("n", 2)));
    for client in clients {
        client.close().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_returns_more_than_a_page_of_unsent_commits() -> Outcome {
    let place = Place::new()?;
    let client = connect("127.0.0.1:1", "d", options(&place.path("client.db"))).await?;
    // A page of events ends after 16 MiB.
    for row in ["a", "b", "c"] {
        client.write(|doc| doc.insert("t", row, [("x", "x".repeat(10 << 20))]))?;
    }
    let commits = client.reset()?;
    assert_eq!(commits.iter().flatten().map(RowOp::row).collect::<Vec<_>>(), ["a", "b", "c"]);
    client.close().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_file_cannot_be_written_nothing_is_sent_or_lost() -> Outcome {
    let place = Place::new()?;
    let file = place.path("client.db");
    let server = place.serve(&[])?;
    let client = Arc::new(connect(&server.address(), "d", options(&file)).await?);
    insert(&client, "before")?;
    synced(&client).await?;
    let blocker = rusqlite::Connection::open(&file)?;
    blocker.execute_batch("BEGIN IMMEDIATE")?;
    let writing = client.clone();
    let written = tokio::task::spawn_blocking(move || insert(&writing, "not kept")).await?;
    assert!(written.is_err());
    let status = until(&client, |status| status.problem.is_some()).await?;
    assert_eq!(status.problem.map(|problem| problem.reason), Some(Reason::Storage));
    assert!(!status.saved_here);
    server.get("/v1/docs/d/tables/t/not%20kept").empty()?.expect(404)?;
    assert!(rows(&client)?.contains("not kept"));
    blocker.execute_batch("ROLLBACK")?;
    let status = until(&client, |status| status.in_sync && status.saved_here).await?;
    assert_eq!(status.problem, None);
    server.get("/v1/docs/d/tables/t/not%20kept").empty()?.expect(200)?;
    insert(&client, "after")?;
    synced(&client).await?;
    Arc::into_inner(client).ok_or("in use")?.close().await?;
    place.run(&["verify", file.to_str().ok_or("a path in UTF-8")?])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_waits_until_the_server_has_everything() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&[])?;
    let client = connect(&server.address(), "d", Options::default()).await?;
    synced(&client).await?;
    for row in 0..60 {
        client.write(|doc| doc.insert("t", &format!("{row}"), [("x", "y".repeat(100_000))]))?;
    }
    client.close().await?;
    let tables = server.get("/v1/docs/d/tables").empty()?.expect(200)?.json()?;
    assert_eq!(tables, json!({ "tables": [{ "table": "t", "rows": 60 }] }));
    Ok(())
}

/// The program of `docs/guide/rust.md`.
const LIST: &str = include_str!("../../../client/examples/list.rs");

#[test]
fn the_list_of_the_guide_is_shared_and_works_offline() -> Outcome {
    let guide = include_str!("../../../../docs/guide/rust.md");
    let (_, code) = LIST.split_once("\n\n").ok_or("no code")?;
    assert!(guide.contains(&format!("```rust,ignore\n{code}```\n")), "the guide has another program");
    let place = Place::new()?;
    let mut server = place.serve(&[])?;
    let address = server.address();
    let program = Path::new(env!("CARGO_BIN_EXE_converge")).with_file_name("examples").join("list");
    let list = |file: &str, arguments: &[&str]| -> Result<String, Failure> {
        let mut command = Command::new(&program);
        command.env("LIST_SERVER", format!("http://{address}")).arg(place.path(file)).args(arguments);
        let output = command.output().map_err(|error| format!("{}: {error}; build it", program.display()))?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    };
    assert!(list("ann.db", &["add", "Milk"])?.starts_with("[ ] Milk  ("));
    let seen = list("ben.db", &[])?;
    let row = seen.trim_end().strip_prefix("[ ] Milk  (").and_then(|rest| rest.strip_suffix(')'));
    server.kill()?;
    let offline = list("ben.db", &["done", row.ok_or("no row")?])?;
    assert!(offline.starts_with("(offline") && offline.contains("[x] Milk"), "{offline}");
    let _server = place.serve(&["--listen", &address])?;
    list("ben.db", &[])?;
    assert!(list("ann.db", &["add", "Bread"])?.contains("[x] Milk"));
    let all = list("ann.db", &["add", "Eggs"])?;
    assert!(["Milk", "Bread", "Eggs"].iter().all(|title| all.contains(title)), "{all}");
    Ok(())
}

fn token(place: &Place, docs: &str, valid: &str) -> Result<String, Failure> {
    place.run(&["token", "--key", "key.json", "--subject", "ann", "--docs", docs, "--valid", valid])
}

fn with_key(place: &Place) -> Result<Server, Failure> {
    place.run(&["token", "--new-key", "key.json"])?;
    place.serve(&["--key", place.path("key.json").to_str().ok_or("a path in UTF-8")?])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_renewed_before_they_expire() -> Outcome {
    let place = Arc::new(Place::new()?);
    let server = with_key(&place)?;
    let count = Arc::new(AtomicUsize::new(0));
    let (source, counted) = (place.clone(), count.clone());
    let options = options(&place.path("client.db")).token_source(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        token(&source, "*=rwp", "3s")
    });
    let client = connect(&server.address(), "d", options).await?;
    synced(&client).await?;
    let mut status = client.status();
    let end = Instant::now() + Duration::from_secs(7);
    while let Ok(changed) = timeout(end.saturating_duration_since(Instant::now()), status.changed()).await {
        changed?;
        assert_eq!(status.borrow().connection, Connection::Online);
    }
    insert(&client, "after three tokens")?;
    synced(&client).await?;
    assert!(count.load(Ordering::Relaxed) >= 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_token_stops_the_client_and_one_for_reading_sends_nothing() -> Outcome {
    let place = Place::new()?;
    let server = with_key(&place)?;
    let wrong = connect(&server.address(), "d", Options::default().token("a.b.c")).await?;
    let status = until(&wrong, |status| status.connection == Connection::Stopped).await?;
    assert_eq!(status.problem.map(|problem| problem.reason), Some(Reason::Token));

    let writer = connect(&server.address(), "d", Options::default().token(token(&place, "*=rw", "1h")?)).await?;
    insert(&writer, "a")?;
    synced(&writer).await?;
    let reading = options(&place.path("reader.db")).token(token(&place, "*=r", "1h")?);
    let reader = connect(&server.address(), "d", reading).await?;
    has(&reader, "a").await?;
    insert(&reader, "of a reader")?;
    let status = until(&reader, |status| status.unsent == 1).await?;
    assert!(status.saved_here && !status.in_sync);
    insert(&writer, "b")?;
    has(&reader, "b").await?;
    server.get("/v1/docs/d/tables/t/of%20a%20reader").token(&token(&place, "*=r", "1h")?).empty()?.expect(404)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_server_is_a_problem_of_the_network() -> Outcome {
    let place = Place::new()?;
    // Closes every connection, and is neither a server of HTTP nor of TLS.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut socket, b"hello\r\n").await;
        }
    });
    for url in [format!("http://{address}"), format!("https://{address}"), "wss://name.invalid".to_owned()] {
        let client = Client::connect(&url, "d", options(&place.path("client.db"))).await?;
        insert(&client, &url)?;
        let status = until(&client, |status| status.problem.is_some()).await?;
        assert_eq!(status.problem.map(|problem| problem.reason), Some(Reason::Network), "{url}");
        assert!(status.saved_here);
        client.close().await?;
    }
    for wrong in ["127.0.0.1:4747", "ftp://127.0.0.1", "http://", "http://a/?b"] {
        assert!(Client::connect(wrong, "d", Options::default()).await.is_err(), "{wrong}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presence_is_seen_and_removed() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&["--presence-grace", "50ms"])?;
    let [a, b] = [
        connect(&server.address(), "d", Options::default()).await?,
        connect(&server.address(), "d", Options::default()).await?,
    ];
    a.presence(|store| store.set("cursors", "a", 7, converge::now()))?;
    let seen = |client: &Client| client.presence(|store| store.get_all("cursors")).map(|entries| entries.len());
    let start = Instant::now();
    while seen(&b)? != 1 {
        assert!(start.elapsed() < SOON, "the entry does not arrive");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    a.close().await?;
    while seen(&b)? != 0 {
        assert!(start.elapsed() < SOON, "the entry stays");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compacted_document_is_loaded_and_unsent_writes_survive() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&[])?;
    let compacted = Doc::create("other")?;
    for row in 0..100 {
        compacted.insert("t", &format!("{row:03}"), [("x", row)])?;
    }
    compacted.compact(&[compacted.summary()?])?;
    server.post("/v1/admin/docs/d/import").send(&compacted.save()?)?.expect(204)?;
    let file = place.path("client.db");
    // Written before the client knows anything of the server's document.
    let offline = connect("127.0.0.1:1", "d", options(&file)).await?;
    insert(&offline, "written offline")?;
    offline.close().await?;
    let client = connect(&server.address(), "d", options(&file)).await?;
    synced(&client).await?;
    assert_eq!(rows(&client)?.len(), 101);
    server.get("/v1/docs/d/tables/t/written%20offline").empty()?.expect(200)?;
    insert(&client, "later")?;
    synced(&client).await?;
    client.close().await?;
    place.run(&["verify", file.to_str().ok_or("a path in UTF-8")?])?;
    let offline = connect("127.0.0.1:1", "d", options(&file)).await?;
    assert_eq!(rows(&offline)?.len(), 102);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_clients_bring_back_what_the_server_lost() -> Outcome {
    let place = Place::new()?;
    let mut server = place.serve(&[])?;
    let address = server.address();
    let a = connect(&address, "d", options(&place.path("a.db"))).await?;
    insert(&a, "before the backup")?;
    synced(&a).await?;
    let (data, copy) = (place.data(), place.path("copy"));
    let path = |path: &Path| path.to_str().map(str::to_owned).ok_or("a path in UTF-8");
    place.run(&["backup", "--data", &path(&data)?, "--to", &path(&copy)?])?;
    insert(&a, "after the backup")?;
    synced(&a).await?;
    server.kill()?;
    std::fs::remove_dir_all(&data)?;
    place.run(&["restore", "--from", &path(&copy)?, "--data", &path(&data)?])?;
    let server = place.serve(&["--listen", &address, "--recover"])?;
    insert(&a, "after the restore")?;
    synced(&a).await?;
    let page = server.get("/v1/docs/d/tables/t").empty()?.expect(200)?.json()?;
    assert_eq!(page["rows"].as_array().map(Vec::len), Some(3));
    Ok(())
}
