//! Published editing histories, real and random ones.

use super::oracle::Event;
use super::random::on_all_processors;
use super::world::{History, Random, Replica, TestEvent};
use crate::text::Edit;
use converge_traces::{Patch, Trace, sha256};

fn history(trace: &Trace) -> History {
    let edits =
        |patches: &[Patch]| patches.iter().map(|patch| (patch.at, patch.remove, patch.insert.clone())).collect();
    let events = trace.events.iter().map(|event| TestEvent {
        author: event.peer.clone(),
        previous: event.previous,
        after: event.after.clone(),
        edits: edits(&event.patches),
    });
    History { ground: String::new(), events: events.collect() }
}

/// Returns the end of a history whose events arrive in this order, in groups of up to `most`.
fn replay(history: &History, order: &[Event], most: usize, random: &mut Random) -> String {
    let mut replica = Replica::new(history);
    let mut edits: Vec<Edit> = Vec::new();
    let mut left = 1 + random.below(most);
    for &event in order {
        edits.extend(replica.add(history, event));
        left -= 1;
        if left == 0 {
            replica.apply(&edits);
            edits.clear();
            left = 1 + random.below(most);
        }
    }
    replica.apply(&edits);
    replica.read()
}

#[test]
fn traces_end_as_published() {
    for (trace, end) in converge_traces::all() {
        let (name, history) = (&trace.name, history(&trace));
        let order: Vec<Event> = (0..history.events.len()).collect();
        for most in [1, 1_000, usize::MAX] {
            let text = replay(&history, &order, most, &mut Random(1));
            assert_eq!(sha256(&text), end, "{name}, up to {most} events a call");
        }
    }
}

#[test]
fn concurrent_traces_end_as_published_in_any_order() {
    for (trace, end) in converge_traces::concurrent() {
        let (name, history) = (&trace.name, history(&trace));
        on_all_processors(0..4, |seed| {
            let mut random = Random(seed);
            let order = history.shuffled(&mut random);
            let most = [1, 10, 1_000, usize::MAX][seed as usize % 4];
            assert_eq!(sha256(&replay(&history, &order, most, &mut random)), end, "{name}, up to {most} events a call");
        });
    }
}

#[test]
fn conformance_histories_end_as_published() {
    let Some((traces, end)) = converge_traces::conformance() else { return };
    let histories: Vec<History> = traces.iter().map(history).collect();
    assert_eq!(histories.len(), 500);
    on_all_processors(0..6, |seed| {
        let mut random = Random(seed);
        let ends = histories.iter().map(|history| {
            let order = if seed == 0 { (0..history.events.len()).collect() } else { history.shuffled(&mut random) };
            let most = 1 + random.below(20);
            replay(history, &order, most, &mut random)
        });
        let ends: Vec<String> = ends.collect();
        assert_eq!(sha256(&ends.join("\n")), end);
    });
}
