//! Calls of mutators: each takes effect exactly once, in the order of its client.

use crate::durable::has;
use crate::{Failure, Outcome, Place, SOON, Server};
use converge::{Doc, Value};
use converge_frames::{Argument, Frame, Mutate, OutcomeState};
use converge_rig::net::{Client, Replica};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Instant;

/// Returns the component of `tests/mutator`, with a mutator for each kind of failure.
fn hostile() -> &'static [u8] {
    static HOSTILE: OnceLock<Vec<u8>> = OnceLock::new();
    HOSTILE.get_or_init(|| {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        converge_pack::build(&workspace, "converge-hostile-mutator").expect("the component is built")
    })
}

impl Place {
    /// Writes the component with the mutators, and returns the value of the option.
    fn mutators(&self) -> Result<String, Failure> {
        let file = self.path("mutators.wasm");
        fs::write(&file, hostile())?;
        Ok(file.to_str().ok_or("a path in UTF-8")?.to_owned())
    }

    /// Starts a server with the mutators and without keys.
    fn with_mutators(&self, more: &[&str]) -> Result<Server, Failure> {
        self.serve(&[&["--mutators", &self.mutators()?][..], more].concat())
    }
}

fn call(number: u64, name: &str) -> Mutate {
    Mutate {
        client: "ann".to_owned(),
        number,
        mark: 7,
        peer: String::new(),
        after: 0,
        name: name.to_owned(),
        arguments: Vec::new(),
    }
}

fn append(client: &str, number: u64) -> Mutate {
    let arguments = vec![Argument::Text(client.to_owned()), Argument::Integer(number as i64)];
    Mutate { client: client.to_owned(), mark: 1_000 + number, arguments, ..call(number, "append") }
}

async fn outcome(client: &mut Client, mutate: &Mutate) -> Result<OutcomeState, Failure> {
    Ok(client.call(mutate, SOON).await?.state)
}

/// Waits until a client has the effects of its calls up to this one.
async fn catch_up(client: &mut Client, name: &str, last: u64) -> Outcome {
    let start = Instant::now();
    while record(client.doc(), name)?.get("last") != Some(&Value::Integer(last as i64)) {
        assert!(start.elapsed() < SOON, "the event of call {last} does not arrive");
        client.pump(SOON).await?;
    }
    Ok(())
}

/// Returns the code of a rejection.
fn code(state: &OutcomeState) -> &str {
    match state {
        OutcomeState::Rejected { code, .. } => code,
        other => other.name(),
    }
}

/// Returns the row that records the calls of a client.
fn record(doc: &Doc, client: &str) -> Result<BTreeMap<String, Value>, Failure> {
    let cells = doc.get("converge.mutations", client)?.unwrap_or_default();
    Ok(cells.into_iter().map(|cell| (cell.column, cell.value)).collect())
}

#[tokio::test]
async fn numbers_follow_each_other_and_calls_that_fail_use_them_up() -> Outcome {
    let place = Place::new()?;
    let limits = ["--mutator-fuel", "100000000", "--mutator-memory-bytes", "16MiB", "--max-document-bytes", "32MiB"];
    let server = place.with_mutators(&limits)?;
    let mut ann = server.connect("d", "", "ann").await?;
    assert!(ann.welcome().mutate);

    let first = outcome(&mut ann, &call(1, "answer")).await?;
    let OutcomeState::Confirmed { peer, counter } = &first else { return Err(format!("{first:?}").into()) };
    assert!(peer.starts_with("home.") && *counter == 0, "{first:?}");
    assert_eq!(outcome(&mut ann, &call(1, "answer")).await?, first);
    assert_eq!(outcome(&mut ann, &Mutate { mark: 8, ..call(1, "answer") }).await?, OutcomeState::Taken);
    assert_eq!(outcome(&mut ann, &call(3, "answer")).await?, OutcomeState::Expected(2));

    let failures = [
        ("reject", "rejected"),
        ("mistake", "invalid-arguments"),
        ("deny", "unknown-mutator"),
        ("nothing", "unknown-mutator"),
        ("fail", "failed"),
        ("trap", "stopped"),
        ("wait", "stopped"),
        ("loop", "out-of-fuel"),
        ("grow", "out-of-memory"),
        ("forge", "reserved-table"),
    ];
    let mut number = 1;
    for _ in 0..2 {
        for (name, expected) in failures {
            number += 1;
            let failed = outcome(&mut ann, &call(number, name)).await?;
            assert_eq!(code(&failed), expected, "{name}: {failed:?}");
            assert_eq!(outcome(&mut ann, &call(number, name)).await?, failed, "{name} again");
        }
    }
    number += 1;
    assert_eq!(code(&outcome(&mut ann, &call(number, "count")).await?), "confirmed");
    catch_up(&mut ann, "ann", number).await?;
    assert_eq!(ann.doc().get("t", "calls")?.and_then(|mut cells| cells.pop()).map(|cell| cell.value), Some(1.into()));
    let recorded = record(ann.doc(), "ann")?;
    assert_eq!(recorded["last"], Value::Integer(number as i64));
    assert_eq!(recorded["mark"], Value::Integer(7));
    let Value::Text(rejected) = &recorded["rejected"] else { return Err("no rejections".into()) };
    let rejected: Vec<(u64, String, String)> = serde_json::from_str(rejected)?;
    let numbers: Vec<u64> = rejected.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (number - 16..number).collect::<Vec<_>>());
    assert_eq!(rejected[5], (number - 11, "reserved-table".to_owned(), rejected[5].2.clone()));
    Ok(())
}

#[tokio::test]
async fn a_call_that_stops_the_engine_is_rejected_and_the_next_one_runs() -> Outcome {
    let place = Place::new()?;
    let server = place.with_mutators(&["--max-document-bytes", "16MiB"])?;
    let mut ann = server.connect("d", "", "ann").await?;
    assert_eq!(code(&outcome(&mut ann, &call(1, "count")).await?), "confirmed");
    let stopped = outcome(&mut ann, &call(2, "write")).await?;
    assert!(matches!(code(&stopped), "stopped" | "failed" | "out-of-fuel"), "{stopped:?}");
    assert_eq!(code(&outcome(&mut ann, &call(3, "count")).await?), "confirmed");
    catch_up(&mut ann, "ann", 3).await
}

#[tokio::test]
async fn a_call_waits_for_the_events_before_it() -> Outcome {
    let place = Place::new()?;
    let server = place.with_mutators(&["--mutation-wait", "300ms"])?;
    let mut ann = server.connect("d", "", "ann").await?;
    ann.settle(SOON).await?;
    let after = |number, after| Mutate { peer: "ann".to_owned(), after, ..append("ann", number) };
    // The events do not come: the number is not used up, and neither is that of the call behind it.
    ann.send_frame(&Frame::Mutate(after(2, 1))).await?;
    let expected = outcome(&mut ann, &after(1, 1)).await?;
    assert_eq!(code(&expected), "not-now", "{expected:?}");
    // The second call comes before the first one, so it does not follow.
    assert_eq!(outcome(&mut ann, &after(3, 1)).await?, OutcomeState::Expected(1));

    // The calls come before the events, and wait for them.
    ann.send_frame(&Frame::Mutate(after(1, 2))).await?;
    ann.send_frame(&Frame::Mutate(after(2, 1))).await?;
    ann.doc().insert("t", "a", [("x", 1)])?;
    ann.doc().insert("t", "b", [("x", 1)])?;
    let mut outcomes = Vec::new();
    while outcomes.len() < 2 {
        outcomes
            .extend(ann.pump(SOON).await?.outcomes.into_iter().map(|outcome| (outcome.number, outcome.state.name())));
    }
    assert_eq!(outcomes, [(1, "confirmed"), (2, "confirmed")]);
    Ok(())
}

#[tokio::test]
async fn requests_call_mutators() -> Outcome {
    let place = Place::new()?;
    let server = place.with_mutators(&[])?;
    let mutate = |key: Option<&str>, body: Json| {
        let request = server.post("/v1/docs/d/mutate");
        key.into_iter().fold(request, |request, key| request.header("idempotency-key", key)).json(&body)
    };
    let answer = json!({ "mutate": "answer", "arguments": [null, true, -1, 0.5, "text", { "$blob": "AA==" }] });
    let first = mutate(Some("cron/1"), answer.clone())?.expect(200)?;
    assert!(first.json()?["event"]["counter"].is_number());
    let again = mutate(Some("cron/1"), answer.clone())?.expect(200)?;
    assert_eq!(again.json()?, first.json()?);
    let taken = mutate(Some("cron/1"), json!({ "mutate": "reject" }))?.expect(409)?;
    assert_eq!(taken.json()?["reason"], "taken");
    let gap = mutate(Some("cron/3"), answer.clone())?.expect(409)?;
    assert_eq!((&gap.json()?["reason"], &gap.json()?["expected"]), (&json!("expected"), &json!(2)));
    let rejected = mutate(Some("cron/2"), json!({ "mutate": "reject" }))?.expect(422)?.json()?;
    assert_eq!(rejected, json!({ "error": "no, as was asked", "reason": "rejected", "code": "rejected" }));
    // Without a key, calls are not numbered.
    for _ in 0..2 {
        mutate(None, json!({ "mutate": "answer" }))?.expect(200)?;
    }
    mutate(None, json!({ "mutate": "reject" }))?.expect(422)?;
    let rows = server.get("/v1/docs/d/tables/converge.mutations").empty()?.expect(200)?.json()?;
    assert_eq!(rows["rows"].as_array().map(Vec::len), Some(1), "{rows}");
    for malformed in ["cron", "cron/", "/1", "cron/0", "cron/x", "cron/9007199254740992"] {
        mutate(Some(malformed), answer.clone())?.expect(400)?;
    }
    for body in [json!({}), json!({ "mutate": 1 }), json!({ "mutate": "answer", "arguments": [[]] }), json!([])] {
        mutate(None, body)?.expect(400)?;
    }
    let outcomes = server.get("/v1/docs/d/mutations/cron").empty()?.expect(200)?.json()?;
    let states: Vec<_> =
        outcomes["outcomes"].as_array().ok_or("no outcomes")?.iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["confirmed", "rejected"]);
    let second = server.get("/v1/docs/d/mutations/cron?after=1&limit=1").empty()?.expect(200)?.json()?;
    assert_eq!((&second["outcomes"][0]["number"], &second["more"]), (&json!(2), &json!(false)));
    server.get("/v1/docs/d/mutations/nobody").empty()?.expect(404)?;
    let metrics = String::from_utf8(server.get("/metrics").empty()?.body)?;
    assert!(metrics.contains("converge_mutations_total{outcome=\"taken\"} 1"), "{metrics}");
    Ok(())
}

#[tokio::test]
async fn rights_and_clients_of_calls() -> Outcome {
    let place = Place::new()?;
    place.run(&["token", "--new-key", "key.json"])?;
    let key = place.path("key.json");
    let server = place.with_mutators(&["--key", key.to_str().ok_or("a path in UTF-8")?])?;
    let token = |subject: &str, rights: &str, more: &[&str]| {
        let docs = format!("*={rights}");
        place.run(&[&["token", "--key", "key.json", "--subject", subject, "--docs", &docs][..], more].concat())
    };
    let mut ann = server.connect("d", &token("ann", "rm", &[])?, "ann").await?;
    assert_eq!((ann.welcome().mutate, &*ann.welcome().subject), (true, "ann"));
    assert_eq!(code(&outcome(&mut ann, &call(1, "sign")).await?), "confirmed");
    catch_up(&mut ann, "ann", 1).await?;
    let caller = ann.doc().get("t", "caller")?.and_then(|mut cells| cells.pop()).map(|cell| cell.value);
    assert_eq!(caller, Some(Value::from("ann")));

    // The client of a call belongs to the subject of its first call.
    let ben = token("ben", "rwmp", &[])?;
    let mut liar = server.connect("d", &ben, "ben").await?;
    let refused = outcome(&mut liar, &call(2, "answer")).await?;
    assert!(matches!(&refused, OutcomeState::Refused(why) if why.contains("in the name of \"ann\"")), "{refused:?}");
    server.get("/v1/docs/d/mutations/ann").token(&ben).empty()?.expect(404)?;
    let numbered = server.post("/v1/docs/d/mutate").token(&ben).header("idempotency-key", "ann/2");
    numbered.json(&json!({ "mutate": "answer" }))?.expect(403)?;
    let mut reader = server.connect("d", &token("cy", "rw", &[])?, "cy").await?;
    assert!(!reader.welcome().mutate);
    let refused = outcome(&mut reader, &Mutate { client: "cy".to_owned(), ..call(1, "answer") }).await?;
    assert!(matches!(&refused, OutcomeState::Refused(_)), "{refused:?}");
    let mut bound = server.connect("d", &token("dora", "rm", &["--peers", "dora."])?, "dora.1").await?;
    for (client, expected) in [("dora.1", "confirmed"), ("eve", "refused"), ("dora.~1", "refused")] {
        let state = outcome(&mut bound, &Mutate { client: client.to_owned(), ..call(1, "answer") }).await?;
        assert_eq!(code(&state), expected, "{client}: {state:?}");
    }
    for damaged in [
        Frame::Mutate(Mutate { number: 0, ..call(1, "answer") }),
        Frame::Mutate(Mutate { mark: 0, ..call(1, "answer") }),
    ] {
        let mut client = server.connect("d", &ben, "someone").await?;
        client.send_frame(&damaged).await?;
        let closed = client.settle(SOON).await;
        assert_eq!(closed.err().and_then(|cause| cause.code()), Some(4400));
    }
    Ok(())
}

#[tokio::test]
async fn a_forged_confirmation_is_refused() -> Outcome {
    let place = Place::new()?;
    place.run(&["token", "--new-key", "key.json"])?;
    let key = place.path("key.json");
    let server =
        place.with_mutators(&["--key", key.to_str().ok_or("a path in UTF-8")?, "--only-mutations", "order"])?;
    let token = |rights: &str| {
        let docs = format!("*={rights}");
        place.run(&["token", "--key", "key.json", "--subject", "ann", "--docs", &docs])
    };
    let (writer, admin) = (token("rwm")?, token("rwma")?);
    let mut ann = server.connect("d", &writer, "ann").await?;
    assert_eq!(code(&outcome(&mut ann, &append("ann", 1)).await?), "confirmed");
    catch_up(&mut ann, "ann", 1).await?;
    let before = ann.doc().digest()?;

    for (table, row) in [("converge.mutations", "ann"), ("order", "ann")] {
        let forger = Doc::load("forger", &ann.doc().save()?)?;
        let old = forger.summary()?;
        let event = forger.update(table, row, [("last", 9)])?;
        assert_eq!(event.counter, 0);
        let update = forger.update_since(&old)?;
        let pushed = server.post("/v1/docs/d/push").token(&writer).send(&update)?.expect(403)?;
        assert!(String::from_utf8(pushed.body)?.contains(table));
        let op = json!({ "ops": [{ "update": table, "row": row, "cells": { "last": 9 } }] });
        server.post("/v1/docs/d/commit").token(&writer).json(&op)?.expect(403)?;
        let replica = Replica::new("forger")?;
        replica.doc.merge_update(&ann.doc().save()?)?;
        replica.doc.update(table, row, [("last", 9)])?;
        let mut client =
            Client::connect(&server.address(), "d", &writer, replica).await.map_err(|failed| failed.to_string())?;
        let refused = client.settle(SOON).await;
        assert_eq!(refused.as_ref().err().and_then(|cause| cause.code()), Some(4403), "{refused:?}");
        assert!(refused.is_err_and(|cause| cause.to_string().contains(table)));
    }
    let saved = server.get("/v1/docs/d").token(&writer).empty()?.expect(200)?;
    assert_eq!(Doc::load("reader", &saved.body)?.digest()?, before);
    // An administrator can write to the reserved table, but not to one that only mutators write.
    let op = |table: &str| json!({ "ops": [{ "insert": table, "row": "x", "cells": { "last": 9 } }] });
    server.post("/v1/docs/d/commit").token(&admin).json(&op("converge.mutations"))?.expect(200)?;
    server.post("/v1/docs/d/commit").token(&admin).json(&op("order"))?.expect(403)?;
    server.post("/v1/docs/d/commit").token(&writer).json(&op("other"))?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn mutators_by_prefix_are_loaded_again_on_sighup() -> Outcome {
    let place = Place::new()?;
    let (general, special) = (place.mutators()?, place.path("board.wasm"));
    fs::write(&special, hostile())?;
    let special = special.to_str().ok_or("a path in UTF-8")?.to_owned();
    let prefixed = format!("board/=./{}", "board.wasm");
    let of_board = format!("board/={special}");
    let server = place.serve(&["--mutators", &general, "--mutators", &of_board])?;
    assert!(place.serve(&["--mutators", &prefixed, "--data", "other"]).is_err(), "the file is not there");
    let call = |document: &str, name: &str| {
        server.post(&format!("/v1/docs/{document}/mutate")).json(&json!({ "mutate": name }))
    };
    call("board%2F1", "count")?.expect(200)?;
    // A file that cannot be used: the former one stays in use.
    fs::write(&special, b"no component")?;
    server.signal("HUP")?;
    server.until("the error is logged", || Ok(server.log().contains("the former mutators stay in use")))?;
    assert!(server.log().contains("board.wasm"), "{}", server.log());
    call("board%2F1", "count")?.expect(200)?;
    // Other mutators: those of the board alone.
    let board = converge_pack::build(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), "converge-example-board");
    fs::write(&special, board.map_err(|error| format!("{error:#}"))?)?;
    server.signal("HUP")?;
    server.until("the other mutators are in use", || Ok(call("board%2F1", "count")?.status == 422))?;
    call("elsewhere", "count")?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn a_call_that_cannot_be_stored_does_not_use_up_its_number() -> Outcome {
    if !has("strace") {
        return Ok(());
    }
    let place = Place::new()?;
    let server = place.with_mutators(&[])?;
    let mut ann = server.connect("d", "", "ann").await?;
    assert_eq!(code(&outcome(&mut ann, &append("ann", 1)).await?), "confirmed");
    let probe = json!({ "ops": [{ "insert": "t", "row": "r", "cells": {} }] });
    server.post("/v1/docs/other/commit").json(&probe)?.expect(200)?;
    // Every write to a file fails from now on.
    let mut fault = Command::new("strace");
    fault.args(["-f", "-q", "-o", "/dev/null", "-e", "trace=pwrite64", "-e", "inject=pwrite64:error=ENOSPC", "-p"]);
    let mut fault = fault.arg(server.child.id().to_string()).spawn()?;
    server.until("the disk is full", || Ok(server.post("/v1/docs/other/commit").json(&probe)?.status == 507))?;
    let closed = ann.call(&append("ann", 2), SOON).await;
    assert_eq!(closed.as_ref().err().and_then(|cause| cause.code()), Some(4413), "{closed:?}");
    let key = server.post("/v1/docs/d/mutate").header("idempotency-key", "cron/1");
    key.json(&json!({ "mutate": "count" }))?.expect(507)?;
    // There is space again.
    let status = Command::new("kill").args(["-INT", &fault.id().to_string()]).status()?;
    assert!(status.success());
    fault.wait()?;
    server.until("there is space", || Ok(server.post("/v1/docs/other/commit").json(&probe)?.status == 200))?;
    let ann = Client::connect(&server.address(), "d", "", ann.into_replica()).await;
    let mut ann = ann.map_err(|failed| failed.to_string())?;
    assert_eq!(code(&outcome(&mut ann, &append("ann", 2)).await?), "confirmed");
    let key = server.post("/v1/docs/d/mutate").header("idempotency-key", "cron/1");
    key.json(&json!({ "mutate": "count" }))?.expect(200)?;
    catch_up(&mut ann, "cron", 1).await?;
    let total = ann.doc().get("total", "all")?.and_then(|mut cells| cells.pop()).map(|cell| cell.value);
    assert_eq!(total, Some(Value::Integer(2)));
    Ok(())
}

/// The number of calls; `just faults` sets more.
fn calls() -> u64 {
    env::var("CONVERGE_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000)
}

/// Sends a client's calls, some of them twice, until the last one was confirmed or the connection
/// is lost. Returns the replica, and the number of the last call whose outcome arrived.
async fn send_calls(
    server: String,
    client: String,
    replica: Replica,
    last: u64,
    confirmed: u64,
    cut: u64,
) -> Result<(Replica, u64), Failure> {
    let mut confirmed = confirmed;
    let mut connection = match Client::connect(&server, "d", "", replica).await {
        Ok(connection) => connection,
        Err(failed) => return Ok((*failed.replica, confirmed)),
    };
    let (mut sent, start) = (confirmed, confirmed);
    while confirmed < last {
        // A window of calls without outcomes.
        while sent < last.min(confirmed + 8) {
            sent += 1;
            let frame = Frame::Mutate(append(&client, sent));
            let times = if sent % 5 == 0 { 2 } else { 1 };
            for _ in 0..times {
                if connection.send_frame(&frame).await.is_err() {
                    return Ok((connection.into_replica(), confirmed));
                }
            }
        }
        let Ok(pumped) = connection.pump(SOON).await else { break };
        for outcome in pumped.outcomes {
            assert!(
                matches!(outcome.state, OutcomeState::Confirmed { .. }),
                "{client} {}: {:?}",
                outcome.number,
                outcome.state
            );
            assert!(outcome.number <= confirmed + 1, "{client}: {} after {confirmed}", outcome.number);
            confirmed = confirmed.max(outcome.number);
        }
        if cut > 0 && confirmed >= start + cut {
            break;
        }
    }
    Ok((connection.into_replica(), confirmed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_20_clients_take_effect_once_and_in_order_though_the_server_is_killed() -> Outcome {
    const CLIENTS: usize = 20;
    let place = Place::new()?;
    let of_each = calls() / CLIENTS as u64;
    let args = ["--rate-messages", "100000", "--rate-burst", "100000"];
    let mut server = place.with_mutators(&args)?;
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        clients.push((Replica::new(&format!("c{number}"))?, 0));
    }
    let mut round = 0;
    while clients.iter().any(|(_, confirmed)| *confirmed < of_each) {
        let mut running = Vec::new();
        for (number, (replica, confirmed)) in clients.drain(..).enumerate() {
            // Some clients cut their connections after a few calls.
            let cut = [0, 7, 0, 23][(number + round) % 4];
            let client = format!("c{number}");
            running.push(tokio::spawn(send_calls(server.address(), client, replica, of_each, confirmed, cut)));
        }
        // The server is killed four times, when a fifth of the calls is there.
        if round < 4 {
            let reached = |doc: &Doc| -> Result<u64, Failure> {
                let cells = doc.get("total", "all")?.unwrap_or_default();
                Ok(cells
                    .iter()
                    .find_map(
                        |cell| if let Value::Integer(calls) = cell.value { u64::try_from(calls).ok() } else { None },
                    )
                    .unwrap_or(0))
            };
            let target = of_each * CLIENTS as u64 * (round as u64 + 1) / 5;
            server.until("the calls run", || {
                let saved = server.get("/v1/docs/d").empty()?;
                let is_done = running.iter().all(|task| task.is_finished());
                Ok(is_done || (saved.status == 200 && reached(&Doc::load("reader", &saved.body)?)? >= target))
            })?;
            server.kill()?;
        }
        for task in running {
            clients.push(task.await??);
        }
        if round < 4 {
            server = place.with_mutators(&args)?;
            let saved = server.get("/v1/docs/d").empty()?.expect(200)?;
            let doc = Doc::load("reader", &saved.body)?;
            for (number, (_, confirmed)) in clients.iter().enumerate() {
                let last = record(&doc, &format!("c{number}"))?.get("last").cloned();
                let last = if let Some(Value::Integer(last)) = last { last as u64 } else { 0 };
                assert!(last >= *confirmed, "c{number}: {confirmed} were confirmed, {last} are there");
            }
        }
        round += 1;
    }
    let saved = server.get("/v1/docs/d").empty()?.expect(200)?;
    let doc = Doc::load("reader", &saved.body)?;
    let total = doc.get("total", "all")?.and_then(|mut cells| cells.pop()).map(|cell| cell.value);
    assert_eq!(total, Some(Value::Integer((of_each * CLIENTS as u64) as i64)));
    for number in 0..CLIENTS {
        let recorded = record(&doc, &format!("c{number}"))?;
        assert_eq!((&recorded["last"], recorded.get("rejected")), (&Value::Integer(of_each as i64), None));
    }
    for (number, (replica, _)) in clients.into_iter().enumerate() {
        let client = Client::connect(&server.address(), "d", "", replica).await;
        let mut client = client.map_err(|failed| failed.to_string())?;
        client.settle(SOON).await?;
        assert_eq!(client.doc().digest()?, doc.digest()?, "c{number}");
    }
    Ok(())
}
