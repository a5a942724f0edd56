//! Tests the graph against a naive one, which stores the set of ancestors of every event.

use super::{Broken, Graph, HeldBy, Horizon, RunNumber, Stub};
use crate::clock::Lamport;
use crate::error::Error;
use crate::id::{Counter, EventNumber, PeerNumber};
use crate::limits;
use crate::work;
use std::collections::BTreeSet;

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }
}

/// By event number, the event and its ancestors.
type Ancestors = Vec<BTreeSet<u32>>;

/// Checks the next event of a peer whose history is a chain.
fn check_next(graph: &Graph, peer: PeerNumber, dependencies: &[EventNumber]) -> Result<(), Broken> {
    let previous = graph.count(peer).checked_sub(1).map(|last| (peer, Counter(last)));
    graph.check(previous, &[], dependencies)
}

fn check(graph: &Graph, ancestors: &Ancestors, peer: PeerNumber, dependencies: &[EventNumber]) -> bool {
    let previous = graph.count(peer).checked_sub(1).and_then(|last| graph.find(peer, Counter(last)));
    let misses = previous.is_some_and(|p| !dependencies.iter().any(|d| ancestors[d.index()].contains(&p.0)));
    let is_covered = |event: EventNumber| {
        dependencies.iter().any(|later| *later != event && ancestors[later.index()].contains(&event.0))
    };
    match check_next(graph, peer, dependencies) {
        Ok(()) => !misses && !dependencies.iter().any(|event| is_covered(*event)),
        Err(Broken::PreviousMissing) => misses,
        Err(Broken::OnSibling) => false,
        Err(Broken::NotConcurrent(event)) => !misses && dependencies.contains(&event) && is_covered(event),
    }
}

#[test]
fn agrees_with_the_naive_graph() {
    for seed in 0..400 {
        let mut random = Random(seed);
        let peers = 1 + random.below(8);
        let mut graph = Graph::default();
        let mut ancestors = Ancestors::new();
        for _ in 0..200 {
            let mark = graph.mark();
            let before = ancestors.len();
            for _ in 0..1 + random.below(4) {
                let peer = PeerNumber(random.below(peers) as u32);
                let mut dependencies: Vec<EventNumber> = match random.below(3) {
                    0 => graph.heads().collect(),
                    _ if ancestors.is_empty() => Vec::new(),
                    _ => (0..1 + random.below(4)).map(|_| EventNumber(random.below(ancestors.len()) as u32)).collect(),
                };
                dependencies.sort();
                dependencies.dedup();
                assert!(check(&graph, &ancestors, peer, &dependencies), "seed {seed}");
                if check_next(&graph, peer, &dependencies).is_ok() {
                    let len = 1 + random.below(3) as u32;
                    let first = graph.push((peer, Counter(graph.count(peer))), &dependencies, 0, len);
                    let mut known: BTreeSet<u32> =
                        dependencies.iter().flat_map(|d| ancestors[d.index()].iter().copied()).collect();
                    for event in first.0..first.0 + len {
                        known.insert(event);
                        ancestors.push(known.clone());
                    }
                }
            }
            if random.below(4) == 0 {
                graph.undo(mark);
                ancestors.truncate(before);
            } else {
                graph.keep();
            }
            graph.dbg_check();
        }
        let counts: Vec<u32> =
            (0..peers).map(|p| random.below(1 + graph.count(PeerNumber(p as u32)) as usize) as u32).collect();
        let since: Vec<u32> = graph.since(&counts).flat_map(|span| span.first.0..span.first.0 + span.len).collect();
        let naive: Vec<u32> = (0..graph.len())
            .filter(|&event| {
                let (peer, counter, _) = graph.describe(EventNumber(event));
                counter.0 >= counts[peer.index()]
            })
            .collect();
        assert_eq!(since, naive, "seed {seed}");
    }
}

#[test]
fn walks_between_versions_visit_what_only_one_has() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let (graph, ancestors) = random_graph(&mut random);
        let known = |heads: &[EventNumber]| -> BTreeSet<u32> {
            heads.iter().flat_map(|head| ancestors[head.index()].iter().copied()).collect()
        };
        for _ in 0..20 {
            let mut pick = |most: usize| -> Vec<EventNumber> {
                (0..random.below(most)).map(|_| EventNumber(random.below(ancestors.len()) as u32)).collect()
            };
            let (first, second) = (pick(4), pick(4));
            let mut found = [BTreeSet::new(), BTreeSet::new()];
            graph.between(&first, &second, |held, start, len| {
                for event in start.0..start.0 + len {
                    let is_new = found[usize::from(held == HeldBy::Second)].insert(event);
                    assert!(is_new && held != HeldBy::Both, "seed {seed}: {event} twice");
                }
            });
            let (first, second) = (known(&first), known(&second));
            assert_eq!(found, [&first - &second, &second - &first], "seed {seed}");
        }
        let start = random.below(graph.run_count());
        let end = start + random.below(graph.run_count() - start + 1);
        let order = graph.branch_by_branch(start..end, |_| 1).unwrap();
        let mut done = BTreeSet::new();
        for run in order {
            let needed = graph.run_dependencies(RunNumber(run as u32)).iter().map(|event| graph.run_at(*event).0);
            assert!(needed.filter(|other| *other >= start).all(|other| done.contains(&other)), "seed {seed}");
            done.insert(run);
        }
        assert!(done.into_iter().eq(start..end), "seed {seed}");
    }
}

#[test]
fn a_walk_finishes_a_branch_before_it_begins_another_one() {
    // Two branches whose events arrived in turns.
    let mut graph = Graph::default();
    let root = graph.push((PeerNumber(2), Counter(0)), &[], 0, 1);
    let mut heads = [root, root];
    for turn in 0..2_000 {
        let peer = turn % 2;
        heads[peer] = graph.push((PeerNumber(peer as u32), Counter(turn as u32 / 2)), &[heads[peer]], 0, 1);
    }
    let order = graph.branch_by_branch(0..graph.run_count(), |_| 1).unwrap();
    let lanes: Vec<u32> = order.into_iter().map(|run| graph.lane_of_run(run).0).collect();
    assert_eq!(lanes.windows(2).filter(|pair| pair[0] != pair[1]).count(), 2);
}

/// Returns a random graph of up to 6 peers.
fn random_graph(random: &mut Random) -> (Graph, Ancestors) {
    let (peers, mut graph, mut ancestors) = (1 + random.below(6), Graph::default(), Ancestors::new());
    while ancestors.len() < 60 {
        let peer = PeerNumber(random.below(peers) as u32);
        let mut dependencies: Vec<EventNumber> = match random.below(4) {
            0 => graph.heads().collect(),
            _ if ancestors.is_empty() => Vec::new(),
            _ => (0..1 + random.below(3)).map(|_| EventNumber(random.below(ancestors.len()) as u32)).collect(),
        };
        dependencies.sort();
        dependencies.dedup();
        if check_next(&graph, peer, &dependencies).is_ok() {
            let len = 1 + random.below(4) as u32;
            let first = graph.push((peer, Counter(graph.count(peer))), &dependencies, 0, len);
            let mut known: BTreeSet<u32> =
                dependencies.iter().flat_map(|d| ancestors[d.index()].iter().copied()).collect();
            for event in first.0..first.0 + len {
                known.insert(event);
                ancestors.push(known.clone());
            }
        }
    }
    (graph, ancestors)
}

/// Returns the graph of two peers that take turns, after an event of a third peer. Every event is a
/// run of its own.
fn interleaved(events: u32) -> Graph {
    let mut graph = Graph::default();
    let mut last = graph.push((PeerNumber(2), Counter(0)), &[], 0, 1);
    for turn in 0..events {
        last = graph.push((PeerNumber(turn % 2), Counter(turn / 2)), &[last], 0, 1);
    }
    graph
}

#[test]
fn a_question_about_ancestors_costs_the_same_in_any_history() {
    for events in [1_000, 1_000_000] {
        let graph = interleaved(events);
        let last = EventNumber(events);
        let (steps, result) = work::count(|| check_next(&graph, PeerNumber(2), &[last]));
        assert_eq!(result, Ok(()));
        assert!(steps <= 64, "{steps} steps with {events} events");
        let (steps, result) = work::count(|| check_next(&graph, PeerNumber(2), &[EventNumber(0), last]));
        assert_eq!(result, Err(Broken::NotConcurrent(EventNumber(0))));
        assert!(steps <= 2 * 64, "{steps} steps with {events} events");
        let (steps, spans) = work::count(|| graph.since(&[events / 2, events / 2 - 1, 1]).count());
        assert_eq!(spans, 1);
        assert!(steps <= 2, "{steps} steps with {events} events");
    }
}

#[test]
fn events_that_build_on_many_others_cost_their_dependencies() {
    const LANES: u32 = 50;
    let mut graph = Graph::default();
    let mut heads = Vec::new();
    let (steps, ()) = work::count(|| {
        for round in 0..100 {
            let dependencies = std::mem::take(&mut heads);
            for lane in 0..LANES {
                heads.push(graph.push((PeerNumber(lane), Counter(round)), &dependencies, 0, 1));
            }
        }
    });
    let events = u64::from(LANES) * 100;
    assert!(steps <= events * u64::from(2 * LANES), "{steps} steps for {events} events");
    let bytes: usize = graph.runs.iter().flat_map(|run| &run.known).map(|known| size_of_val(&**known)).sum();
    assert!(bytes <= 32 * (LANES * LANES * 100) as usize, "{bytes} bytes of counts");
}

#[test]
fn the_counts_at_checkpoints_stay_small() {
    let graph = interleaved(100_000);
    let bytes: usize = graph.runs.iter().flat_map(|run| &run.known).map(|known| size_of_val(&**known)).sum();
    assert!(bytes < 100_000, "{bytes} bytes of counts for 100,000 runs");
}

#[test]
fn a_horizon_ends_before_the_last_lamport_times() {
    // No test could write a history with such times.
    let max = limits::HORIZON_LAMPORT.maximum as u32;
    let stub = Stub { peer: PeerNumber(0), counter: Counter(0), lamport: Lamport(max), known: Box::new([1]) };
    let mut graph = Graph::beyond(Horizon::new(vec![1], vec![stub]).unwrap());
    assert!(graph.horizon_at(vec![1], &[1]).is_ok());
    graph.push((PeerNumber(0), Counter(1)), &[EventNumber(0)], 0, 1);
    let given = u64::from(max) + 1;
    let refused = Error::LimitExceeded { limit: &limits::HORIZON_LAMPORT, actual: given };
    assert_eq!(graph.horizon_at(vec![2], &[2]).err(), Some(refused));
}
