//! Sessions with a side that is below the other side's horizon.

use crate::net::{Net, options};
use converge_engine::{Doc, Error, PeerVersion, SessionOptions};

/// Brings ann and ben in sync with ten events each. Then ben writes more events, and ann compacts
/// her history.
fn below(own: i64) -> Net {
    let mut net = Net::new(&["ann", "ben"]);
    net.link([0, 1], [1 << 12; 2].map(options));
    (0..10_i64).for_each(|value| net.replicas[0].put("a", value));
    (0..10_i64).for_each(|value| net.replicas[1].put("b", value));
    net.settle(usize::MAX).unwrap();
    net.links.clear();
    (0..own).for_each(|value| net.replicas[1].put(&format!("own{value}"), value));
    net.replicas[0].put("a", 10_i64);
    net.replicas[0].doc.compact(&[]).unwrap();
    net
}

fn read_only() -> SessionOptions {
    SessionOptions { read_only: true, ..options(1 << 12) }
}

#[test]
fn the_saved_document_arrives_and_own_events_are_committed_again() {
    for most in [64, 1 << 12] {
        let mut net = below(5);
        net.link([0, 1], [most; 2].map(options));
        net.settle(usize::MAX).unwrap();
        assert!((0..5).all(|row| net.replicas[0].doc.get("table", &format!("own{row}")).is_some()));
        net.check_same().unwrap();
        net.replicas[1].put("b", 100_i64);
        net.settle(10).unwrap();
        net.check_same().unwrap();
    }
}

#[test]
fn a_new_replica_gets_the_saved_document() {
    let mut net = below(5);
    net.replicas[1] = crate::net::Replica::new("cleo");
    net.replicas[1].put("mine", 1_i64);
    net.link([0, 1], [1 << 12; 2].map(options));
    net.settle(usize::MAX).unwrap();
    net.check_same().unwrap();
    assert!(matches!(net.replicas[1].doc.events_since(&Doc::summary_of(&[]).unwrap(), 1), Err(Error::Compacted(_))));
}

#[test]
fn a_read_only_side_is_brought_up_to_date() {
    let mut net = below(5);
    net.link([0, 1], [options(1 << 12), read_only()]);
    net.settle(usize::MAX).unwrap();
    assert!(net.replicas[0].doc.get("table", "own0").is_none(), "a read-only side sent an event");
    assert!(net.replicas[1].doc.get("table", "own0").is_some() && net.replicas[1].doc.get("table", "a").is_some());
}

#[test]
fn a_read_only_side_sends_no_document() {
    let mut net = below(5);
    net.link([0, 1], [read_only(), options(1 << 12)]);
    assert!(net.poll(0, 0).unwrap() && net.poll(0, 1).unwrap());
    let before = net.replicas[1].doc.save();
    // Ann knows what she compacted, and her hello names the heads to ben.
    let heads = vec![("ann".to_owned(), 11)];
    let whole = [heads.clone(), vec![("ben".to_owned(), 10)]].concat();
    for (end, horizon) in [(0, whole), (1, heads)] {
        let message = net.links[0].ends[end].inbox.pop_front().unwrap();
        assert_eq!(net.receive(0, end, &message), Err(Error::Compacted(horizon)));
    }
    assert!(net.replicas[1].doc.save() == before);
}

#[test]
fn horizons_that_exclude_each_other_are_reported() {
    let mut net = below(5);
    net.replicas[1].doc.compact(&[]).unwrap();
    net.link([0, 1], [1 << 12; 2].map(options));
    assert!(net.poll(0, 0).unwrap() && net.poll(0, 1).unwrap());
    assert!(net.deliver(0, 0).unwrap() && net.deliver(0, 1).unwrap());
    // Each side lacks the other horizon and reports that. Only then do both know that neither can
    // help.
    assert!(net.poll(0, 0).unwrap() && net.poll(0, 1).unwrap());
    for end in [0, 1] {
        let message = net.links[0].ends[end].inbox.pop_front().unwrap();
        assert!(matches!(net.receive(0, end, &message), Err(Error::Compacted(_))));
    }
}

#[test]
fn compaction_does_not_disturb_sides_that_are_in_sync() {
    let mut net = Net::new(&["ann", "ben", "cleo"]);
    net.link([0, 1], [1 << 12; 2].map(options));
    net.link([1, 2], [1 << 12; 2].map(options));
    for round in 0..4_i64 {
        (0..3).for_each(|replica| net.replicas[replica].put("row", round));
        net.settle(usize::MAX).unwrap();
        net.replicas[1].doc.compact(&[]).unwrap();
        // A hello to each neighbor, and nothing else.
        assert_eq!(net.settle(usize::MAX).unwrap().messages, 2);
        for replica in &mut net.replicas {
            replica.doc.compact(&[]).unwrap();
        }
        net.settle(usize::MAX).unwrap();
        net.check_same().unwrap();
    }
    assert_eq!(net.carried.duplicate, 0);
}

#[test]
fn compaction_of_unsent_events_sends_the_document() {
    let mut net = Net::new(&["ann", "ben"]);
    net.link([0, 1], [1 << 12; 2].map(options));
    net.settle(2).unwrap();
    (0..10_i64).for_each(|value| net.replicas[0].put("a", value));
    net.replicas[0].doc.compact(&[]).unwrap();
    net.replicas[0].put("a", 10_i64);
    net.settle(usize::MAX).unwrap();
    net.check_same().unwrap();
}

#[test]
fn a_second_horizon_sends_the_document_once() {
    for first in [0, 1] {
        let mut net = Net::new(&["ann", "ben"]);
        net.link([0, 1], [1 << 12; 2].map(options));
        net.replicas[first].put("a", 0_i64);
        net.settle(usize::MAX).unwrap();
        let horizon = net.replicas[0].doc.summary();
        net.compact(&horizon, |_| true).unwrap();
        net.settle(usize::MAX).unwrap();
        // Ann's hello names only her second horizon. It does not prove to ben that she has the
        // first one.
        net.replicas[0].put("a", 1_i64);
        net.replicas[0].doc.compact(&[]).unwrap();
        let mut documents = 0;
        loop {
            let mut is_quiet = true;
            for end in [0, 1] {
                is_quiet &= !net.poll(0, end).unwrap();
                documents += net.links[0].ends[1 - end].inbox.iter().filter(|message| message[0] == 4).count();
                is_quiet &= !net.deliver(0, 1 - end).unwrap();
            }
            if is_quiet {
                break;
            }
        }
        assert_eq!(documents, 1);
        net.check_same().unwrap();
    }
}

#[test]
fn a_rebase_reaches_the_other_neighbors() {
    for own in [1, 5] {
        // Cleo has the events that ben wrote on his own. Ben learns from ann that he is below her
        // horizon, and cleo learns it from ben.
        let mut net = below(own);
        net.replicas.push(crate::net::Replica::new("cleo"));
        net.link([1, 2], [1 << 12; 2].map(options));
        net.settle(usize::MAX).unwrap();
        net.link([0, 1], [1 << 12; 2].map(options));
        net.settle(usize::MAX).unwrap();
        net.check_same().unwrap();
        let known = net.replicas[2].doc.version().into_iter().find(|known| known.peer == "ann");
        assert_eq!(known, Some(PeerVersion { peer: "ann".to_owned(), count: 11 }));
    }
}

#[test]
fn a_replica_with_replaced_events_is_brought_up_to_date() {
    let mut net = below(1);
    net.replicas.push(crate::net::Replica::new("cleo"));
    net.link([1, 2], [1 << 12; 2].map(options));
    net.settle(usize::MAX).unwrap();
    // Cleo is away while ben rebases. She returns with the old event, whose name the new one now
    // has.
    net.links.clear();
    net.link([0, 1], [1 << 12; 2].map(options));
    net.settle(usize::MAX).unwrap();
    net.link([1, 2], [1 << 12; 2].map(options));
    net.settle(usize::MAX).unwrap();
    net.check_same().unwrap();
}

#[test]
fn a_hello_may_overtake_the_parts_of_an_event() {
    let mut net = Net::new(&["ann", "ben"]);
    net.link([0, 1], [64; 2].map(options));
    net.settle(4).unwrap();
    net.replicas[0].put("large", "x".repeat(2_000));
    // Ann compacts after some parts were sent. The hello that reports the compaction arrives before
    // the other parts.
    (0..5).for_each(|_| assert!(net.poll(0, 0).unwrap()));
    net.replicas[0].doc.compact(&[]).unwrap();
    net.settle(usize::MAX).unwrap();
    for replica in [1, 0] {
        net.replicas[replica].put("more", replica as i64);
        net.settle(usize::MAX).unwrap();
        assert!(net.replicas[1 - replica].doc.get("table", "more").is_some());
    }
    assert_eq!(net.replicas[0].doc.digest(), net.replicas[1].doc.digest());
}

#[test]
fn compaction_while_a_document_is_sent() {
    let mut net = below(5);
    net.link([0, 1], [64; 2].map(options));
    let mut is_sent = false;
    while !is_sent {
        net.poll(0, 0).unwrap();
        net.poll(0, 1).unwrap();
        // The first part of a document.
        is_sent = net.links[0].ends[1].inbox.iter().any(|message| message[0] == 0x84);
        net.deliver(0, 0).unwrap();
        net.deliver(0, 1).unwrap();
    }
    let whole = Doc::summary_of(&[]).unwrap();
    assert!(net.replicas[1].doc.events_since(&whole, 1).is_ok(), "ben has the document");
    net.replicas[0].put("a", 11_i64);
    net.replicas[0].doc.compact(&[]).unwrap();
    net.settle(usize::MAX).unwrap();
    net.check_same().unwrap();
}
