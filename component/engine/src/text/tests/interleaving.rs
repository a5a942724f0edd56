//! Runs that several peers type at one place stay whole.

use super::oracle::{Event, Oracle};
use super::random::for_each_seed;
use super::world::{History, Random, Replica};

/// Where a peer types the characters of its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

/// Returns a history in which peers type runs of the same length after one event, and the run of
/// each peer as it must read.
fn runs(peers: &[&str], len: u32, directions: &[Direction]) -> (History, Vec<String>) {
    let mut history = History { ground: String::from("<>"), ..History::default() };
    let first = history.push("m", &[], &[(1, 0, "|")]);
    let mut words = Vec::new();
    for (peer, &direction) in peers.iter().zip(directions.iter().cycle()) {
        let mut last = first;
        let mut word = String::new();
        for index in 0..len {
            let letter = char::from_u32(u32::from('a') + index % 26).unwrap();
            let letter = format!("{letter}{}", peer.chars().next_back().unwrap());
            let at = if direction == Direction::Forward { 1 + 2 * index } else { 1 };
            last = history.push(peer, &[last], &[(at, 0, &letter)]);
            word = if direction == Direction::Forward { word + &letter } else { letter + &word };
        }
        words.push(word);
    }
    (history, words)
}

#[test]
fn runs_of_several_peers_stay_whole() {
    const PEERS: [&str; 5] = ["p1", "p2", "p3", "p4", "p5"];
    const WAYS: [&[Direction]; 3] =
        [&[Direction::Forward], &[Direction::Backward], &[Direction::Forward, Direction::Backward]];
    for_each_seed(40, |seed| {
        let mut random = Random(seed);
        let count = 2 + random.below(4);
        let directions = WAYS[random.below(3)];
        let len = if random.chance(1, 4) { 30 } else { 5 } + random.below(5) as u32;
        let (history, words) = runs(&PEERS[..count], len, directions);
        let order = history.shuffled(&mut random);
        let mut replica = Replica::new(&history);
        let most = 1 + random.below(order.len());
        order.chunks(most).for_each(|events| replica.take(&history, events));
        let text = replica.read();
        for word in &words {
            assert!(text.contains(word.as_str()), "{word} is not whole in {text}, {directions:?}");
        }
        assert_eq!(text.len(), 3 + words.iter().map(String::len).sum::<usize>());
        replica.text.dbg_check(replica.sources());
    });
}

/// Returns a history with long chains of children: peers type or prepend long runs, and others
/// insert next to each character of them.
pub(super) fn combs(events: usize, random: &mut Random) -> History {
    let mut history = History::default();
    let first = history.push("m", &[], &[(0, 0, "<>")]);
    let authors = ["b", "c"];
    let mut chains: Vec<Vec<Event>> = vec![vec![first]; authors.len()];
    // The characters of each chain are typed, prepended, or inserted in the middle.
    let ways: Vec<usize> = authors.iter().map(|_| random.below(3)).collect();
    while history.events.len() < events {
        let chain = random.below(authors.len());
        let len = chains[chain].len() as u32 - 1;
        if random.chance(2, 3) {
            let at = [1 + len, 1, 1 + len / 2][ways[chain]];
            let last = chains[chain][len as usize];
            let event = history.push(authors[chain], &[last], &[(at, 0, authors[chain])]);
            chains[chain].push(event);
            continue;
        }
        let seen = random.below(len as usize + 1);
        let name = format!("{}{}", ["a", "d"][random.below(2)], history.events.len());
        let at = if random.chance(1, 2) { 1 + seen as u32 } else { 1 + random.below(seen + 1) as u32 };
        history.push(&name, &[chains[chain][seen]], &[(at, 0, "x")]);
    }
    history
}

#[test]
fn combs_read_as_the_rule_says() {
    for_each_seed(40, |seed| {
        let mut random = Random(seed);
        let history = combs(90, &mut random);
        let oracle = Oracle::new(&history);
        let expected = oracle.text(&history, &(0..history.events.len()).collect());
        for _ in 0..4 {
            let order = history.shuffled(&mut random);
            let mut replica = Replica::new(&history);
            let most = 1 + random.below(order.len());
            order.chunks(most).for_each(|events| replica.take(&history, events));
            assert_eq!(replica.read(), expected);
            replica.text.dbg_check(replica.sources());
        }
    });
}
