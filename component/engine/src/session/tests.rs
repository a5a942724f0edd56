//! Tests of a session's costs: messages, bytes, and counted steps.

use super::{Acceptance, Session, SessionOptions};
use crate::doc::Doc;
use crate::ephemeral::{Store, StoreOptions};
use crate::oplog::Cell;
use crate::work;

struct Side {
    doc: Doc,
    store: Store,
    session: Session,
}

impl Side {
    fn new(doc: Doc) -> Self {
        let options = StoreOptions { time_to_live_ms: 1e6, max_skew_ms: 1e6 };
        let mut store = Store::create(doc.peer(), options).unwrap();
        let options = SessionOptions {
            document: "doc".to_owned(),
            max_message_bytes: 1 << 16,
            namespaces: Vec::new(),
            read_only: false,
            nonce: 0,
            accept: Acceptance::ALL,
            writers: Vec::new(),
        };
        let session = Session::open(&doc, &mut store, options).unwrap();
        Self { doc, store, session }
    }

    fn poll(&mut self) -> Option<Vec<u8>> {
        self.session.poll(&self.doc, &mut self.store, 1.0).unwrap()
    }

    fn receive(&mut self, message: &[u8]) {
        self.session.receive(&mut self.doc, &mut self.store, message, 1.0).unwrap();
    }
}

/// Carries messages until neither side has any. Returns their number and total size.
fn settle(sides: &mut [Side; 2]) -> (usize, usize) {
    let (mut messages, mut bytes) = (0, 0);
    loop {
        let before = messages;
        for from in [0, 1] {
            while let Some(message) = sides[from].poll() {
                messages += 1;
                bytes += message.len();
                sides[1 - from].receive(&message);
            }
        }
        if messages == before {
            return (messages, bytes);
        }
    }
}

/// Returns a document with this many events, updates of 1,000 rows by two peers in turns of 1,000,
/// and the same document without the last event.
fn documents(events: u32) -> [Doc; 2] {
    let (mut ann, mut ben) = (Doc::create("ann").unwrap(), Doc::create("ben").unwrap());
    for event in 0..events {
        if event == events - 1 {
            ben.merge_events(ann.events_since(&ben.summary(), u32::MAX).unwrap().runs).unwrap();
        }
        ann.insert("table", (event % 1_000).to_string(), vec![Cell::new("x", i64::from(event))]).unwrap();
        if event % 1_000 == 999 && event < events - 1 {
            ben.merge_events(ann.events_since(&ben.summary(), u32::MAX).unwrap().runs).unwrap();
            std::mem::swap(&mut ann, &mut ben);
        }
    }
    [ann, ben]
}

#[test]
fn one_missing_event_costs_the_same_in_any_history() {
    let costs = [10_000, 1_000_000].map(|events| {
        let mut sides = documents(events).map(Side::new);
        // Events are hashed once, for the first summary.
        sides.iter().for_each(|side| drop(side.doc.summary()));
        let (steps, (messages, bytes)) = work::count(|| settle(&mut sides));
        let progress = sides.each_ref().map(|side| side.session.progress(&side.doc));
        assert!(progress.iter().all(|progress| progress.in_sync), "{progress:?}");
        assert_eq!(sides[0].doc.digest(), sides[1].doc.digest());
        assert!(messages == 4 && bytes < 1_000, "{messages} messages, {bytes} bytes");
        steps
    });
    // A fingerprint is computed from a kept one, at most 64 events before it.
    assert!(costs[0].abs_diff(costs[1]) <= 64, "{costs:?}");
}

#[test]
fn an_event_in_sync_costs_the_same_in_any_history() {
    let costs = [10_000, 1_000_000].map(|events| {
        let mut sides = documents(events).map(Side::new);
        settle(&mut sides);
        sides[0].doc.insert("table", "7", vec![Cell::new("x", 7_i64)]).unwrap();
        sides[1].doc.insert("table", "8", vec![Cell::new("x", 8_i64)]).unwrap();
        let (steps, (messages, _)) = work::count(|| settle(&mut sides));
        assert_eq!(messages, 3, "two events, the one acknowledged by the other, and an acknowledgement");
        let (quiet, _) = work::count(|| settle(&mut sides));
        assert_eq!(quiet, 0);
        steps
    });
    assert_eq!(costs[0], costs[1]);
}

#[test]
fn a_long_history_costs_its_events() {
    let costs = [4_000_u32, 40_000].map(|events| {
        let [full, _] = documents(events);
        let mut sides = [full, Doc::create("cleo").unwrap()].map(Side::new);
        let (steps, _) = work::count(|| settle(&mut sides));
        assert_eq!(sides[0].doc.digest(), sides[1].doc.digest());
        steps as f64 / f64::from(events)
    });
    assert!(costs[1] < costs[0] * 1.1, "{costs:?} steps an event");
}
