//! Tokens, rights, origins, and the addresses of a server without keys.

use crate::{Failure, Outcome, Place, SOON, Server};
use converge::Doc;
use converge_frames::Frame;
use converge_rig::net::{Cause, Client, Replica};
use serde_json::json;
use std::time::Duration;

const KEY: &str = "key.json";

fn with_key(place: &Place) -> Result<Server, Failure> {
    place.run(&["token", "--new-key", KEY])?;
    let key = place.path(KEY);
    place.serve(&["--key", key.to_str().ok_or("a path in UTF-8")?])
}

fn token(place: &Place, subject: &str, docs: &str, more: &[&str]) -> Result<String, Failure> {
    place.run(&[&["token", "--key", KEY, "--subject", subject, "--docs", docs][..], more].concat())
}

/// Returns the close code of a connection that is refused, or 0 if it is not.
async fn code(server: &Server, document: &str, token: &str) -> Result<u64, Failure> {
    let connected = Client::connect(&server.address(), document, token, Replica::new("someone")?).await;
    Ok(connected.err().and_then(|failed| failed.cause.code()).unwrap_or(0))
}

#[tokio::test]
async fn each_right_opens_its_routes_and_no_others() -> Outcome {
    let place = Place::new()?;
    let server = with_key(&place)?;
    let admin = token(&place, "root", "*=rwpa", &[])?;
    let ops = json!({ "ops": [{ "insert": "t", "row": "r", "cells": { "a": 1 } }] });
    server.post("/v1/docs/board%2F1/commit").token(&admin).json(&ops)?.expect(200)?;
    let update = Doc::create("ann")?;
    update.insert("t", "s", [("a", 1)])?;
    let update = update.save()?;
    // For each token: the status of reading, writing and administration, and the code of a connection.
    let expired = token(&place, "ann", "*=rwpa", &["--valid", "0s"]);
    let cases = [
        (admin.clone(), [200, 200, 200], 0),
        (token(&place, "ann", "board/*=r", &[])?, [200, 403, 403], 0),
        (token(&place, "ann", "board/*=w", &[])?, [403, 200, 403], 4403),
        (token(&place, "ann", "board/*=p", &[])?, [403, 403, 403], 4403),
        (token(&place, "ann", "board/*=a", &[])?, [403, 403, 200], 4403),
        (token(&place, "ann", "other/*=rwpa", &[])?, [403, 403, 403], 4403),
        (String::new(), [401, 401, 401], 4401),
        ("a.b.c".to_owned(), [401, 401, 401], 4401),
        (format!("{}x", admin), [401, 401, 401], 4401),
        // The header and the claims of a token without a signature.
        (
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIiwiZXhwIjo5OTk5OTk5OTk5LCJkb2NzIjp7IioiOiJydyJ9fQ.".to_owned(),
            [401, 401, 401],
            4401,
        ),
    ];
    let cases = cases.into_iter().chain(expired.ok().map(|token| (token, [401, 401, 401], 4401)));
    for (token, [read, write, administer], close) in cases {
        let board = |route: &str| format!("/v1/docs/board%2F1{route}");
        for route in ["", "/tables", "/tables/t", "/tables/t/r", "/changes?after=0"] {
            if !(route.starts_with("/changes") && read == 200) {
                server.get(&board(route)).token(&token).empty()?.expect(read)?;
            }
        }
        server.post(&board("/pull")).token(&token).empty()?.expect(read)?;
        server.post(&board("/push")).token(&token).send(&update)?.expect(write)?;
        server.post(&board("/commit")).token(&token).json(&ops)?.expect(write)?;
        server.get("/v1/admin/docs/board%2F1/export").token(&token).empty()?.expect(administer)?;
        server.post("/v1/admin/docs/board%2F1/disconnect").token(&token).empty()?.expect(administer)?;
        for (method, route) in [("DELETE", ""), ("POST", "/undelete"), ("POST", "/forget"), ("POST", "/import")] {
            if administer != 200 {
                server
                    .request(method, &format!("/v1/admin/docs/board%2F1{route}"))
                    .token(&token)
                    .empty()?
                    .expect(administer)?;
            }
        }
        let listed = server.get("/v1/docs").token(&token).empty()?;
        assert_eq!(listed.status, if read == 401 { 401 } else { 200 });
        if listed.status == 200 {
            let names = listed.json()?["documents"].as_array().map_or(0, Vec::len);
            assert_eq!(names, usize::from(read == 200));
        }
        assert_eq!(code(&server, "board/1", &token).await?, close, "{token}");
    }
    // A reader cannot create a document, and a writer can.
    assert_eq!(code(&server, "board/2", &token(&place, "ann", "board/*=r", &[])?).await?, 4404);
    assert_eq!(code(&server, "board/2", &token(&place, "ann", "board/*=rw", &[])?).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_reader_sees_everything_and_changes_nothing() -> Outcome {
    let place = Place::new()?;
    let server = with_key(&place)?;
    let (all, reading) = (token(&place, "ann", "*=rwp", &[])?, token(&place, "ben", "*=r", &[])?);
    let mut ann = server.connect("d", &all, "ann").await?;
    let mut ben = server.connect("d", &reading, "ben").await?;
    assert!(ann.welcome().write && ann.welcome().presence && ann.welcome().full_sync);
    assert!(!ben.welcome().write && !ben.welcome().presence);
    ben.doc().insert("t", "b", [("x", 1)])?;
    ben.store().set("cursor", "ben", 1, converge::now())?;
    ann.doc().insert("t", "a", [("x", 1)])?;
    ann.settle(SOON).await?;
    while ben.doc().get("t", "a")?.is_none() {
        ben.pump(Duration::from_secs(1)).await?;
    }
    ann.pump(Duration::from_millis(100)).await?;
    assert!(ann.doc().get("t", "b")?.is_none());
    assert!(ann.store().get("cursor", "ben")?.is_none());
    Ok(())
}

#[tokio::test]
async fn events_and_presence_of_others_are_not_accepted_from_a_token_with_peers() -> Outcome {
    let place = Place::new()?;
    let server = with_key(&place)?;
    let prefixed = token(&place, "ann", "*=rwp", &["--peers", "ann."])?;
    let mut watcher = server.connect("d", &token(&place, "root", "*=rwp", &[])?, "root").await?;
    for (peer, accepted) in [("ann.1", true), ("ben.1", false)] {
        let mut client = server.connect("d", &prefixed, peer).await?;
        client.store().set("cursor", peer, 1, converge::now())?;
        client.doc().insert("t", peer, [("x", 1)])?;
        let settled = client.settle(SOON).await;
        let code = settled.as_ref().err().and_then(|cause| cause.code());
        assert_eq!(code, if accepted { None } else { Some(4403) }, "{peer}: {settled:?}");
        while watcher.pump(Duration::from_millis(200)).await?.messages > 0 {}
        assert_eq!(watcher.doc().get("t", peer)?.is_some(), accepted);
        assert_eq!(watcher.store().get("cursor", peer)?.is_some(), accepted);
    }
    // The same over HTTP.
    let ben = Doc::create("ben")?;
    ben.insert("t", "pushed", [("x", 1)])?;
    server.post("/v1/docs/d/push").token(&prefixed).send(&ben.save()?)?.expect(403)?;
    server.get("/v1/docs/d/tables/t/pushed").token(&prefixed).empty()?.expect(404)?;
    Ok(())
}

#[test]
fn a_server_that_recovers_takes_events_of_all_authors() -> Outcome {
    let place = Place::new()?;
    let server = with_key(&place)?;
    let (ann, reader) = (token(&place, "ann", "*=rw", &["--peers", "ann."])?, token(&place, "ben", "*=r", &[])?);
    let lost = Doc::create("ben.1")?;
    lost.insert("t", "lost", [("x", 1)])?;
    let push = |server: &Server, token: &str| server.post("/v1/docs/d/push").token(token).send(&lost.save()?);
    push(&server, &ann)?.expect(403)?;
    drop(server);
    let key = place.path(KEY);
    let server = place.serve(&["--recover", "--key", key.to_str().ok_or("a path in UTF-8")?])?;
    push(&server, &reader)?.expect(403)?;
    push(&server, &ann)?.expect(200)?;
    server.get("/v1/docs/d/tables/t/lost").token(&reader).empty()?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn a_forged_document_of_a_client_is_refused() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&[])?;
    let mut ann = server.connect("d", "", "ann").await?;
    ann.doc().insert("t", "a", [("x", 1)])?;
    ann.settle(SOON).await?;
    let digest = ann.doc().digest()?;
    // A horizon that the server does not have: only the saved document could bring it there. The
    // session ends at the client or at the server, whichever finds out first.
    let forger = Replica::new("forger")?;
    forger.doc.insert("t", "forged", [("x", 1)])?;
    forger.doc.compact(&[forger.doc.summary()?])?;
    let forged = forger.doc.save()?;
    let mut forger = Client::connect(&server.address(), "d", "", forger).await.map_err(|failed| failed.to_string())?;
    let refused = forger.settle(SOON).await;
    let is_refused = match &refused {
        Err(Cause::Engine(converge::Error::Compacted(_))) => true,
        other => other.as_ref().err().and_then(Cause::code) == Some(4409),
    };
    assert!(is_refused, "{refused:?}");
    let pushed = server.post("/v1/docs/d/push").send(&forged)?.expect(409)?.json()?;
    assert_eq!(pushed["horizon"], json!({ "forger": 1 }));
    let saved = server.get("/v1/docs/d").empty()?.expect(200)?;
    assert_eq!(Doc::load("ben", &saved.body)?.digest()?, digest);
    Ok(())
}

#[tokio::test]
async fn a_connection_ends_with_its_token_unless_a_new_one_comes() -> Outcome {
    let place = Place::new()?;
    let server = with_key(&place)?;
    let short = || token(&place, "ann", "*=rw", &["--valid", "4s"]);
    let mut ends = server.connect("d", &short()?, "a").await?;
    let mut stays = server.connect("d", &short()?, "b").await?;
    stays.send_frame(&Frame::Token(token(&place, "ann", "*=rw", &["--valid", "1h"])?)).await?;
    let mut changes = server.connect("d", &short()?, "c").await?;
    changes.send_frame(&Frame::Token(token(&place, "ben", "*=rw", &["--valid", "1h"])?)).await?;
    let end = async |client: &mut Client| loop {
        match client.pump(Duration::from_secs(6)).await {
            Err(cause) => break cause.code(),
            Ok(pumped) if pumped.messages == 0 => break None,
            Ok(_) => {}
        }
    };
    assert_eq!(end(&mut changes).await, Some(4401), "another subject");
    assert_eq!(end(&mut ends).await, Some(4401));
    assert_eq!(end(&mut stays).await, None);
    Ok(())
}

#[test]
fn without_a_key_only_this_machine_is_served() -> Outcome {
    let place = Place::new()?;
    for address in ["0.0.0.0:0", "[::]:0"] {
        let refused = place.run(&["serve", "--data", "data", "--listen", address]);
        let why = refused.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(why.contains("--anonymous"), "{address}: {why}");
    }
    assert!(!place.data().exists(), "nothing was created");
    let server = place.serve(&[])?;
    // Another name for this machine, as a page of a foreign site would use.
    server.get("/v1/docs").header("host", "rebound.example.com:4747").empty()?.expect(403)?;
    server.get("/v1/docs").header("host", "localhost:4747").empty()?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&["--origin", "https://app.example.com"])?;
    let own = format!("http://{}", server.address());
    for (origin, status) in
        [("https://evil.example.com", 403), ("null", 403), ("https://app.example.com", 200), (&own, 200)]
    {
        let answer = server.get("/v1/docs").header("origin", origin).empty()?;
        assert_eq!(answer.status, status, "{origin}");
        let opened = converge_rig::net::raw(
            &server.address(),
            "/v1/docs/d/sync",
            &[("sec-websocket-protocol", "converge.v1"), ("origin", origin)],
        )
        .await;
        assert_eq!(opened.is_ok(), status == 200, "{origin}");
    }
    let allowed = server.get("/v1/docs").header("origin", "https://app.example.com").empty()?;
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example.com");
    let asked = server.request("OPTIONS", "/v1/docs/d/commit").header("origin", "https://app.example.com");
    let asked = asked.header("access-control-request-method", "POST").empty()?;
    assert_eq!(asked.header("access-control-allow-origin"), "https://app.example.com");
    Ok(())
}
