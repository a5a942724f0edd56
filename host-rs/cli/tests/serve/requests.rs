//! The routes of HTTP: documents, rows, changes, commits, lists.

use crate::{Outcome, Place, Request};
use converge::Doc;
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::time::Duration;

fn insert(table: &str, row: &str, title: &str) -> serde_json::Value {
    json!({ "ops": [{ "insert": table, "row": row, "cells": { "title": title } }] })
}

#[tokio::test]
async fn push_pull_and_snapshot_over_http_reach_the_digest_of_a_session() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&[])?;
    let mut ann = server.connect("board/1", "", "ann").await?;
    ann.doc().insert("tasks", "t1", [("title", "Buy milk")])?;
    ann.settle(crate::SOON).await?;

    // A replica without a session pushes what it wrote, and pulls what it lacks.
    let ben = Doc::create("ben")?;
    ben.insert("tasks", "t2", [("title", "Bake bread")])?;
    let report = server.post("/v1/docs/board%2F1/push").send(&ben.save()?)?.expect(200)?.json()?;
    assert_eq!((report["applied"].as_u64(), report["waiting"].as_u64()), (Some(1), Some(0)));
    let update = server.post("/v1/docs/board%2F1/pull").send(&ben.summary()?)?.expect(200)?;
    ben.merge_update(&update.body)?;
    while ann.doc().get("tasks", "t2")?.is_none() {
        ann.pump(Duration::from_secs(1)).await?;
    }
    assert_eq!(ann.doc().digest()?, ben.digest()?);

    // An empty summary pulls everything, and the saved document has a tag.
    let all = Doc::create("cid")?;
    all.merge_update(&server.post("/v1/docs/board%2F1/pull").empty()?.expect(200)?.body)?;
    assert_eq!(all.digest()?, ben.digest()?);
    let saved = server.get("/v1/docs/board%2F1").empty()?.expect(200)?;
    assert_eq!(Doc::load("dan", &saved.body)?.digest()?, ben.digest()?);
    let tag = saved.header("etag").to_owned();
    let again = server.get("/v1/docs/board%2F1").header("if-none-match", &tag).empty()?.expect(304)?;
    assert_eq!((again.header("etag"), again.header("converge-sequence")), (&*tag, "2"));
    server.post("/v1/docs/board%2F1/commit").json(&insert("tasks", "t3", "Cook"))?.expect(200)?;
    server.get("/v1/docs/board%2F1").header("if-none-match", &tag).empty()?.expect(200)?;

    // Reading an unknown name creates nothing.
    server.get("/v1/docs/other").empty()?.expect(404)?;
    server.post("/v1/docs/other/pull").empty()?.expect(404)?;
    let list = server.get("/v1/docs").empty()?.expect(200)?.json()?;
    assert_eq!(list, json!({ "documents": ["board/1"], "more": false }));
    Ok(())
}

#[test]
fn rows_are_json_with_all_values() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&[])?;
    let cells = json!({
        "blob": { "$blob": "AP8=" },
        "integer": 9_007_199_254_740_993_i64,
        "nan": { "$real": "NaN" },
        "null": null,
        "real": 1.0,
        "text": "ß\n",
        "true": true,
    });
    let ops: Vec<_> =
        (0..2_500).map(|row| json!({ "insert": "t", "row": format!("r{row:04}"), "cells": cells })).collect();
    server.post("/v1/docs/d/commit").json(&json!({ "ops": ops }))?.expect(200)?;
    let row = server.get("/v1/docs/d/tables/t/r0001").empty()?.expect(200)?;
    assert_eq!(row.json()?, cells);
    assert!(String::from_utf8_lossy(&row.body).contains("\"real\":1.0"), "a real keeps its point");
    server.get("/v1/docs/d/tables/t/none").empty()?.expect(404)?;
    let tables = server.get("/v1/docs/d/tables").empty()?.expect(200)?.json()?;
    assert_eq!(tables, json!({ "tables": [{ "table": "t", "rows": 2_500 }] }));

    let page = |query: &str| server.get(&format!("/v1/docs/d/tables/t?{query}")).empty()?.expect(200)?.json();
    let ids = |page: &serde_json::Value| -> Vec<String> {
        let rows = page["rows"].as_array().cloned().unwrap_or_default();
        rows.iter().filter_map(|row| row["row"].as_str().map(str::to_owned)).collect()
    };
    let first = page("")?;
    assert_eq!((ids(&first).len(), &first["more"], &first["after"]), (1_000, &json!(true), &json!("r0999")));
    assert_eq!(ids(&page("after=r2497")?), ["r2498", "r2499"]);
    assert_eq!(ids(&page("from=r0003&to=r0005")?), ["r0003", "r0004", "r0005"]);
    assert_eq!(ids(&page("prefix=r249&descending=true&limit=2")?), ["r2499", "r2498"]);
    let columns = page("limit=1&columns=real,text")?;
    assert_eq!(columns["rows"][0]["cells"], json!({ "real": 1.0, "text": "ß\n" }));
    server.get("/v1/docs/d/tables/t?prefix=a&from=b").empty()?.expect(400)?;
    server.get("/v1/docs/d/tables/t?unknown=1").empty()?.expect(400)?;

    let lines = |query: &str| -> Result<usize, crate::Failure> {
        let request = server.get(&format!("/v1/docs/d/tables/t?{query}")).header("accept", "application/x-ndjson");
        let body = String::from_utf8(request.empty()?.expect(200)?.body)?;
        body.lines().try_for_each(|line| serde_json::from_str::<serde_json::Value>(line).map(drop))?;
        Ok(body.lines().count())
    };
    assert_eq!([lines("")?, lines("limit=1500")?, lines("limit=7")?, lines("prefix=none")?], [2_500, 1_500, 7, 0]);
    Ok(())
}

#[test]
fn a_commit_is_valid_or_changes_nothing() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&[])?;
    let commit = || server.post("/v1/docs/d/commit");
    let first = commit().header("idempotency-key", "k1").json(&insert("t", "a", "1"))?.expect(200)?.json()?;
    let again = commit().header("idempotency-key", "k1").json(&insert("t", "a", "2"))?.expect(200)?.json()?;
    assert_eq!(first, again);
    assert!(first["event"]["peer"].as_str().is_some_and(|peer| peer.starts_with("home.")), "{first}");
    assert_eq!(server.get("/v1/docs/d/tables/t/a").empty()?.expect(200)?.json()?, json!({ "title": "1" }));
    for (body, status) in [
        ("", 400),
        ("{}", 400),
        (r#"{"ops": [{"insert": "t", "row": "b", "cells": {"x": [1]}}]}"#, 400),
        (
            r#"{"ops": [{"insert": "t", "row": "b", "cells": {}}, {"update": "t", "row": "none", "cells": {"x": 1}}]}"#,
            400,
        ),
        (r#"{"ops": []}"#, 400),
    ] {
        let answer = commit().send(body.as_bytes())?;
        assert_eq!(answer.status, status, "{body}: {}", String::from_utf8_lossy(&answer.body));
        assert!(answer.json()?["error"].is_string());
    }
    commit().header("idempotency-key", &"k".repeat(257)).json(&insert("t", "b", "1"))?.expect(400)?;
    server.get("/v1/docs/d/tables/t/b").empty()?.expect(404)?;
    // A key is remembered across restarts.
    drop(server);
    let server = place.serve(&[])?;
    let after =
        server.post("/v1/docs/d/commit").header("idempotency-key", "k1").json(&insert("t", "a", "3"))?.expect(200)?;
    assert_eq!(first, after.json()?);
    Ok(())
}

#[test]
fn changes_are_followed_from_a_read_on() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&[])?;
    let commit = |table: &str, row: &str| server.post("/v1/docs/d/commit").json(&insert(table, row, "x"))?.expect(200);
    commit("t", "a")?;
    let sequence = server.get("/v1/docs/d/tables/t").empty()?.expect(200)?.header("converge-sequence").to_owned();
    let follow = |query: &str| -> Result<_, crate::Failure> {
        let Request { url, .. } = server.get(&format!("/v1/docs/d/changes?{query}"));
        let response = ureq::get(&url).call()?;
        let mut lines = BufReader::new(response.into_body().into_reader()).lines();
        Ok(move || -> Result<(String, String, serde_json::Value), crate::Failure> {
            let (mut event, mut id) = (String::new(), String::new());
            loop {
                let line = lines.next().ok_or("the stream ended")??;
                match line.split_once(": ") {
                    Some(("event", name)) => event = name.to_owned(),
                    Some(("id", text)) => id = text.to_owned(),
                    Some(("data", data)) => return Ok((event, id, serde_json::from_str(data)?)),
                    _ => {}
                }
            }
        })
    };
    let mut all = follow(&format!("after={sequence}"))?;
    let mut of_u = follow("table=u")?;
    commit("t", "b")?;
    commit("u", "c")?;
    let op = |table: &str, row: &str| json!({ "ops": [{ "insert": table, "row": row, "cells": { "title": "x" } }] });
    assert_eq!(all()?, ("change".into(), "2".into(), op("t", "b")));
    assert_eq!(all()?, ("change".into(), "3".into(), op("u", "c")));
    assert_eq!(of_u()?, ("change".into(), "3".into(), op("u", "c")));
    // What was missed comes first; what is not known any more is a reset.
    assert_eq!(follow("after=2")?()?, ("change".into(), "3".into(), op("u", "c")));
    assert_eq!(follow("after=0")?()?, ("reset".into(), "3".into(), json!({})));
    Ok(())
}

#[test]
fn the_list_has_pages() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&[])?;
    for name in ["a", "b%2F1", "b%2F2", "b%2F3", "c%20%C3%9F"] {
        server.post(&format!("/v1/docs/{name}/commit")).json(&insert("t", "r", "x"))?.expect(200)?;
    }
    let list = |query: &str| server.get(&format!("/v1/docs?{query}")).empty()?.expect(200)?.json();
    assert_eq!(list("")?["documents"], json!(["a", "b/1", "b/2", "b/3", "c ß"]));
    assert_eq!(list("prefix=b/&limit=2")?, json!({ "documents": ["b/1", "b/2"], "more": true }));
    assert_eq!(list("prefix=b/&after=b/2")?, json!({ "documents": ["b/3"], "more": false }));
    Ok(())
}

#[test]
fn the_server_reports_its_state() -> Outcome {
    let place = Place::new()?;
    let mut server = place.serve(&["--log-json", "--log", "debug"])?;
    assert_eq!(server.get("/healthz").empty()?.expect(200)?.body, b"ok\n");
    server.get("/readyz").empty()?.expect(200)?;
    server.post("/v1/docs/d/commit").json(&insert("t", "r", "x"))?.expect(200)?;
    let metrics = String::from_utf8(server.get("/metrics").empty()?.expect(200)?.body)?;
    for line in [
        "converge_documents 1",
        "converge_connections 0",
        "converge_requests_total{status=\"200\"} 1",
        "converge_memory_bytes ",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    server.get("/v1/unknown").empty()?.expect(404)?;
    server.request("PUT", "/v1/docs/d").empty()?.expect(405)?;
    server.signal("TERM")?;
    assert!(server.end()?.success());
    let log = server.log();
    assert!(
        !log.is_empty() && log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
        "{log}"
    );
    Ok(())
}

#[test]
fn webhooks_report_changes_and_are_repeated() -> Outcome {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/hook", listener.local_addr()?);
    let place = Place::new()?;
    let server = place.serve(&["--webhook", &url, "--webhook-secret", "secret"])?;
    server.post("/v1/docs/d/commit").json(&insert("t", "r", "x"))?.expect(200)?;
    for status in ["500 Internal Server Error", "204 No Content"] {
        let (mut socket, _) = listener.accept()?;
        let mut request = String::new();
        while !request.ends_with('}') {
            let mut bytes = [0; 1_024];
            let len = socket.read(&mut bytes)?;
            request.push_str(&String::from_utf8_lossy(&bytes[..len]));
        }
        assert!(request.ends_with(r#"{"document":"d","sequence":1}"#), "{request}");
        assert!(request.contains("converge-signature: sha256="), "{request}");
        write!(socket, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    }
    Ok(())
}

#[test]
fn a_report_that_always_fails_is_dropped_and_counted() -> Outcome {
    // Nothing listens there any more.
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let place = Place::new()?;
    let server = place.serve(&["--webhook", &format!("http://{address}/"), "--webhook-attempts", "2"])?;
    server.post("/v1/docs/d/commit").json(&insert("t", "r", "x"))?.expect(200)?;
    server.until("the report is dropped", || {
        let metrics = String::from_utf8(server.get("/metrics").empty()?.expect(200)?.body)?;
        Ok(metrics.contains("converge_webhooks_dropped_total 1"))
    })?;
    assert!(server.log().contains("a report to a webhook was dropped"), "{}", server.log());
    Ok(())
}

#[test]
fn the_task_board_has_a_policy_or_is_said_to_be_missing() -> Outcome {
    let place = Place::new()?;
    let server = match place.serve(&["--demo"]) {
        Ok(server) => server,
        Err(error) => {
            // In CI, the board is built before the program.
            assert!(std::env::var_os("CI").is_none(), "{error}");
            assert!(error.to_string().contains("built without the task board"), "{error}");
            return Ok(());
        }
    };
    let page = server.get("/").empty()?.expect(200)?;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; script-src 'self'"));
    assert_eq!(server.get("/index.html").empty()?.expect(200)?.body, page.body);
    for path in ["/missing.js", "/../key.json", "//etc/passwd", "/v1"] {
        server.get(path).empty()?.expect(404)?;
    }
    server.post("/").empty()?.expect(404)?;
    drop(server);
    place.serve(&[])?.get("/").empty()?.expect(404)?;
    Ok(())
}

#[test]
fn the_limits_of_the_documents_are_those_of_the_program() -> Outcome {
    let limits = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/limits.md"))?;
    for option in converge_server::OPTIONS.iter().filter(|option| matches!(option.value, "SIZE" | "COUNT" | "TIME")) {
        let row = match option.about.split_once(" [default: ") {
            Some((about, default)) => format!("| `{}` | {} | {about} |", option.name, default.trim_end_matches(']')),
            None => format!("| `{}` | `{}` | {} |", option.name, option.default, option.about),
        };
        assert!(limits.contains(&row), "docs/limits.md lacks: {row}");
    }
    Ok(())
}

#[test]
fn options_come_from_the_command_line_the_environment_and_a_file() -> Outcome {
    use std::process::Command;
    let place = Place::new()?;
    let config = place.path("converge.toml");
    std::fs::write(
        &config,
        "max-body-bytes = 10\nmax-documents = 5\norigin = [\"https://a.example\", \"https://b.example\"]\n",
    )?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_converge"));
    command.env("CONVERGE_MAX_BODY_BYTES", "20").env("CONVERGE_CONFIG", &config).env("CONVERGE_LOG_JSON", "true");
    command.env("CONVERGE_MAX_DOKUMENTS", "7");
    let server = crate::Server::of(command, &place.data(), &["--max-documents", "6"])?;
    server.until("a wrong variable is reported", || Ok(server.log().contains("CONVERGE_MAX_DOKUMENTS")))?;
    // The environment comes before the file.
    server.post("/v1/docs/d/push").send(&[0; 21])?.expect(413)?;
    server.post("/v1/docs/d/push").send(&[0; 20])?.expect(400)?;
    server.get("/v1/docs").header("origin", "https://b.example").empty()?.expect(200)?;
    for (wrong, expected) in [
        (&["--max-body-bytes", "1TB"][..], "max-body-bytes: \"1TB\" is not valid"),
        (&["--unknown"], "unknown"),
        (&["--key", "missing.json"], "missing.json"),
        (&["--config", "missing.toml"], "missing.toml"),
        (&["--listen", "nonsense"], "nonsense"),
    ] {
        let error = place.run(&[&["serve", "--data", "other"], wrong].concat()).err();
        let why = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(why.contains(expected), "{wrong:?}: {why}");
    }
    let help = place.run(&["serve", "--help"])?;
    assert!(converge_server::OPTIONS.iter().all(|option| help.contains(&format!("--{} ", option.name))), "{help}");
    assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    Ok(())
}

#[test]
fn every_error_has_a_body_that_says_what_to_do() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&[])?;
    server.post("/v1/docs/d/commit").json(&insert("t", "r", "x"))?.expect(200)?;
    for (method, path, status) in [
        ("GET", "/v1/docs?limit=x", 400),
        ("GET", "/v1/docs/d/tables/t?descending=maybe", 400),
        ("GET", "/v1/docs/d/sync", 400),
        ("GET", "/v1/docs/d/commit", 405),
        ("DELETE", "/v1/docs/d", 405),
        ("GET", "/v1/unknown", 404),
        ("POST", "/v1/admin/docs/d/undelete", 404),
    ] {
        let answer = server.request(method, path).empty()?;
        assert_eq!(answer.status, status, "{method} {path}");
        let body = answer.json()?;
        assert!(body["error"].is_string() && body["reason"].is_string(), "{method} {path}: {body}");
    }
    let wrong = place.run(&["serve", "--data", "other", "--origin", "app.example.com"]).err();
    assert!(wrong.is_some_and(|error| error.to_string().contains("https://example.com")));
    Ok(())
}
