//! Tests of a store's costs, in counted steps.

use super::{Store, StoreOptions};
use crate::work;
use std::collections::BTreeSet;

fn store(entries: usize) -> Store {
    let options = StoreOptions { time_to_live_ms: 1_000.0, max_skew_ms: 1_000.0 };
    let mut store = Store::create("ann", options).unwrap();
    let mut others: Vec<_> = Vec::new();
    for number in 0..entries {
        others.push(super::Entry {
            namespace: format!("n{}", number % 7),
            key: number.to_string(),
            value: Some(1_i64.into()),
            timestamp: 1.0,
            peer: format!("p{}", number / 4_000),
        });
    }
    store.merge_entries(others, 1.0).unwrap();
    store.take_update();
    store
}

#[test]
fn a_write_a_merge_and_an_update_cost_the_same_in_any_store() {
    let costs = [100, 100_000].map(|entries| {
        let mut store = store(entries);
        let (set, _) = work::count(|| store.set("n1", "1", 2_i64.into(), 2.0).unwrap());
        let (update, bytes) = work::count(|| store.take_update().unwrap());
        let mut other = Store::create("ben", store.options).unwrap();
        other.set("n1", "8", 3_i64.into(), 3.0).unwrap();
        let (merge, shown) = {
            let update = other.take_update().unwrap();
            work::count(|| store.merge_update(&update, 4.0).unwrap())
        };
        assert_eq!((shown.len(), bytes.is_empty()), (1, false));
        let source = store.new_source();
        let done = store.last_change() - 1;
        let mut out = Vec::new();
        let (changes, _) = work::count(|| store.write_changes(done, source, &BTreeSet::new(), 1_000, &mut out));
        let (remove, _) = work::count(|| store.remove("n1", "1", 5.0).unwrap().unwrap());
        store.set("n1", "1", 2_i64.into(), 5.0).unwrap();
        let (leave, left) = work::count(|| store.leave(6.0).unwrap());
        assert_eq!(left.len(), 1);
        let (nothing, _) = work::count(|| store.expire(7.0).unwrap());
        [set, update, merge, changes, remove, leave, nothing]
    });
    assert_eq!(costs[0], costs[1]);
    assert!(costs[0].iter().all(|&steps| steps <= 2), "{costs:?}");
}

#[test]
fn expiry_costs_what_it_drops() {
    let mut store = store(1_000);
    store.set("n1", "1", 2_i64.into(), 500.0).unwrap();
    let (steps, expired) = work::count(|| store.expire(1_001.0).unwrap());
    assert_eq!((steps, expired.len()), (999, 999));
    assert_eq!(store.namespaces(), ["n1"]);
}

#[test]
fn what_one_brought_is_not_given_back_to_it() {
    let mut store = store(0);
    let (ben, cleo) = (store.new_source(), store.new_source());
    let mut other = Store::create("ben", store.options).unwrap();
    let brought = other.new_source();
    other.set("pos", "b", 1_i64.into(), 1.0).unwrap();
    let mut content = Vec::new();
    assert_eq!(other.write_changes(0, brought, &BTreeSet::new(), 1_000, &mut content), 1);
    let (shown, refused) = store.merge_from(ben, &mut crate::codec::Reader::new(&content), |_| true, 1.0).unwrap();
    assert_eq!((shown.len(), refused), (1, 0));
    let given = |to, namespaces: &[&str]| {
        let namespaces = namespaces.iter().map(|&namespace| namespace.to_owned()).collect();
        let mut out = Vec::new();
        assert_eq!(store.write_changes(0, to, &namespaces, 1_000, &mut out), 1);
        out.len()
    };
    assert_eq!((given(ben, &[]), given(cleo, &["other"])), (0, 0));
    assert!(given(cleo, &["pos"]) > 0);
    // The store has written the register since, so ben receives it too.
    store.set("pos", "b", 2_i64.into(), 2.0).unwrap();
    let mut out = Vec::new();
    assert_eq!((store.write_changes(1, ben, &BTreeSet::new(), 1_000, &mut out), out.is_empty()), (2, false));
}
