//! Many clients and many documents: memory that does not grow, and clients that all come back.

use crate::{Failure, Outcome, Place, SOON, Server};
use converge_rig::net::{Client, Replica};
use serde_json::json;
use std::env;
use std::time::{Duration, Instant};

/// How long documents are opened and closed; `just faults` sets an hour.
fn churn_time() -> Duration {
    let seconds = env::var("CONVERGE_CHURN_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(8))
}

/// How many names without documents are asked for; `just faults` sets 20,000.
fn names() -> usize {
    env::var("CONVERGE_NAMES").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

#[test]
fn names_that_are_asked_for_cost_nothing_and_closed_documents_leave_nothing() -> Outcome {
    const DOCUMENTS: usize = 200;
    let place = Place::new()?;
    let server = place.serve(&["--max-documents", "50", "--idle-timeout", "500ms"])?;
    let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build());
    let get = |path: &str| -> Result<u16, Failure> {
        Ok(agent.get(format!("http://{}{path}", server.address)).call()?.status().as_u16())
    };
    for name in 0..names() {
        assert_eq!(get(&format!("/v1/docs/unknown{name}"))?, 404);
    }
    assert_eq!(server.get("/v1/docs").empty()?.expect(200)?.json()?["documents"], json!([]));
    for document in 0..DOCUMENTS {
        let ops = json!({ "ops": [{ "insert": "t", "row": "r", "cells": { "x": document } }] });
        server.post(&format!("/v1/docs/d{document}/commit")).json(&ops)?.expect(200)?;
    }
    let round = |from: usize| -> Outcome {
        (0..DOCUMENTS).try_for_each(|document| {
            let document = (document * 7 + from) % DOCUMENTS;
            match get(&format!("/v1/docs/d{document}/tables/t/r"))? {
                200 => Ok(()),
                status => Err(format!("d{document}: {status}").into()),
            }
        })
    };
    // In the first half, allocators and threads take the memory that they keep.
    let (start, time, mut rounds, mut before) = (Instant::now(), churn_time(), 0, None);
    while start.elapsed() < time {
        round(rounds)?;
        rounds += 1;
        if before.is_none() && start.elapsed() > time / 2 {
            before = Some(server.memory()?);
        }
        if rounds % 1_000 == 0 {
            eprintln!("{} rounds, {} MiB", rounds, server.memory()? >> 20);
        }
    }
    let (before, after) = (before.ok_or("a round takes half of the time")?, server.memory()?);
    assert!(after < before + before / 20 + (8 << 20), "{before} bytes grew to {after} in {rounds} rounds");
    // Without use, all are closed.
    server.until("documents are closed", || {
        let metrics = String::from_utf8(server.get("/metrics").empty()?.expect(200)?.body)?;
        Ok(metrics.contains("converge_documents 0"))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_all_clients_come_back_at_once() -> Outcome {
    const CLIENTS: usize = 200;
    let place = Place::new()?;
    let mut server = place.serve(&[])?;
    let mut replicas = Vec::new();
    for number in 0..CLIENTS {
        let mut client = server.connect("d", "", &format!("c{number}")).await?;
        client.settle(SOON).await?;
        replicas.push(client.into_replica());
    }
    server.kill()?;
    let server = place.serve(&[])?;
    let back = async |server: &Server, replica: Replica| -> Result<Replica, Failure> {
        replica.doc.insert("t", &replica.doc.peer()?, [("x", 1)])?;
        let connected = Client::connect(&server.address(), "d", "", replica).await;
        let mut client = connected.map_err(|failed| failed.to_string())?;
        client.settle(SOON).await?;
        Ok(client.into_replica())
    };
    let start = Instant::now();
    let all: Vec<_> = replicas.into_iter().map(|replica| back(&server, replica)).collect();
    futures_util::future::try_join_all(all).await?;
    let time = start.elapsed();
    assert!(time < SOON, "{time:?}");
    let page = server.get("/v1/docs/d/tables/t").empty()?.expect(200)?.json()?;
    assert_eq!(page["rows"].as_array().map(Vec::len), Some(CLIENTS));
    Ok(())
}

#[tokio::test]
async fn ten_thousand_offline_commits_are_no_flood() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&[])?;
    let replica = Replica::new("ann")?;
    for row in 0..10_000_i64 {
        replica.doc.insert("t", &row.to_string(), [("number", row)])?;
    }
    let client = Client::connect(&server.address(), "d", "", replica).await;
    let mut client = client.map_err(|failed| failed.to_string())?;
    client.settle(SOON).await?;
    let tables = server.get("/v1/docs/d/tables").empty()?.expect(200)?.json()?;
    assert_eq!(tables, json!({ "tables": [{ "table": "t", "rows": 10_000 }] }));
    Ok(())
}

#[tokio::test]
async fn the_memory_of_open_documents_is_bounded() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&["--max-memory-bytes", "6MiB"])?;
    let mut clients = Vec::new();
    let refused = loop {
        let document = format!("d{}", clients.len());
        match Client::connect(&server.address(), &document, "", Replica::new("ann")?).await {
            Ok(client) => clients.push(client),
            Err(failed) => break failed,
        }
        assert!(clients.len() < 100, "100 documents fit into 6 MiB");
    };
    assert_eq!(refused.cause.code(), Some(1013));
    assert!(!clients.is_empty());
    // Documents without users make room.
    drop(clients);
    server.until("there is room", || {
        Ok(server
            .post("/v1/docs/e/commit")
            .json(&json!({ "ops": [{ "insert": "t", "row": "r", "cells": { "x": 1 } }] }))?
            .status
            == 200)
    })
}
