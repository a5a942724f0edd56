//! Several callers insert at one place of a list without seeing each other. The keys of each of
//! them must stay together.

use crate::lists::{List, PEERS};
use crate::seeds::{Checked, Random, ensure, for_each_seed};
use std::collections::BTreeMap;

/// Where a caller inserts the next key.
#[derive(Clone, Copy, Debug)]
enum Run {
    /// Behind the last one.
    Forward,
    /// Before the last one.
    Backward,
    /// In turns at the end and at the start.
    Outward,
    /// In turns before and behind the last one.
    Inward,
    /// Anywhere between its own keys and the two ends of the place.
    Anywhere,
}

const RUNS: [Run; 5] = [Run::Forward, Run::Backward, Run::Outward, Run::Inward, Run::Anywhere];

/// Returns the keys that a caller inserts at an index of a list.
fn run(base: &List, index: usize, peer: &str, run: Run, length: usize, random: &mut Random) -> Checked<Vec<String>> {
    let mut list = base.clone();
    let mut keys = Vec::new();
    let mut at = index;
    for count in 0..length {
        keys.push(list.insert(at, peer)?);
        let end = index + count + 1;
        at = match run {
            Run::Forward => end,
            Run::Backward => index,
            Run::Outward => [end, index][count % 2],
            Run::Inward => at + count % 2,
            Run::Anywhere => index + random.below(count + 2),
        };
    }
    Ok(keys)
}

/// Checks that the keys of each caller at an index are neighbors once all keys are merged.
fn check(base: &List, index: usize, runs: &[(&str, Run)], length: usize, random: &mut Random) -> Checked {
    let mut merged = BTreeMap::new();
    for (peer, kind) in runs {
        for key in run(base, index, peer, *kind, length, random)? {
            let other = merged.insert(key.clone(), *peer);
            ensure!(other.is_none(), "{key:?} is a key of {peer:?} and {other:?}");
        }
    }
    let mut callers: Vec<&str> = merged.values().copied().collect();
    callers.dedup();
    ensure!(
        callers.len() == runs.len(),
        "at {index} of {:?}, the keys of {runs:?} are interleaved: {merged:?}",
        base.0
    );
    Ok(())
}

/// A list by some peers at random places, of which some keys were deleted again.
fn base(random: &mut Random, first: List) -> Checked<List> {
    let mut list = first;
    let peers = &PEERS[..1 + random.below(5)];
    for _ in 0..random.below(40) {
        if random.chance(1, 3) && !list.0.is_empty() {
            list.0.remove(random.below(list.0.len()));
        } else {
            let index = random.below(list.0.len() + 1);
            list.insert(index, peers[random.below(peers.len())])?;
        }
    }
    Ok(list)
}

fn check_randomly(random: &mut Random, base: &List) -> Checked {
    for _ in 0..5 {
        let mut peers = PEERS;
        random.shuffle(&mut peers);
        let peers = &peers[..2 + random.below(4)];
        let runs: Vec<_> = peers.iter().map(|peer| (*peer, *random.pick(&RUNS))).collect();
        let index = random.below(base.0.len() + 1);
        let length = 1 + random.below(30);
        check(base, index, &runs, length, random)?;
    }
    Ok(())
}

#[test]
fn runs_at_one_place_do_not_interleave() {
    for_each_seed(1_000, |seed| {
        let mut random = Random::new(seed);
        let base = base(&mut random, List::default())?;
        check_randomly(&mut random, &base)
    });
}

#[test]
fn runs_between_keys_that_were_written_by_hand_do_not_interleave() {
    let written = ["!", "a", "a.b.c", "a0", "a0V", "b-", "item 1", "item 10", "zz~", "é", "語"];
    for_each_seed(1_000, |seed| {
        let mut random = Random::new(seed);
        let first = List(random.sample(&written, 1, 2).into_iter().map(str::to_owned).collect());
        let base = base(&mut random, first)?;
        check_randomly(&mut random, &base)
    });
}

/// Lists that merged runs of several peers, as those of replicas are.
#[test]
fn runs_in_merged_lists_do_not_interleave() {
    for_each_seed(500, |seed| {
        let mut random = Random::new(seed);
        let mut list = List::default();
        for _ in 0..6 {
            let index = random.below(list.0.len() + 1);
            let mut merged = list.0.clone();
            for peer in PEERS {
                let kind = *random.pick(&RUNS);
                let length = random.below(6);
                merged.extend(run(&list, index, peer, kind, length, &mut random)?);
            }
            merged.sort_unstable();
            merged.retain(|_| random.chance(4, 5));
            list = List(merged);
            check_randomly(&mut random, &list)?;
        }
        Ok(())
    });
}

/// All lists that two callers make in four steps, with each subset of their keys deleted again;
/// there, all runs of three callers.
#[test]
fn all_runs_in_small_lists_do_not_interleave() {
    let mut random = Random::new(0);
    let mut lists = vec![List::default()];
    let mut count = 0;
    for step in 0..=4 {
        for list in &lists {
            for kept in 0..1_u32 << step {
                let keys =
                    list.0.iter().enumerate().filter(|(bit, _)| kept >> bit & 1 == 1).map(|(_, key)| key.clone());
                let base = List(keys.collect());
                for index in 0..=base.0.len() {
                    for (one, two) in RUNS.iter().flat_map(|one| RUNS.iter().map(move |two| (*one, *two))) {
                        check(&base, index, &[("ann", one), ("ben", two), ("cleo", one)], 3, &mut random).unwrap();
                        count += 1;
                    }
                }
            }
        }
        let longer = lists.iter().flat_map(|list| {
            (0..=list.0.len()).flat_map(|index| {
                ["ann", "ben"].map(|peer| {
                    let mut list = list.clone();
                    list.insert(index, peer).unwrap();
                    list
                })
            })
        });
        lists = longer.collect();
    }
    assert!(count > 400_000, "only {count} cases");
}
