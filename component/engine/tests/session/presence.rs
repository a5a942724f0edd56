//! Sessions exchange the entries of the stores.

use crate::net::{Net, Replica, options};
use converge_engine::SessionOptions;

fn only(namespaces: &[&str]) -> SessionOptions {
    let namespaces = namespaces.iter().map(|&namespace| namespace.to_owned()).collect();
    SessionOptions { namespaces, ..options(1 << 12) }
}

fn set(replica: &mut Replica, namespace: &str, key: &str, value: i64, now: f64) {
    replica.store.set(namespace, key, value.into(), now).unwrap();
}

#[test]
fn changes_between_two_polls_are_sent_as_one() {
    let mut net = Net::new(&["ann", "ben"]);
    net.link([0, 1], [options(1 << 12), options(1 << 12)]);
    net.settle(2).unwrap();
    for value in 0..100 {
        net.now += 1.0;
        let now = net.now;
        set(&mut net.replicas[0], "pos", "a", value, now);
    }
    let carried = net.settle(usize::MAX).unwrap();
    assert_eq!((carried.messages, carried.entries), (1, 1));
    net.check_same().unwrap();
}

#[test]
fn a_side_receives_the_namespaces_of_its_options() {
    let mut net = Net::new(&["ann", "ben", "cleo"]);
    net.link([0, 1], [options(1 << 12), only(&["pos", "typing"])]);
    net.link([1, 2], [only(&["typing"]), options(1 << 12)]);
    for (replica, key) in [(0, "a"), (1, "b"), (2, "c")] {
        for namespace in ["pos", "typing", "other"] {
            let now = net.now;
            set(&mut net.replicas[replica], namespace, key, 1, now);
        }
    }
    net.settle(usize::MAX).unwrap();
    let keys = |replica: usize, namespace: &str| {
        net.replicas[replica].store.get_all(namespace).into_iter().map(|entry| entry.key).collect::<String>()
    };
    let shown = [0, 1, 2].map(|replica| ["pos", "typing", "other"].map(|namespace| keys(replica, namespace)));
    assert_eq!(shown, [["ab", "abc", "ab"], ["ab", "abc", "b"], ["abc", "abc", "bc"]].map(|of| of.map(String::from)));
}

#[test]
fn a_removal_reaches_every_replica_and_is_permanent() {
    let mut net = Net::new(&["ann", "ben", "cleo"]);
    net.link([0, 1], [1 << 12; 2].map(options));
    net.link([1, 2], [1 << 12; 2].map(options));
    let now = net.now;
    set(&mut net.replicas[0], "pos", "a", 1, now);
    net.settle(usize::MAX).unwrap();
    // Cleo is away while the entry is removed, and returns with the entry.
    net.links.pop();
    net.replicas[0].store.leave(now).unwrap();
    net.settle(usize::MAX).unwrap();
    assert_eq!((net.replicas[1].shown().len(), net.replicas[2].shown().len()), (0, 1));
    net.link([1, 2], [1 << 12; 2].map(options));
    net.settle(usize::MAX).unwrap();
    net.check_same().unwrap();
    assert!(net.replicas[2].shown().is_empty());
}

#[test]
fn entries_too_far_in_the_future_are_dropped_and_counted() {
    let mut net = Net::new(&["ann", "ben"]);
    net.link([0, 1], [1 << 12; 2].map(options));
    let now = net.now;
    set(&mut net.replicas[0], "pos", "far", 1, now + 1e6);
    set(&mut net.replicas[0], "pos", "near", 1, now);
    net.replicas[0].put("row", 1_i64);
    let carried = net.settle(usize::MAX).unwrap();
    assert_eq!((carried.refused, carried.entries, carried.applied), (1, 1, 1));
    assert_eq!((net.replicas[0].store.refused(), net.replicas[1].store.refused()), (0, 1));
    assert_eq!(net.replicas[1].shown().len(), 1);
    assert!(net.links[0].ends[1].session.progress(&net.replicas[1].doc).in_sync);
}

#[test]
fn many_entries_and_large_entries_fit_into_messages() {
    for most in [64, 1 << 10] {
        let mut net = Net::new(&["ann", "ben"]);
        net.link([0, 1], [most; 2].map(options));
        let now = net.now;
        (0..500).for_each(|key| set(&mut net.replicas[0], "pos", &key.to_string(), key, now));
        net.replicas[0].store.set("pos", "large", "x".repeat(60_000).into(), now).unwrap();
        net.settle(usize::MAX).unwrap();
        assert!(net.carried.largest <= most as usize, "{:?}", net.carried);
        net.check_same().unwrap();
    }
}

#[test]
fn a_read_only_side_sends_its_entries() {
    let mut net = Net::new(&["ann", "ben"]);
    net.link([0, 1], [options(1 << 12), SessionOptions { read_only: true, ..options(1 << 12) }]);
    let now = net.now;
    set(&mut net.replicas[1], "pos", "b", 1, now);
    net.replicas[0].put("row", 1_i64);
    net.replicas[1].put("own", 1_i64);
    net.settle(usize::MAX).unwrap();
    assert_eq!(net.replicas[0].shown(), net.replicas[1].shown());
    let progress = [0, 1].map(|end| net.links[0].ends[end].session.progress(&net.replicas[end].doc));
    assert_eq!(progress.clone().map(|progress| (progress.unsent, progress.awaited)), [(0, 0), (1, 0)]);
    assert_eq!(progress.map(|progress| progress.in_sync), [true, false]);
    assert!(net.replicas[0].doc.get("table", "own").is_none() && net.replicas[1].doc.get("table", "row").is_some());
}
