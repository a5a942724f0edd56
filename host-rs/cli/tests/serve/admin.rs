//! Deletion, restoration, import, backup; bounds on open documents.

use crate::{Failure, Outcome, Place, SOON, Server};
use converge::Doc;
use converge_rig::net::{Client, Replica};
use serde_json::json;
use std::time::Duration;

fn insert(row: &str) -> serde_json::Value {
    json!({ "ops": [{ "insert": "t", "row": row, "cells": { "x": 1 } }] })
}

/// Returns the code with which the server closes a connection.
async fn closed(client: &mut Client) -> Result<u64, Failure> {
    for _ in 0..100 {
        if let Err(cause) = client.pump(Duration::from_millis(200)).await {
            return cause.code().ok_or_else(|| format!("{cause}").into());
        }
    }
    Err("the connection was not closed".into())
}

async fn refused(server: &Server, document: &str, replica: Replica) -> Result<(u64, Replica), Failure> {
    match Client::connect(&server.address(), document, "", replica).await {
        Ok(_) => Err("the connection was accepted".into()),
        Err(failed) => Ok((failed.cause.code().ok_or("no code")?, *failed.replica)),
    }
}

#[tokio::test]
async fn a_deleted_document_stays_deleted_when_an_offline_client_returns() -> Outcome {
    let place = Place::new()?;
    let mut server = place.serve(&["--presence-grace", "50ms"])?;
    let mut online = server.connect("d", "", "online").await?;
    let mut offline = server.connect("d", "", "offline").await?;
    offline.doc().insert("t", "a", [("x", 1)])?;
    offline.settle(SOON).await?;
    let offline = offline.into_replica();
    offline.doc.insert("t", "written offline", [("x", 1)])?;

    let admin = |method, route: &str| server.request(method, &format!("/v1/admin/docs/d{route}")).empty();
    admin("DELETE", "")?.expect(204)?;
    assert_eq!(closed(&mut online).await?, 4410);
    let (code, offline) = refused(&server, "d", offline).await?;
    assert_eq!(code, 4410);
    assert_eq!(offline.doc.scan("t", &Default::default())?.rows.len(), 2, "the client keeps its data");
    for (method, route) in [("GET", ""), ("POST", "/pull"), ("POST", "/push"), ("GET", "/tables")] {
        server.request(method, &format!("/v1/docs/d{route}")).empty()?.expect(410)?;
    }
    server.post("/v1/docs/d/commit").json(&insert("b"))?.expect(410)?;
    server.post("/v1/admin/docs/d/import").send(&offline.doc.save()?)?.expect(410)?;
    // Also after a restart.
    server.kill()?;
    let server = place.serve(&[])?;
    let (code, offline) = refused(&server, "d", offline).await?;
    assert_eq!(code, 4410);
    let listed = server.get("/v1/admin/docs?deleted=true").empty()?.expect(200)?.json()?;
    assert_eq!((&listed["documents"][0]["name"], &listed["more"]), (&json!("d"), &json!(false)), "{listed}");
    let age = converge::now() - listed["documents"][0]["deletedAt"].as_f64().ok_or("no time")?;
    assert!((0.0..60_000.0).contains(&age), "{age}");
    assert_eq!(server.get("/v1/admin/docs").empty()?.expect(200)?.json()?["documents"], json!([]));
    server.get("/v1/docs?deleted=true").empty()?.expect(400)?;
    // Restored, it accepts the writes of the meantime.
    let admin = |method, route: &str| server.request(method, &format!("/v1/admin/docs/d{route}")).empty();
    admin("POST", "/undelete")?.expect(204)?;
    let connected = Client::connect(&server.address(), "d", "", offline).await;
    let mut client = connected.map_err(|failed| failed.to_string())?;
    client.settle(SOON).await?;
    server.get("/v1/docs/d/tables/t/written%20offline").empty()?.expect(200)?;
    // Forgotten, its name is free for another document.
    let incarnation = client.welcome().incarnation.clone();
    admin("DELETE", "")?.expect(204)?;
    admin("POST", "/forget")?.expect(204)?;
    admin("POST", "/forget")?.expect(404)?;
    server.get("/v1/docs/d").empty()?.expect(404)?;
    let fresh = server.connect("d", "", "fresh").await?;
    assert_ne!(fresh.welcome().incarnation, incarnation);
    Ok(())
}

#[tokio::test]
async fn an_import_replaces_the_document_and_its_incarnation() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&[])?;
    let mut client = server.connect("d", "", "client").await?;
    client.doc().insert("t", "old", [("x", 1)])?;
    client.settle(SOON).await?;
    let other = Doc::create("other")?;
    other.insert("u", "new", [("x", 2)])?;
    server.post("/v1/admin/docs/d/import").send(b"damaged")?.expect(400)?;
    server.get("/v1/docs/d/tables/t/old").empty()?.expect(200)?;
    server.post("/v1/admin/docs/d/import").send(&other.save()?)?.expect(204)?;
    assert_eq!(closed(&mut client).await?, 1012);
    let again = server.connect("d", "", "again").await?;
    assert_ne!(again.welcome().incarnation, client.welcome().incarnation);
    let exported = server.get("/v1/admin/docs/d/export").empty()?.expect(200)?;
    assert_eq!(Doc::load("x", &exported.body)?.digest()?, other.digest()?);
    server.get("/v1/docs/d/tables/t/old").empty()?.expect(404)?;
    // The mirror tables are those of the new document.
    drop(server);
    let file = place.file("d")?;
    assert!(place.run(&["verify", file.to_str().ok_or("a path in UTF-8")?])?.contains("1 rows, 0 differ"));
    // An import creates a document too.
    let server = place.serve(&[])?;
    server.post("/v1/admin/docs/e/import").send(&other.save()?)?.expect(204)?;
    server.get("/v1/docs/e/tables/u/new").empty()?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn after_a_restored_backup_clients_bring_back_what_they_have() -> Outcome {
    let place = Place::new()?;
    let mut server = place.serve(&[])?;
    let (mut ann, mut ben) = (server.connect("d", "", "ann").await?, server.connect("d", "", "ben").await?);
    ann.doc().insert("t", "before", [("x", 1)])?;
    ann.settle(SOON).await?;
    let commit =
        |server: &Server, row: &str| server.post("/v1/docs/d/commit").json(&insert(row))?.expect(200).map(drop);
    commit(&server, "home before")?;
    place.run(&["backup", "--data", "data", "--to", "copy"])?;
    // What is written now is not in the backup: by two clients and by the server itself.
    ann.doc().insert("t", "ann after", [("x", 1)])?;
    ann.settle(SOON).await?;
    commit(&server, "home after")?;
    while ben.doc().get("t", "home after")?.is_none() || ben.doc().get("t", "ann after")?.is_none() {
        ben.pump(Duration::from_secs(1)).await?;
    }
    server.kill()?;
    place.run(&["restore", "--from", "copy", "--data", "restored"])?;
    let server = Server::start(&place.path("restored"), &["--recover"])?;
    commit(&server, "home again")?;
    // Ben has everything and is nobody's author; ann returns later.
    for client in [ben, ann] {
        let incarnation = client.welcome().incarnation.clone();
        let client = Client::connect(&server.address(), "d", "", client.into_replica()).await;
        let mut client = client.map_err(|failed| failed.to_string())?;
        assert_eq!(client.welcome().incarnation, incarnation, "it is the same document");
        client.settle(SOON).await?;
        let saved = server.get("/v1/docs/d").empty()?.expect(200)?;
        let doc = Doc::load("x", &saved.body)?;
        assert_eq!(doc.scan("t", &Default::default())?.rows.len(), 5);
        assert_eq!(doc.digest()?, client.doc().digest()?);
    }
    Ok(())
}

#[tokio::test]
async fn an_administrator_lists_and_disconnects() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&[])?;
    let mut client = server.connect("d", "", "ann").await?;
    client.settle(SOON).await?;
    let list = server.get("/v1/admin/docs").empty()?.expect(200)?.json()?;
    let document = &list["documents"][0];
    assert_eq!(
        (&document["name"], &document["open"], &document["connections"]),
        (&json!("d"), &json!(true), &json!(1))
    );
    assert!(document["memoryBytes"].as_u64().is_some_and(|bytes| bytes > 0), "{list}");
    let answer = server.post("/v1/admin/docs/d/disconnect?subject=nobody").empty()?.expect(200)?;
    assert_eq!(answer.json()?, json!({ "disconnected": 0 }));
    let answer = server.post("/v1/admin/docs/d/disconnect").empty()?.expect(200)?;
    assert_eq!(answer.json()?, json!({ "disconnected": 1 }));
    assert_eq!(closed(&mut client).await?, 4403);
    Ok(())
}

#[test]
fn two_servers_cannot_use_one_directory() -> Outcome {
    let place = Place::new()?;
    let _server = place.serve(&[])?;
    let second = place.serve(&[]).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(second.contains("another process uses it"), "{second}");
    Ok(())
}

#[tokio::test]
async fn idle_documents_make_room_for_others() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&["--max-documents", "8"])?;
    let _open = server.connect("open", "", "ann").await?;
    for number in 0..40 {
        server.post(&format!("/v1/docs/d{number}/commit")).json(&insert("r"))?.expect(200)?;
    }
    for number in 0..40 {
        server.get(&format!("/v1/docs/d{number}/tables/t/r")).empty()?.expect(200)?;
    }
    // Documents that are in use are not closed.
    let mut clients = Vec::new();
    for number in 0..7 {
        clients.push(server.connect(&format!("d{number}"), "", "ann").await?);
    }
    server.get("/v1/docs/d30").empty()?.expect(503)?;
    assert_eq!(refused(&server, "d31", Replica::new("x")?).await?.0, 1013);
    drop(clients.pop());
    server.until("a document is closed", || Ok(server.get("/v1/docs/d30").empty()?.status == 200))
}
