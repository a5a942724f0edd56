//! Long histories are sent in pages that fit into a message, from both sides at once. Queues stay
//! short.

use crate::net::{Carried, Net, options};
use converge_engine::{Cell, limits};

fn pair(max_message_bytes: [u32; 2]) -> Net {
    let mut net = Net::new(&["ann", "ben"]);
    net.link([0, 1], max_message_bytes.map(options));
    net
}

#[test]
fn long_histories_are_sent_both_ways_at_once() {
    for most in [[64; 2], [1_000, 300], [1 << 16; 2], [1 << 20, 64]] {
        let mut net = pair(most);
        for value in 0..20_000_i64 {
            net.replicas[(value % 2) as usize].put(&(value % 1_000).to_string(), value);
        }
        // Both sides send as much as they may before either of them receives anything.
        let mut max_waiting = 0;
        loop {
            let mut is_quiet = true;
            for end in [0, 1] {
                while net.poll(0, end).unwrap() {
                    is_quiet = false;
                }
            }
            max_waiting = net.links[0].ends.iter().map(|end| end.inbox.len()).max().unwrap().max(max_waiting);
            for end in [0, 1] {
                while net.deliver(0, end).unwrap() {
                    is_quiet = false;
                }
            }
            if is_quiet {
                break;
            }
        }
        let Carried { applied, duplicate, largest, .. } = net.carried;
        assert_eq!((applied, duplicate), (20_000, 0));
        assert!(max_waiting <= limits::MESSAGES_IN_FLIGHT.maximum as usize + 1, "{max_waiting} on the way");
        assert!(largest <= *most.iter().max().unwrap() as usize, "{largest} bytes");
        net.check_same().unwrap();
    }
}

#[test]
fn messages_have_the_smaller_of_both_maximum_sizes() {
    let mut net = pair([1 << 16, 64]);
    (0..1_000_i64).for_each(|value| net.replicas[0].put(&value.to_string(), value));
    // The hellos are sent before either side knows the other one.
    assert!(net.poll(0, 0).unwrap() && net.poll(0, 1).unwrap());
    net.carried = Carried::default();
    net.settle(usize::MAX).unwrap();
    assert!(net.carried.largest <= 64, "{:?}", net.carried);
    net.check_same().unwrap();
}

#[test]
fn the_first_pages_are_merged_and_later_ones_follow_after_a_cut() {
    let mut net = pair([1 << 12; 2]);
    (0..10_000_i64).for_each(|value| net.replicas[0].put(&(value % 100).to_string(), value));
    let mut cuts = 0;
    while !net.links[0].ends[0].session.progress(&net.replicas[0].doc).in_sync {
        // Five messages each way, of which the last ones are lost.
        for _ in 0..5 {
            net.poll(0, 0).unwrap();
            net.poll(0, 1).unwrap();
            net.deliver(0, 0).unwrap();
            net.deliver(0, 1).unwrap();
        }
        net.poll(0, 0).unwrap();
        assert!(net.replicas[1].doc.version()[0].count > 0, "the first pages must have arrived");
        if !net.links[0].ends[0].session.progress(&net.replicas[0].doc).in_sync {
            net.cut(0);
            cuts += 1;
        }
    }
    assert!(cuts > 3, "{cuts} cuts");
    assert_eq!((net.carried.applied, net.carried.duplicate), (10_000, 0));
    net.settle(10).unwrap();
    net.check_same().unwrap();
}

#[test]
fn an_event_larger_than_a_message_is_sent_in_parts() {
    for most in [64, 1 << 10, 1 << 16] {
        let mut net = pair([most; 2]);
        net.replicas[0].put("before", 1_i64);
        net.replicas[0].put("large", vec![7_u8; 300_000]);
        net.replicas[0].put("after", 2_i64);
        net.settle(usize::MAX).unwrap();
        assert!(net.carried.largest <= most as usize);
        net.check_same().unwrap();
    }
}

#[test]
fn presence_does_not_wait_for_a_long_history() {
    let mut net = pair([1 << 10; 2]);
    (0..100_000_i64).for_each(|value| net.replicas[0].put(&(value % 100).to_string(), value));
    for _ in 0..20 {
        net.poll(0, 0).unwrap();
        net.poll(0, 1).unwrap();
        net.deliver(0, 1).unwrap();
        net.deliver(0, 0).unwrap();
    }
    let now = net.now;
    net.replicas[0].store.set("pos", "a", 1_i64.into(), now).unwrap();
    net.poll(0, 0).unwrap();
    while net.deliver(0, 1).unwrap() {}
    assert!(net.replicas[1].store.get("pos", "a").is_some());
    assert!(net.replicas[1].doc.version()[0].count < 100_000);
    net.settle(usize::MAX).unwrap();
    net.check_same().unwrap();
}

#[test]
fn commits_without_operations_are_sent() {
    let mut net = pair([100; 2]);
    (0..1_000).for_each(|_| drop(net.replicas[0].doc.commit(vec![]).unwrap()));
    net.replicas[0].doc.insert("t", "r", vec![Cell::new("x", 1_i64)]).unwrap();
    net.settle(usize::MAX).unwrap();
    net.check_same().unwrap();
}

#[test]
fn a_side_that_does_not_answer_is_sent_no_more() {
    let mut net = pair([100; 2]);
    (0..1_000_i64).for_each(|value| net.replicas[0].put("row", "x".repeat(value as usize)));
    let mut sent = 0;
    net.poll(0, 1).unwrap();
    for _ in 0..1_000 {
        sent += usize::from(net.poll(0, 0).unwrap());
        net.deliver(0, 0).unwrap();
        net.deliver(0, 1).unwrap();
    }
    assert_eq!(sent, limits::MESSAGES_IN_FLIGHT.maximum as usize);
}
