//! Clients that break the protocol, do not read, do not answer, or stop the engine.

use crate::{Failure, Outcome, Place, SOON, Server};
use converge_frames::{Frame, SUBPROTOCOL};
use converge_rig::net::{Client, Replica, Socket, raw};
use futures_util::{SinkExt, StreamExt};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;

const SYNC: &str = "/v1/docs/d/sync";
const PROTOCOL: &[(&str, &str)] = &[("sec-websocket-protocol", SUBPROTOCOL)];

/// Opens a WebSocket and sends the token.
async fn open(server: &Server) -> Result<Socket, Failure> {
    let mut socket = raw(&server.address(), SYNC, PROTOCOL).await?;
    socket.send(Message::Binary(Frame::Token(String::new()).encode().into())).await?;
    let welcome = socket.next().await.ok_or("no welcome")??;
    match Frame::decode(&welcome.into_data()) {
        Some(Frame::Welcome(_)) => Ok(socket),
        other => Err(format!("{other:?} instead of a welcome").into()),
    }
}

/// Returns the code with which the server closes a connection.
async fn code(socket: &mut Socket) -> Result<u16, Failure> {
    let close = async {
        while let Some(message) = socket.next().await {
            if let Message::Close(Some(frame)) = message? {
                return Ok(u16::from(frame.code));
            }
        }
        Err("closed without a code".into())
    };
    tokio::time::timeout(SOON, close).await?
}

/// Runs a healthy writer and reader at the same time as something hostile. Returns the longest
/// delivery.
async fn healthy(server: &Server, document: &str, time: Duration) -> Result<Duration, Failure> {
    let mut writer = server.connect(document, "", "healthy writer").await?;
    let mut reader = server.connect(document, "", "healthy reader").await?;
    let (start, mut longest, mut number) = (Instant::now(), Duration::ZERO, 0);
    while start.elapsed() < time {
        let sent = Instant::now();
        let row = number.to_string();
        writer.doc().insert("healthy", &row, [("x", 1)])?;
        while reader.doc().get("healthy", &row)?.is_none() {
            writer.pump(Duration::ZERO).await?;
            reader.pump(Duration::from_millis(1)).await?;
            if sent.elapsed() > SOON {
                return Err("the reader gets nothing".into());
            }
        }
        longest = longest.max(sent.elapsed());
        number += 1;
    }
    Ok(longest)
}

#[tokio::test]
async fn malformed_frames_close_their_connection_with_its_code() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&["--handshake-timeout", "300ms"])?;
    let binary = |bytes: Vec<u8>| Message::Binary(bytes.into());
    let before = server.memory()?;
    for (first, code_expected) in [
        (binary(vec![]), 4400),
        (binary(vec![1, 2, 3]), 4400),
        (binary(vec![64, 200]), 4400),
        (Message::Text("hello".into()), 1003),
    ] {
        let mut socket = raw(&server.address(), SYNC, PROTOCOL).await?;
        socket.send(first.clone()).await?;
        assert_eq!(code(&mut socket).await?, code_expected, "{first:?}");
    }
    let mut silent = raw(&server.address(), SYNC, PROTOCOL).await?;
    assert_eq!(code(&mut silent).await?, 4408, "no token");
    for (message, code_expected) in [
        (binary(vec![]), 4400),
        (binary(vec![7; 50]), 4400),
        (binary(vec![79]), 4400),
        (binary(vec![72, 1, 1, 0]), 4400),
        (binary([vec![2], vec![0; 100]].concat()), 4400),
        (binary(vec![1; 200_000]), 1009),
        (Message::Text("{}".into()), 1003),
    ] {
        let mut socket = open(&server).await?;
        socket.send(message.clone()).await?;
        assert_eq!(code(&mut socket).await?, code_expected, "{} bytes", message.len());
    }
    // A missing subprotocol, and bytes that are no HTTP.
    assert!(matches!(
        crate::Request { method: "GET", url: format!("http://{}{SYNC}", server.address()), headers: vec![] }
            .empty()?
            .status,
        400 | 426
    ));
    for bytes in [&b"\0\0\0\0\r\n\r\n"[..], b"GET / HTTP/9.9\r\n\r\n", b"POST /v1/docs/d/push HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"] {
        let mut socket = TcpStream::connect(server.address)?;
        socket.set_read_timeout(Some(SOON))?;
        socket.write_all(bytes)?;
        let mut response = Vec::new();
        let _ = socket.take(10_000).read_to_end(&mut response);
        let text = String::from_utf8_lossy(&response);
        assert!(text.starts_with("HTTP/1.1 4") || text.is_empty(), "{text}");
    }
    healthy(&server, "d", Duration::from_millis(300)).await?;
    let grown = server.memory()?.saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes");
    Ok(())
}

#[tokio::test]
async fn frames_of_websocket_that_break_its_rules_close_the_connection() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&[])?;
    let handshake = format!(
        "GET {SYNC} HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: converge.v1\r\n\
         sec-websocket-extensions: permessage-deflate\r\n\r\n",
        server.address
    );
    // Unmasked; an unknown opcode; reserved bits, as of compression; a long ping; text that is not UTF-8.
    for frame in [
        &[0x82, 0x01, 0x40][..],
        &[0x83, 0x80, 0, 0, 0, 0],
        &[0xc2, 0x81, 0, 0, 0, 0, 0x40],
        &[&[0x89, 0xfe, 0x00, 0x80][..], &[0; 132]].concat(),
        &[0x81, 0x81, 0, 0, 0, 0, 0xff],
        &[0x82, 0xff, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0, 0, 0, 0],
    ] {
        let mut socket = TcpStream::connect(server.address)?;
        socket.set_read_timeout(Some(SOON))?;
        socket.write_all(handshake.as_bytes())?;
        socket.write_all(frame)?;
        let mut response = Vec::new();
        let _ = socket.read_to_end(&mut response);
        let end = response.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or("no response")? + 4;
        let head = String::from_utf8_lossy(&response[..end]).to_lowercase();
        assert!(head.contains(" 101 ") && !head.contains("deflate"), "{head}");
        // A goodbye and a close frame.
        let code =
            |code: u16| response[end..].windows(4).any(|bytes| bytes[0] == 0x88 && bytes[2..] == code.to_be_bytes());
        assert!(code(1002) || code(1009), "{frame:?}: {:?}", &response[end..]);
    }
    Ok(())
}

#[tokio::test]
async fn floods_of_small_frames_are_read_slowly_and_harm_nobody() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&["--rate-messages", "100", "--rate-burst", "200"])?;
    let before = server.memory()?;
    let mut floods = Vec::new();
    for message in [Message::Binary(Frame::Ping.encode().into()), Message::Ping(vec![7; 100].into())] {
        let mut socket = open(&server).await?;
        floods.push(tokio::spawn(async move {
            let mut sent = 0_u64;
            while socket.feed(message.clone()).await.is_ok() && socket.flush().await.is_ok() {
                sent += 1;
            }
            sent
        }));
    }
    let longest = healthy(&server, "d", Duration::from_secs(2)).await?;
    let grown = server.memory()?.saturating_sub(before);
    floods.iter().for_each(tokio::task::JoinHandle::abort);
    assert!(longest < SOON / 2, "{longest:?}");
    assert!(grown < 32 << 20, "{grown} bytes");
    Ok(())
}

#[tokio::test]
async fn pings_of_websocket_count_as_messages() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&["--rate-messages", "10", "--rate-burst", "20"])?;
    let mut socket = open(&server).await?;
    let start = Instant::now();
    for number in 0_u8..40 {
        socket.send(Message::Ping(vec![number].into())).await?;
    }
    let mut last = None;
    while last != Some(39) {
        if let Message::Pong(bytes) = socket.next().await.ok_or("closed")?? {
            last = bytes.first().copied();
        }
    }
    // 20 come at once, and 10 a second afterwards.
    assert!(start.elapsed() >= Duration::from_millis(1_500), "{:?}", start.elapsed());
    Ok(())
}

#[tokio::test]
async fn a_file_of_the_maximum_size_accepts_no_updates_and_stays_readable() -> Outcome {
    let place = Place::new()?;
    let options = ["--max-file-bytes", "300KiB", "--presence-grace", "50ms"];
    let server = place.serve(&options)?;
    let mut client = server.connect("d", "", "client").await?;
    let mut reader = server.connect("d", "", "reader").await?;
    let mut written = 0;
    let cause = loop {
        client.doc().insert("t", &format!("{written:03}"), [("x", "y".repeat(10_000))])?;
        match client.settle(SOON).await {
            Ok(()) => written += 1,
            Err(cause) => break cause,
        }
        assert!(written < 100, "a megabyte fits into 300 KiB");
    };
    assert_eq!(cause.code(), Some(4413), "{cause}");
    assert!(written > 5, "{written}");
    // Reading continues, on open connections too, and writing by HTTP is refused as well.
    while reader.doc().scan("t", &converge::ScanOptions::default())?.rows.len() < written {
        reader.pump(Duration::from_millis(10)).await?;
    }
    let insert = serde_json::json!({ "ops": [{ "insert": "t", "row": "z", "cells": { "x": 1 } }] });
    let answer = server.post("/v1/docs/d/commit").json(&insert)?.expect(507)?;
    assert_eq!(answer.json()?["reason"], "full");
    let update = client.doc().update_since(&reader.doc().summary()?)?;
    server.post("/v1/docs/d/push").send(&update)?.expect(507)?;
    let page = server.get("/v1/docs/d/tables/t").empty()?.expect(200)?.json()?;
    assert_eq!(page["rows"].as_array().map(Vec::len), Some(written));
    server.get("/readyz").empty()?.expect(200)?;
    // Other documents have room. With a larger maximum, nothing of the client is lost.
    server.post("/v1/docs/e/commit").json(&insert)?.expect(200)?;
    drop(server);
    let server = place.serve(&[])?;
    let connected = Client::connect(&server.address(), "d", "", client.into_replica()).await;
    connected.map_err(|failed| failed.to_string())?.settle(SOON).await?;
    let page = server.get("/v1/docs/d/tables/t").empty()?.expect(200)?.json()?;
    assert_eq!(page["rows"].as_array().map(Vec::len), Some(written + 1));
    Ok(())
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_closed_and_bounded() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&["--slow-timeout", "2s"])?;
    let mut stuck = open(&server).await?;
    let start = Instant::now();
    // It says hello, so that it is sent everything, and then reads nothing.
    let hello = Replica::new("stuck")?;
    let session = converge::Session::open(&hello.doc, &hello.store, &converge::SessionOptions::new("d"))?;
    for message in session.messages(converge::now()) {
        stuck.send(Message::Binary(message?.into())).await?;
    }
    let before = server.memory()?;
    let mut writer = server.connect("d", "", "writer").await?;
    let mut closed = None;
    for number in 0_u64.. {
        writer.doc().insert("t", &(number % 100).to_string(), [("text", "x".repeat(2_000))])?;
        writer.settle(SOON).await?;
        let metrics = String::from_utf8(server.get("/metrics").empty()?.expect(200)?.body)?;
        if metrics.contains("converge_refusals_total{reason=\"slow\"} 1") {
            closed = Some(start.elapsed());
            break;
        }
        if start.elapsed() > SOON {
            break;
        }
    }
    let closed = closed.ok_or("the reader was not closed")?;
    assert!(closed >= Duration::from_secs(2), "{closed:?}");
    let grown = server.memory()?.saturating_sub(before);
    assert!(grown < 48 << 20, "{grown} bytes");
    Ok(())
}

#[tokio::test]
async fn a_silent_client_is_closed_and_one_that_pings_is_not() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&["--silence-timeout", "1500ms"])?;
    let mut pings = server.connect("d", "", "pings").await?;
    let mut silent = open(&server).await?;
    let start = Instant::now();
    let closed = tokio::spawn(async move { code(&mut silent).await });
    while start.elapsed() < Duration::from_secs(4) {
        pings.pump(Duration::from_millis(50)).await?;
    }
    assert_eq!(closed.await??, 4408);
    Ok(())
}

#[test]
fn a_request_that_never_ends_is_cut_off() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&["--header-timeout", "500ms", "--slow-timeout", "500ms"])?;
    for part in [
        "GET /v1/docs HTTP/1.1\r\nhost: localhost\r\nx: ",
        "POST /v1/docs/d/push HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nx",
    ] {
        let mut socket = TcpStream::connect(server.address)?;
        socket.set_read_timeout(Some(SOON))?;
        socket.write_all(part.as_bytes())?;
        let start = Instant::now();
        let mut response = Vec::new();
        let _ = socket.read_to_end(&mut response);
        assert!(start.elapsed() < SOON, "{part:?}: {:?}", start.elapsed());
    }
    let mut socket = TcpStream::connect(server.address)?;
    write!(socket, "GET /v1/docs HTTP/1.1\r\nhost: localhost\r\nx: {}", "x".repeat(1 << 20)).ok();
    let mut response = String::new();
    let _ = socket.read_to_string(&mut response);
    assert!(response.is_empty() || response.contains(" 431 "), "{response}");
    server.post("/v1/docs/d/push").send(&vec![0; (16 << 20) + 1])?.expect(413)?;
    Ok(())
}

#[test]
fn connections_and_requests_are_bounded() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&["--max-connections", "10"])?;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(TcpStream::connect(server.address)?);
    }
    let mut turned_away = TcpStream::connect(server.address)?;
    turned_away.set_read_timeout(Some(SOON))?;
    let mut response = String::new();
    turned_away.read_to_string(&mut response)?;
    assert!(response.starts_with("HTTP/1.1 503"), "{response}");
    drop(sockets);
    server.until("there is room again", || Ok(server.get("/healthz").empty().is_ok_and(|answer| answer.status == 200)))
}

#[tokio::test]
async fn the_connections_of_a_document_are_bounded() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&["--max-document-connections", "2"])?;
    let _clients = [server.connect("d", "", "a").await?, server.connect("d", "", "b").await?];
    let third = Client::connect(&server.address(), "d", "", Replica::new("c")?).await;
    assert_eq!(third.err().and_then(|failed| failed.cause.code()), Some(4429));
    server.connect("e", "", "c").await?;
    Ok(())
}

#[tokio::test]
async fn what_stops_the_engine_costs_its_sender_alone() -> Outcome {
    let place = Place::new()?;
    let server =
        place.serve(&["--max-document-bytes", "3MiB", "--max-message-bytes", "4MiB", "--max-body-bytes", "16MiB"])?;
    let mut bystander = server.connect("d", "", "bystander").await?;
    bystander.doc().insert("t", "before", [("x", 1)])?;
    bystander.settle(SOON).await?;
    // An argument that does not fit into the memory of the document stops its engine.
    server.post("/v1/docs/d/push").send(&vec![0; 8 << 20])?.expect(403)?;
    let attacker = Replica::new("attacker")?;
    attacker.doc.insert("t", "large", [("x", vec![7_u8; 3 << 20])])?;
    let mut attacker =
        Client::connect(&server.address(), "d", "", attacker).await.map_err(|failed| failed.to_string())?;
    let refused = attacker.settle(SOON).await;
    assert_eq!(refused.as_ref().err().and_then(|cause| cause.code()), Some(4403), "{refused:?}");
    // The others continue on the same connection.
    let start = Instant::now();
    bystander.doc().insert("t", "after", [("x", 1)])?;
    bystander.settle(SOON).await?;
    assert!(start.elapsed() < SOON / 4, "{:?}", start.elapsed());
    for row in ["before", "after"] {
        server.get(&format!("/v1/docs/d/tables/t/{row}")).empty()?.expect(200)?;
    }
    server.get("/v1/docs/d/tables/t/large").empty()?.expect(404)?;
    let metrics = String::from_utf8(server.get("/metrics").empty()?.expect(200)?.body)?;
    assert!(!metrics.contains("converge_restarts_total 0"), "{metrics}");
    Ok(())
}

#[tokio::test]
async fn a_client_that_closes_gets_an_answer() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&[])?;
    for with_token in [false, true] {
        let mut socket = if with_token { open(&server).await? } else { raw(&server.address(), SYNC, PROTOCOL).await? };
        socket.close(None).await?;
        let mut answered = false;
        while let Some(message) = socket.next().await {
            answered |= matches!(message?, Message::Close(_));
        }
        assert!(answered, "with a token: {with_token}");
    }
    Ok(())
}

#[tokio::test]
async fn the_shortest_timeouts_close_connections_and_nothing_else() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&["--slow-timeout", "1ms", "--silence-timeout", "1ms"])?;
    let mut socket = raw(&server.address(), SYNC, PROTOCOL).await?;
    socket.send(Message::Binary(Frame::Token(String::new()).encode().into())).await?;
    assert_eq!(code(&mut socket).await?, 4408);
    server.get("/v1/docs/d").empty()?.expect(200)?;
    assert!(!server.log().contains("panicked"), "{}", server.log());
    Ok(())
}

#[test]
fn requests_at_the_same_time_are_bounded() -> Outcome {
    let place = Place::new()?;
    let server = place.serve(&["--max-requests", "1"])?;
    // The body of this request never ends.
    let endless = || -> Result<TcpStream, Failure> {
        let mut socket = TcpStream::connect(server.address)?;
        socket.write_all(b"POST /v1/docs/d/push HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nx")?;
        Ok(socket)
    };
    let mut socket = endless()?;
    server.until("the request is counted", || {
        let is_counted = server.get("/v1/docs").empty()?.status == 429;
        if !is_counted {
            // The other request can have come first, and this one was turned away.
            socket = endless()?;
        }
        Ok(is_counted)
    })?;
    drop(socket);
    server.until("there is room again", || Ok(server.get("/v1/docs").empty()?.status == 200))
}
