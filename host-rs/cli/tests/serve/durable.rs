//! What was acknowledged is there: after kills, failing writes, and at the end of the process.

use crate::{Failure, Outcome, Place, SOON, Server};
use converge::{Digest, Doc};
use converge_rig::net::{Client, Replica};
use serde_json::json;
use std::collections::BTreeSet;
use std::env;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How often the server is killed; `just faults` sets more.
fn kills() -> u32 {
    env::var("CONVERGE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(50)
}

/// Writes rows until it is told to stop or loses the connection. Adds to `acknowledged` the rows
/// whose events the server acknowledged.
async fn write(
    server: String,
    document: String,
    mut replica: Replica,
    mut acknowledged: BTreeSet<String>,
    mut stop: oneshot::Receiver<()>,
) -> Result<(Replica, BTreeSet<String>), Failure> {
    let peer = replica.doc.peer()?;
    let mut client = match Client::connect(&server, &document, "", replica).await {
        Ok(client) => client,
        Err(failed) => return Ok((*failed.replica, acknowledged)),
    };
    let mut written = client.doc().version()?.iter().find(|known| known.peer == peer).map_or(0, |known| known.count);
    loop {
        let counts = client.acknowledged()?;
        let count = counts.iter().find(|known| known.peer == peer).map_or(0, |known| known.count);
        acknowledged.extend((0..count).map(|number| format!("{peer} {number}")));
        if stop.try_recv().is_ok() {
            break;
        }
        if written < count + 8 {
            client.doc().insert("acks", &format!("{peer} {written}"), [("number", i64::from(written))])?;
            written += 1;
        }
        if client.pump(Duration::from_millis(1)).await.is_err() {
            break;
        }
    }
    replica = client.into_replica();
    Ok((replica, acknowledged))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_many_points_the_server_loses_nothing_that_it_acknowledged() -> Outcome {
    const WRITERS: usize = 4;
    let place = Place::new()?;
    let kills = kills();
    let mut server = place.serve(&[])?;
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        writers.push((Replica::new(&format!("w{number}"))?, BTreeSet::new()));
    }
    let mut rows = BTreeSet::new();
    for kill in 0..kills {
        let mut running = Vec::new();
        for (number, (replica, acknowledged)) in writers.drain(..).enumerate() {
            let (stop, stopped) = oneshot::channel();
            let document = format!("d{}", number % 2);
            running.push((stop, tokio::spawn(write(server.address(), document, replica, acknowledged, stopped))));
        }
        // From before the first message to after many.
        tokio::time::sleep(Duration::from_millis(u64::from(kill * 37 % 101) + 5)).await;
        server.kill()?;
        for (stop, task) in running {
            let _ = stop.send(());
            writers.push(task.await??);
        }
        server = place.serve(&[])?;
        for document in ["d0", "d1"] {
            let answer = server.get(&format!("/v1/docs/{document}")).empty()?;
            if answer.status == 200 {
                let doc = Doc::load("reader", &answer.body)?;
                for row in doc.rows("acks", Default::default()) {
                    rows.insert(row?.id);
                }
            }
        }
        for (replica, acknowledged) in &writers {
            let missing: Vec<_> = acknowledged.difference(&rows).take(3).collect();
            assert!(missing.is_empty(), "kill {kill}, {}: {missing:?}", replica.doc.peer()?);
        }
        if kill % 50 == 49 {
            eprintln!("{} kills, {} rows", kill + 1, rows.len());
        }
    }
    assert!(rows.len() > kills as usize * 4, "{} rows", rows.len());
    // Everybody agrees at the end.
    let mut digests = Vec::<(usize, Digest)>::new();
    let mut clients = Vec::new();
    for (number, (replica, _)) in writers.into_iter().enumerate() {
        let client = Client::connect(&server.address(), &format!("d{}", number % 2), "", replica).await;
        clients.push(client.map_err(|failed| failed.to_string())?);
    }
    for _ in 0..2 {
        for client in &mut clients {
            client.settle(SOON).await?;
        }
    }
    for (number, client) in clients.iter_mut().enumerate() {
        while client.pump(Duration::from_millis(100)).await?.messages > 0 {}
        digests.push((number % 2, client.doc().digest()?));
    }
    for (document, digest) in digests {
        let saved = server.get(&format!("/v1/docs/d{document}")).empty()?.expect(200)?;
        assert_eq!(Doc::load("reader", &saved.body)?.digest()?, digest, "d{document}");
    }
    drop(server);
    for document in ["d0", "d1"] {
        let file = place.file(document)?;
        place.run(&["verify", file.to_str().ok_or("a path in UTF-8")?])?;
    }
    Ok(())
}

/// Returns whether a program is installed that causes faults. In CI it must be.
pub(crate) fn has(program: &str) -> bool {
    let is_installed = Command::new(program).arg("--version").output().is_ok();
    assert!(is_installed || env::var_os("CI").is_none(), "{program} is not installed");
    if !is_installed {
        eprintln!("{program} is not installed: left out");
    }
    is_installed
}

#[test]
fn no_acknowledgement_is_sent_before_the_commit_is_synced() -> Outcome {
    if !has("strace") {
        return Ok(());
    }
    let place = Place::new()?;
    let trace = place.path("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-q", "-y", "-s", "64", "-e", "trace=fdatasync,sendto,recvfrom,write,read,writev", "-o"]);
    command.arg(&trace).arg(env!("CARGO_BIN_EXE_converge"));
    let mut server = Server::of(command, &place.data(), &[])?;
    for row in 0..20 {
        let ops = json!({ "ops": [{ "insert": "t", "row": row.to_string(), "cells": { "x": 1 } }] });
        server.post("/v1/docs/d/commit").json(&ops)?.expect(200)?;
    }
    server.child.kill()?;
    server.end()?;
    // Every request to commit is followed by a sync that returned, and only then by its response.
    let (mut waiting, mut synced, mut responses) = (false, false, 0);
    for line in std::fs::read_to_string(&trace)?.lines() {
        if line.contains("POST /v1/docs/d/commit") {
            (waiting, synced) = (true, false);
        } else if line.contains("fdatasync") && line.trim_end().ends_with("= 0") {
            synced = true;
        } else if line.contains("HTTP/1.1 200 OK") {
            assert!(waiting && synced, "response {responses} before a sync: {line}");
            (waiting, responses) = (false, responses + 1);
        }
    }
    assert_eq!(responses, 20);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_writers_alone_and_until_there_is_space() -> Outcome {
    if !has("strace") {
        return Ok(());
    }
    let place = Place::new()?;
    let server = place.serve(&[])?;
    let ops = |row: &str| json!({ "ops": [{ "insert": "t", "row": row, "cells": { "x": 1 } }] });
    let commit = |row: &str| server.post("/v1/docs/d/commit").json(&ops(row));
    commit("before")?.expect(200)?;
    let mut reader = server.connect("d", "", "reader").await?;
    reader.settle(SOON).await?;
    let mut writer = server.connect("d", "", "writer").await?;
    writer.settle(SOON).await?;

    // Every write to a file fails from now on.
    let mut fault = Command::new("strace");
    fault.args(["-f", "-q", "-o", "/dev/null", "-e", "trace=pwrite64", "-e", "inject=pwrite64:error=ENOSPC", "-p"]);
    let mut fault = fault.arg(server.child.id().to_string()).spawn()?;
    let start = Instant::now();
    let full = loop {
        let answer = commit("full")?;
        if answer.status != 200 {
            break answer.status;
        }
        assert!(start.elapsed() < SOON, "strace does not take effect");
    };
    assert_eq!(full, 507);
    writer.doc().insert("t", "not acknowledged", [("x", 1)])?;
    let settled = writer.settle(SOON).await;
    assert_eq!(settled.as_ref().err().and_then(|cause| cause.code()), Some(4413), "{settled:?}");
    // Reading continues, and the reader stays connected.
    server.get("/v1/docs/d/tables/t/before").empty()?.expect(200)?;
    server.get("/readyz").empty()?.expect(503)?;
    reader.pump(Duration::from_millis(200)).await?;
    assert!(reader.doc().get("t", "not acknowledged")?.is_none());

    // There is space again.
    let status = Command::new("kill").args(["-INT", &fault.id().to_string()]).status()?;
    assert!(status.success());
    fault.wait()?;
    let after = loop {
        let answer = commit("after")?;
        if answer.status == 200 {
            break answer;
        }
        assert!(start.elapsed() < SOON * 2, "the server does not recover: {}", server.log());
    };
    assert!(after.json()?["event"].is_object());
    server.get("/readyz").empty()?.expect(200)?;
    let writer = Client::connect(&server.address(), "d", "", writer.into_replica()).await;
    let mut writer = writer.map_err(|failed| failed.to_string())?;
    writer.settle(SOON).await?;
    while reader.doc().get("t", "not acknowledged")?.is_none() {
        reader.pump(Duration::from_secs(1)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_clock_can_jump_by_decades() -> Outcome {
    if !has("faketime") {
        return Ok(());
    }
    let place = Place::new()?;
    let clock = place.path("clock");
    std::fs::write(&clock, "+0")?;
    // The program faketime does not pass signals on, so it only says what its library is.
    let library = Command::new("faketime").args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"]).output()?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_converge"));
    command.env("LD_PRELOAD", String::from_utf8(library.stdout)?.trim());
    command.env("FAKETIME_TIMESTAMP_FILE", &clock).env("FAKETIME_NO_CACHE", "1");
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let mut server = Server::of(command, &place.data(), &["--presence-grace", "50ms"])?;
    let mut client = server.connect("d", "", "client").await?;
    let mut events = BTreeSet::new();
    for (number, jump) in ["+0", "+100y", "-30y", "+0"].iter().enumerate() {
        std::fs::write(&clock, jump)?;
        client.doc().insert("t", &number.to_string(), [("x", 1)])?;
        client.settle(SOON).await?;
        let ops = json!({ "ops": [{ "insert": "u", "row": number.to_string(), "cells": { "x": 1 } }] });
        let commit = server.post("/v1/docs/d/commit").header("idempotency-key", "k").json(&ops)?.expect(200)?;
        events.insert(commit.json()?["event"].to_string());
    }
    assert_eq!(events.len(), 1, "the key is known in every year");
    let file = rusqlite::Connection::open(place.file("d")?)?;
    let span = "SELECT (max(at) - min(at)) / 86400000 / 365 FROM _converge_updates";
    assert!(file.query_row(span, [], |row| row.get::<_, i64>(0))? >= 100, "the clock did not jump");
    drop(file);
    server.signal("TERM")?;
    server.end()?;
    let server = place.serve(&[])?;
    let page = server.get("/v1/docs/d/tables").empty()?.expect(200)?.json()?;
    assert_eq!(page, json!({ "tables": [{ "table": "t", "rows": 4 }, { "table": "u", "rows": 1 }] }));
    Ok(())
}

#[tokio::test]
async fn a_damaged_file_is_reported_and_others_are_served() -> Outcome {
    let place = Place::new()?;
    let mut server = place.serve(&[])?;
    for name in ["bad", "good"] {
        let ops = json!({ "ops": [{ "insert": "t", "row": "r", "cells": { "x": 1 } }] });
        server.post(&format!("/v1/docs/{name}/commit")).json(&ops)?.expect(200)?;
    }
    server.signal("TERM")?;
    server.end()?;
    let file = place.file("bad")?;
    let update = rusqlite::Connection::open(&file)?;
    update.execute("UPDATE _converge_updates SET bytes = zeroblob(length(bytes))", [])?;
    drop(update);
    let before = std::fs::read(&file)?;
    let empty = place.data().join("docs/2e");
    std::fs::create_dir_all(&empty)?;
    std::fs::write(empty.join("empty.db"), [])?;
    let server = place.serve(&[])?;
    for _ in 0..3 {
        server.get("/v1/docs/bad").empty()?.expect(503)?;
        server.get("/v1/docs/empty").empty()?.expect(503)?;
        server.get("/v1/docs/good/tables/t/r").empty()?.expect(200)?;
    }
    let log = server.log();
    assert!(log.contains("bad.db") && log.contains("empty.db"), "{log}");
    let names = server.get("/v1/docs").empty()?.expect(200)?.json()?;
    assert_eq!(names["documents"], json!(["bad", "empty", "good"]));
    server.get("/readyz").empty()?.expect(200)?;
    drop(server);
    assert_eq!(std::fs::read(&file)?, before, "the damaged file is unchanged");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminated_server_says_goodbye_and_has_stored_everything() -> Outcome {
    let place = Place::new()?;
    let mut server = place.serve(&[])?;
    let mut clients = Vec::new();
    for number in 0..8 {
        let mut client = server.connect(&format!("d{}", number % 3), "", &format!("c{number}")).await?;
        client.doc().insert("t", &number.to_string(), [("x", 1)])?;
        client.settle(SOON).await?;
        clients.push(client);
    }
    let start = Instant::now();
    server.signal("TERM")?;
    for client in &mut clients {
        let cause = loop {
            if let Err(cause) = client.pump(Duration::from_secs(1)).await {
                break cause;
            }
        };
        assert_eq!(cause.code(), Some(1012), "{cause}");
    }
    assert!(server.end()?.success());
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(!place.file("d0")?.with_extension("db-wal").exists(), "the log of SQLite is written into the file");
    let server = place.serve(&[])?;
    for number in 0..8 {
        server.get(&format!("/v1/docs/d{}/tables/t/{number}", number % 3)).empty()?.expect(200)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_programs_read_the_tables_while_the_server_writes() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&[])?;
    let mut writer = server.connect("d", "", "writer").await?;
    let replica = writer.replica();
    replica.doc.insert("tasks", "t0", [("number", 0)])?;
    writer.settle(SOON).await?;
    let reader = rusqlite::Connection::open(place.file("d")?)?;
    for number in 1..=200_i64 {
        writer.doc().insert("tasks", &format!("t{number}"), [("number", number)])?;
        writer.settle(SOON).await?;
        let count: i64 = reader.query_row("SELECT count(*) FROM tasks", [], |row| row.get(0))?;
        assert_eq!(count, number + 1);
        let max: i64 = reader.query_row("SELECT max(number) FROM tasks", [], |row| row.get(0))?;
        assert_eq!(max, number);
    }
    let metrics = String::from_utf8(server.get("/metrics").empty()?.expect(200)?.body)?;
    let wal = metrics.lines().find_map(|line| line.strip_prefix("converge_wal_bytes ")).ok_or("no gauge")?;
    assert!(wal.parse::<u64>()? > 4_096, "{wal}");
    let refused = reader.execute("UPDATE tasks SET number = 7", []).err().map(|error| error.to_string());
    assert!(refused.as_ref().is_some_and(|why| why.contains("converge_write")), "{refused:?}");
    Ok(())
}
