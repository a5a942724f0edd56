//! The costs of large histories, in counted steps: twice the history takes at most 2.5 times the
//! steps.

use super::oracle::Event;
use super::world::{History, Replica, TestEvent};
use crate::work;

/// Returns an event with one insertion.
fn insert(author: &str, previous: Option<Event>, after: Vec<Event>, at: u32) -> TestEvent {
    TestEvent { author: author.to_owned(), previous, after, edits: vec![(at, 0, String::from("x"))] }
}

/// Returns the steps of taking in a history, in groups of this many events.
fn steps(history: &History, group: usize) -> u64 {
    let order: Vec<Event> = (0..history.events.len()).collect();
    let mut replica = Replica::new(history);
    let mut steps = 0;
    for events in order.chunks(group.min(order.len())) {
        let edits: Vec<_> = events.iter().flat_map(|&event| replica.add(history, event)).collect();
        steps += work::count(|| replica.apply(&edits)).0;
    }
    steps
}

/// Checks the growth of the steps when the number of units doubles.
fn check(name: &str, units: u32, group: usize, make: impl Fn(u32) -> History) {
    let (one, two) = (steps(&make(units), group), steps(&make(2 * units), group));
    let growth = two as f64 / one as f64;
    assert!(growth <= 2.5, "{name}: {one} steps, then {two}, which is {growth:.2} times as many");
}

/// Peers whose events arrive in turns, each building on the peer's own last event.
fn branches(events: u32, peers: u32, at: impl Fn(u32) -> u32) -> History {
    let mut history = History::default();
    for index in 0..events * peers {
        let own = index.checked_sub(peers).map(|own| own as Event);
        let author = format!("{:04}", index % peers);
        history.events.push(insert(&author, own, own.into_iter().collect(), at(index / peers)));
    }
    history
}

#[test]
fn typing_grows_with_its_length() {
    check("typing", 4_000, 1, |events| branches(events, 1, |index| index));
    check("prepending", 4_000, 1, |events| branches(events, 1, |_| 0));
    check("scattered", 4_000, 1, |events| branches(events, 1, |index| index.wrapping_mul(0x9e37_79b9) % (index + 1)));
}

#[test]
fn two_peers_prepend() {
    check("two peers prepend", 4_000, usize::MAX, |events| branches(events, 2, |_| 0));
    check("two peers type", 4_000, usize::MAX, |events| branches(events, 2, |index| index));
}

#[test]
fn two_branches_arrive_in_turns() {
    let at = |index: u32| index.wrapping_mul(0x9e37_79b9) % (index + 1);
    check("two scattered branches", 4_000, usize::MAX, |events| branches(events, 2, at));
    check("five scattered branches", 1_000, usize::MAX, |events| branches(events, 5, at));
}

#[test]
fn a_crowd_inserts_at_one_place() {
    for group in [1, usize::MAX] {
        check("a crowd", 2_000, group, |peers| branches(1, peers, |_| 0));
        check("a crowd that types", 1_000, group, |peers| branches(2, peers, |index| index));
    }
}

#[test]
fn a_ladder_of_merges() {
    // In each round, both peers build on both events of the round before.
    let ladder = |rounds: u32| {
        let mut history = History::default();
        for round in 0..rounds as Event {
            let before: Vec<Event> =
                round.checked_sub(1).map(|before| vec![2 * before, 2 * before + 1]).unwrap_or_default();
            for peer in 0..2 {
                let previous = round.checked_sub(1).map(|before| 2 * before + peer);
                history.events.push(insert(["a", "b"][peer], previous, before.clone(), round as u32));
            }
        }
        history
    };
    check("a ladder, event by event", 2_000, 1, ladder);
    check("a ladder", 2_000, usize::MAX, ladder);
}

/// A peer writes a chain, and next to each event of it another peer inserts, whose name is before
/// or after.
fn comb(events: u32, prefix: &str, at: impl Fn(u32) -> u32) -> History {
    let mut history = branches(events, 1, &at);
    for index in 0..events {
        let author = format!("{prefix}{index}");
        history.events.push(insert(&author, None, vec![index as Event], at(index + 1)));
    }
    history
}

#[test]
fn the_ends_of_long_chains_are_found_fast() {
    for (prefix, name) in [("+", "before"), ("z", "behind")] {
        check(&format!("next to typed characters, {name}"), 2_000, usize::MAX, |events| comb(events, prefix, |at| at));
        check(&format!("next to prepended characters, {name}"), 2_000, usize::MAX, |events| {
            comb(events, prefix, |_| 0)
        });
    }
}

#[test]
fn merges_of_a_live_session_cost_little() {
    // Two peers type; each sees the other's events one round later.
    let session = |rounds: u32| {
        let mut history = History::default();
        for round in 0..rounds as Event {
            for peer in 0..2 {
                let own = round.checked_sub(1).map(|before| 2 * before + peer);
                let other = round.checked_sub(2).map(|before| 2 * before + 1 - peer);
                let after = own.into_iter().chain(other).collect();
                history.events.push(insert(["a", "b"][peer], own, after, 0));
            }
        }
        history
    };
    check("a live session", 2_000, 1, session);
}

#[test]
fn a_text_at_rest_takes_little_memory() {
    let mut history = History::default();
    history.push("a", &[], &[(0, 0, "x")]);
    let mut replica = Replica::new(&history);
    replica.take(&history, &[0]);
    let bytes = replica.text.bytes_at_rest();
    assert!(bytes <= 400, "{bytes} bytes for one character");
    // Typing takes a run of edits, and pieces of up to a kibibyte.
    let history = branches(100_000, 1, |index| index);
    let mut replica = Replica::new(&history);
    let edits: Vec<_> = (0..history.events.len()).flat_map(|event| replica.add(&history, event)).collect();
    edits.chunks(10).for_each(|edits| drop(replica.apply(edits)));
    let bytes = replica.text.bytes_at_rest();
    assert!(bytes <= 8_000, "{bytes} bytes for 100,000 characters");
}
