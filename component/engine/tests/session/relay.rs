//! A relay with many sessions for one document.

use crate::net::{Net, options};
use crate::seeds::same;

const CLIENTS: usize = 100;

/// Returns a relay, which is the first replica, and its clients, all in sync.
fn star() -> Net {
    let names: Vec<String> = (0..=CLIENTS).map(|client| format!("{client:03}")).collect();
    let mut net = Net::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for client in 1..=CLIENTS {
        net.link([0, client], [4_096; 2].map(options));
    }
    net.settle(2 * CLIENTS).unwrap();
    net
}

#[test]
fn an_event_reaches_every_client_once() {
    let mut net = star();
    net.replicas[7].put("row", 7_i64);
    let carried = net.settle(usize::MAX).unwrap();
    // The event goes to the relay and to all other clients. Each message is acknowledged.
    assert_eq!((carried.applied, carried.duplicate, carried.messages), (100, 0, 2 * CLIENTS));
    net.check_same().unwrap();
}

#[test]
fn simultaneous_events_of_all_clients_reach_every_client_once() {
    let mut net = star();
    for round in 0..3_i64 {
        for client in 1..=CLIENTS {
            net.replicas[client].put(&client.to_string(), round);
        }
        let events = |net: &Net, replica: usize| {
            net.replicas[replica].doc.version().iter().map(|known| known.count).sum::<u32>()
        };
        let before = events(&net, 0);
        let carried = net.settle(usize::MAX).unwrap();
        // If the heads exceed the maximum of dependencies, a client's commit comes with a commit
        // that joins the heads.
        let new = events(&net, 0) - before;
        assert_eq!(new, if round == 0 { 100 } else { 200 });
        assert_eq!((carried.applied, carried.duplicate), (new * 100, 0));
        net.check_same().unwrap();
    }
}

#[test]
fn entries_reach_every_client_once_a_round() {
    let mut net = star();
    for round in 0..3_i64 {
        net.now += 16.0;
        for client in 1..=CLIENTS {
            let now = net.now;
            net.replicas[client].store.set("pos", &client.to_string(), round.into(), now).unwrap();
        }
        // All clients send before the relay answers, so the relay sends all new entries together.
        for link in 0..CLIENTS {
            assert!(net.poll(link, 1).unwrap());
            assert!(net.deliver(link, 0).unwrap());
        }
        let carried = net.settle(usize::MAX).unwrap();
        assert_eq!(carried.entries, CLIENTS * (CLIENTS - 1));
        // Each client gets one message, and a message with content is acknowledged soon.
        assert!(carried.messages <= 2 * 2 * CLIENTS, "{carried:?}");
        net.check_same().unwrap();
    }
}

#[test]
fn a_returning_client_gets_only_the_missed_events() {
    let mut net = star();
    net.links.truncate(CLIENTS - 1);
    (0..10_i64).for_each(|value| net.replicas[1].put("row", value));
    net.settle(usize::MAX).unwrap();
    net.replicas[CLIENTS].put("mine", 1_i64);
    let link = net.link([0, CLIENTS], [4_096; 2].map(options));
    let carried = net.settle(usize::MAX).unwrap();
    assert_eq!((carried.applied, carried.duplicate), (10 + CLIENTS as u32, 0));
    same("sync", &net.links[link].ends[1].session.progress(&net.replicas[CLIENTS].doc).in_sync, &true).unwrap();
    net.check_same().unwrap();
}
