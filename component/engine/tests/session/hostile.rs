//! Messages that no session wrote, and calls in the wrong order. They fail with an error that ends
//! the session and changes nothing else.

use crate::net::{Net, Replica, options};
use crate::seeds::{Checked, Random, ensure, for_each_seed};
use allocation_counter::measure;
use converge_engine::{Error, Received, Session, SessionOptions, SessionRule};

const CHECKSUM_BYTES: usize = 4;
/// The memory that a message may allocate: a fixed part, and a part for each of its bytes.
const MAX_BYTES: u64 = 256 << 10;
const MAX_BYTES_PER_BYTE: u64 = 1_024;

/// Returns two sides that have messages of every kind to send, and all messages of their
/// conversation to the second side.
fn conversation() -> (Net, Vec<Vec<u8>>) {
    (scene(), messages_to_second(&mut scene()))
}

/// Lets both sides talk until they are quiet, and returns the messages to the second side.
fn messages_to_second(net: &mut Net) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    loop {
        let mut is_quiet = !net.poll(0, 0).unwrap();
        is_quiet &= !net.poll(0, 1).unwrap();
        messages.extend(net.links[0].ends[1].inbox.iter().cloned());
        is_quiet &= !net.deliver(0, 1).unwrap() & !net.deliver(0, 0).unwrap();
        if is_quiet {
            return messages;
        }
    }
}

fn scene() -> Net {
    let mut net = Net::new(&["ann", "ben"]);
    (0..30_i64).for_each(|value| net.replicas[0].put(&(value % 7).to_string(), value));
    net.replicas[0].put("large", "x".repeat(3_000));
    (0..5_i64).for_each(|value| net.replicas[1].put("b", value));
    let now = net.now;
    for key in ["a", "b", "c"] {
        net.replicas[0].store.set("pos", key, key.into(), now).unwrap();
    }
    net.replicas[0].store.remove("pos", "c", now).unwrap();
    net.link([0, 1], [options(700), options(700)]);
    net
}

/// Returns the message with a correct checksum.
fn resealed(mut message: Vec<u8>) -> Vec<u8> {
    if let Some(end) = message.len().checked_sub(CHECKSUM_BYTES) {
        let checksum = crc32fast::hash(&message[..end]);
        message[end..].copy_from_slice(&checksum.to_le_bytes());
    }
    message
}

fn state(replica: &Replica) -> (Vec<u8>, Vec<u8>) {
    (replica.doc.save(), replica.store.snapshot(&[]))
}

/// Delivers a message to the second side and returns whether it was accepted. A rejected message
/// ends the session and changes nothing else.
fn offer(net: &mut Net, message: &[u8]) -> Checked<bool> {
    let before = state(&net.replicas[1]);
    let mut received = Ok(Received::default());
    let memory = measure(|| received = net.receive(0, 1, message));
    let most = MAX_BYTES + MAX_BYTES_PER_BYTE * message.len() as u64;
    ensure!(memory.bytes_max <= most, "{} bytes for {}", memory.bytes_max, message.len());
    match received {
        Ok(_) => {
            net.replicas[1].doc.dbg_check();
            net.replicas[1].store.dbg_check();
            Ok(true)
        }
        Err(error) => {
            ensure!(state(&net.replicas[1]) == before, "rejected, but changed the replica: {error}");
            ensure!(net.poll(0, 1).is_err(), "the session continues after {error}");
            let again = net.receive(0, 1, message);
            let is_ended = matches!(again, Err(Error::SessionEnded));
            ensure!(is_ended, "an ended session returns {again:?}");
            Ok(false)
        }
    }
}

/// Returns the scene after this many messages to the second side. The first side received the
/// answers.
fn after(messages: &[Vec<u8>], count: usize) -> Net {
    let mut net = scene();
    for message in &messages[..count] {
        while net.poll(0, 1).unwrap() {}
        net.receive(0, 1, message).unwrap();
    }
    net
}

#[test]
fn damaged_messages_are_rejected() {
    let (_, messages) = conversation();
    assert!(messages.len() > 6, "{} messages", messages.len());
    for (at, message) in messages.iter().enumerate() {
        for len in 0..message.len() {
            assert_eq!(offer(&mut after(&messages, at), &message[..len]), Ok(false), "message {at} cut at {len}");
        }
        for byte in 0..message.len() {
            let mut flipped = message.clone();
            flipped[byte] ^= 1 << (byte % 8);
            assert_eq!(offer(&mut after(&messages, at), &flipped), Ok(false), "message {at} flipped at {byte}");
        }
    }
}

/// Delivers a message that is not addressed to the second side. Nothing changes, and the session
/// continues.
fn check_ignored(net: &mut Net, message: &[u8]) -> Checked {
    let before = state(&net.replicas[1]);
    let received = net.receive(0, 1, message);
    ensure!(received == Ok(Received::default()), "{received:?}");
    ensure!(state(&net.replicas[1]) == before, "an ignored message changed the replica");
    Ok(())
}

#[test]
fn reordered_and_repeated_messages_are_rejected() {
    let (_, messages) = conversation();
    for at in 1..messages.len() {
        for (other, message) in messages.iter().enumerate().filter(|(other, _)| *other != at) {
            let is_acknowledgement = message[0] == 5;
            let taken = offer(&mut after(&messages, at), message);
            assert!(taken == Ok(false) || is_acknowledgement, "message {other} in the place of {at}: {taken:?}");
        }
    }
}

#[test]
fn messages_before_the_hello_are_ignored_and_both_sides_start_over() {
    let (_, messages) = conversation();
    for (number, message) in messages.iter().enumerate().skip(1) {
        let mut net = scene();
        let checked = check_ignored(&mut net, message);
        assert_eq!(checked, Ok(()), "message {number}");
        net.settle(usize::MAX).unwrap();
        net.check_same().unwrap();
    }
}

#[test]
fn messages_of_another_session_are_ignored_or_restart_the_conversation() {
    let (_, messages) = conversation();
    let mut other = scene();
    other.cut(0);
    let others = messages_to_second(&mut other);
    for at in 0..messages.len() {
        for (number, message) in others.iter().enumerate() {
            let mut net = after(&messages, at);
            let checked = check_ignored(&mut net, message);
            assert_eq!(checked, Ok(()), "message {number} in the place of {at}");
            let has_large = |net: &Net| net.replicas[1].doc.get("table", "large").is_some();
            let had_large = has_large(&net);
            let goes_on = net.receive(0, 1, &messages[at]).is_ok_and(|_| {
                while net.poll(0, 1).unwrap() {}
                messages[at + 1..].iter().all(|message| {
                    let is_ok = net.receive(0, 1, message).is_ok();
                    while net.poll(0, 1).unwrap() {}
                    is_ok
                })
            });
            assert!(goes_on, "message {number} in the place of {at} ended the session");
            // A hello without an address belongs to a side that opened a new session. Messages of
            // its former session are stale from then on.
            let is_hello = number == 0;
            assert_eq!(has_large(&net), had_large || !is_hello, "message {number} in the place of {at}");
        }
    }
}

#[test]
fn messages_with_a_correct_checksum_are_merged_validly_or_rejected() {
    let (_, messages) = conversation();
    for_each_seed(1_500, |seed| {
        let mut random = Random::new(seed);
        let at = random.below(messages.len());
        let mut net = after(&messages, at);
        let mut message = messages[at].clone();
        for _ in 0..1 + random.below(4) {
            let place = random.below(message.len());
            match random.below(5) {
                0 => message[place] ^= 1 << random.below(8),
                1 => message[place] = random.next() as u8,
                2 => drop(
                    message.splice(place..place, (0..random.below(9)).map(|at| (at * 37) as u8).collect::<Vec<_>>()),
                ),
                3 if message.len() > 8 => message.truncate(place.max(5)),
                _ => {
                    let other = random.pick(&messages).clone();
                    let cut = random.below(other.len());
                    message.splice(place.., other[cut..].iter().copied());
                }
            }
            if message.is_empty() {
                message.push(0);
            }
        }
        if random.chance(9, 10) {
            message = resealed(message);
        }
        offer(&mut net, &message).map(drop)
    });
}

#[test]
fn noise_is_rejected() {
    let (_, messages) = conversation();
    for_each_seed(1_000, |seed| {
        let mut random = Random::new(seed);
        let mut noise: Vec<u8> = (0..random.below(200)).map(|_| random.next() as u8).collect();
        let is_sealed = random.chance(1, 2);
        if is_sealed {
            noise = resealed(noise);
        }
        let mut net = scene();
        if offer(&mut net, &noise)? {
            // The address of the message is not this session's, so this session continues.
            ensure!(is_sealed, "noise was accepted: {noise:?}");
            ensure!(state(&net.replicas[1]) == state(&scene().replicas[1]), "noise changed something: {noise:?}");
            net.settle(usize::MAX)?;
            net.check_same()?;
        }
        // Noise with a known kind and the address of this session.
        let mut net = after(&messages, 1);
        let mut message = vec![1 + random.below(6) as u8];
        message.extend(net.address(0, 1));
        message.append(&mut noise);
        message.extend([0; CHECKSUM_BYTES]);
        let taken = offer(&mut net, &resealed(message.clone()))?;
        ensure!(!taken, "noise was accepted: {message:?}");
        Ok(())
    });
}

/// Returns a message to the second side, written by hand. It acknowledges nothing.
fn by_hand(net: &Net, kind: u8, number: u8, content: &[u8]) -> Vec<u8> {
    let head = [&[kind][..], &net.address(0, 1), &[0, number]].concat();
    resealed([&head, content, &[0; CHECKSUM_BYTES]].concat())
}

fn refused(result: Result<Received, Error>) -> Error {
    result.expect_err("the message must be rejected")
}

#[test]
fn another_version_is_reported() {
    let mut net = scene();
    net.poll(0, 0).unwrap();
    let mut hello = net.links[0].ends[1].inbox.pop_front().unwrap();
    // The kind is followed by an address, an acknowledgement and a number.
    assert_eq!(hello[7..12], *b"cvgs\x01");
    hello[11] = 2;
    for message in [hello.clone(), resealed(hello)] {
        assert_eq!(refused(scene().receive(0, 1, &message)), Error::UnsupportedVersion(2));
    }
}

#[test]
fn another_document_is_reported() {
    let mut net = Net::new(&["ann", "ben"]);
    let other = SessionOptions { document: "other".to_owned(), ..options(700) };
    net.link([0, 1], [options(700), other]);
    assert!(net.poll(0, 0).unwrap());
    let message = net.links[0].ends[1].inbox.pop_front().unwrap();
    let rule = SessionRule::OtherDocument { here: "other".to_owned(), there: "doc".to_owned() };
    assert_eq!(refused(net.receive(0, 1, &message)), Error::Protocol(rule));
}

#[test]
fn events_from_a_read_only_side_are_rejected() {
    let mut net = scene();
    let mut liar = scene();
    liar.links.clear();
    liar.link([0, 1], [SessionOptions { read_only: true, ..options(700) }, options(700)]);
    liar.poll(0, 0).unwrap();
    let hello = liar.links[0].ends[1].inbox.pop_front().unwrap();
    let (_, messages) = conversation();
    net.receive(0, 1, &hello).unwrap();
    let events = messages.iter().find(|message| message[0] & 0x7f == 2).unwrap();
    let mut events = events.clone();
    // The message acknowledges nothing and is the second of its session.
    events[5..7].copy_from_slice(&[0, 1]);
    let rule = Error::Protocol(SessionRule::ReadOnly);
    assert_eq!(refused(net.receive(0, 1, &resealed(events))), rule);
}

#[test]
fn an_unneeded_document_is_rejected() {
    let mut net = scene();
    net.poll(0, 0).unwrap();
    net.deliver(0, 1).unwrap();
    let message = by_hand(&net, 4, 1, &net.replicas[0].doc.save());
    let rule = Error::Protocol(SessionRule::DocumentNotNeeded);
    assert_eq!(refused(net.receive(0, 1, &message)), rule);
}

#[test]
fn messages_beyond_the_maximum_in_flight_are_rejected() {
    let mut net = scene();
    net.poll(0, 0).unwrap();
    net.deliver(0, 1).unwrap();
    let mut taken = 1;
    let error = loop {
        // An empty list of entries.
        let message = by_hand(&net, 3, taken, &[0]);
        match net.receive(0, 1, &message) {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((taken, error), (16, Error::Protocol(SessionRule::TooManyInFlight)));
}

#[test]
fn the_size_of_a_message_in_parts_is_limited() {
    let mut net = scene();
    net.poll(0, 0).unwrap();
    net.deliver(0, 1).unwrap();
    let part = vec![7_u8; 8 << 20];
    let mut parts = 0_u8;
    let error = loop {
        while net.poll(0, 1).unwrap() {}
        let message = by_hand(&net, 0x82, 1 + parts, &part);
        match net.receive(0, 1, &message) {
            Ok(_) => parts += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(parts, 32);
    assert!(matches!(error, Error::LimitExceeded { limit, .. } if limit.name == "parts-bytes"), "{error}");
}

#[test]
fn announced_events_may_never_arrive() {
    let mut net = Net::new(&["ann", "ben"]);
    (0..1_000_i64).for_each(|value| net.replicas[0].put("row", value));
    net.link([0, 1], [options(700), options(700)]);
    net.poll(0, 0).unwrap();
    net.deliver(0, 1).unwrap();
    let progress = |net: &Net| net.links[0].ends[1].session.progress(&net.replicas[1].doc);
    assert_eq!((progress(&net).awaited, progress(&net).in_sync), (1_000, false));
    net.cut(0);
    assert_eq!(progress(&net).awaited, 0);
    net.settle(usize::MAX).unwrap();
    net.check_same().unwrap();
}

#[test]
fn invalid_options_are_rejected() {
    let Replica { doc, mut store } = Replica::new("ann");
    let mut refused =
        |options: SessionOptions| Session::open(&doc, &mut store, options).map(drop).unwrap_err().to_string();
    let good = || options(700);
    for (options, message) in [
        (SessionOptions { document: String::new(), ..good() }, "the document name is empty"),
        (SessionOptions { document: "x".repeat(1_025), ..good() }, "document-name-bytes"),
        (SessionOptions { max_message_bytes: 63, ..good() }, "give at least 64"),
        (SessionOptions { max_message_bytes: (16 << 20) + 1, ..good() }, "message-bytes"),
        (SessionOptions { namespaces: vec![String::new()], ..good() }, "the namespace is empty"),
        (SessionOptions { namespaces: vec!["x".repeat(257)], ..good() }, "namespace-bytes"),
        (SessionOptions { namespaces: vec!["x".to_owned(); 4_097], ..good() }, "namespaces"),
    ] {
        let error = refused(options);
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn an_invalid_time_is_rejected() {
    for now in [f64::NAN, f64::INFINITY, -1.0] {
        let mut net = scene();
        net.now = now;
        assert!(net.poll(0, 0).unwrap_err().contains("the present time is"));
    }
}
