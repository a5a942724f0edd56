//! A relay: many sessions on one document.

use crate::net::{Net, options};
use crate::seeds::same;

const CLIENTS: usize = 100;

/// A relay, the first of the replicas, and its clients, all in sync.
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
fn an_event_reaches_everyone_once() {
    let mut net = star();
    net.replicas[7].put("row", 7_i64);
    let carried = net.settle(usize::MAX).unwrap();
    // Up to the relay and down to all others, each acknowledged.
    assert_eq!((carried.applied, carried.duplicate, carried.messages), (100, 0, 2 * CLIENTS));
    net.check_same().unwrap();
}

#[test]
fn events_of_everyone_at_once_reach_everyone_once() {
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
        // With more heads than one event may depend on, each client's commit came with one that joins them.
        let new = events(&net, 0) - before;
        assert_eq!(new, if round == 0 { 100 } else { 200 });
        assert_eq!((carried.applied, carried.duplicate), (new * 100, 0));
        net.check_same().unwrap();
    }
}

#[test]
fn entries_of_everyone_reach_everyone_once_a_round() {
    let mut net = star();
    for round in 0..3_i64 {
        net.now += 16.0;
        for client in 1..=CLIENTS {
            let now = net.now;
            net.replicas[client].store.set("pos", &client.to_string(), round.into(), now).unwrap();
        }
        // Everyone sends before anyone is served: the relay's news go out together.
        for link in 0..CLIENTS {
            assert!(net.poll(link, 1).unwrap());
            assert!(net.deliver(link, 0).unwrap());
        }
        let carried = net.settle(usize::MAX).unwrap();
        assert_eq!(carried.entries, CLIENTS * (CLIENTS - 1));
        // A message to each, and where the content needs it an acknowledgement before long.
        assert!(carried.messages <= 2 * 2 * CLIENTS, "{carried:?}");
        net.check_same().unwrap();
    }
}

#[test]
fn who_comes_back_gets_what_it_missed_and_no_more() {
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
