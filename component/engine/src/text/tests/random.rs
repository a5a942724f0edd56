//! Random histories, compared with the oracle after every event, in several orders.
//!
//! `CONVERGE_SEEDS` is the number of seeds of each test, `CONVERGE_FIRST_SEED` the first of them.

use super::oracle::{Event, Oracle};
use super::world::{History, Random, Replica};
use crate::memory::refusal;
use crate::text::{CharPosition, EditRun, Lengths, Outcome, Sources, TRACKER_BYTES, Text, Unit};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Runs a test for each seed of the usual number or of `CONVERGE_SEEDS`.
pub(super) fn for_each_seed(usual: u64, test: impl Fn(u64) + Sync) {
    let first = variable("CONVERGE_FIRST_SEED").unwrap_or(0);
    on_all_processors(first..first.saturating_add(variable("CONVERGE_SEEDS").unwrap_or(usual)), test);
}

/// Runs a test for each seed on all processors. The seed of a failure is printed.
pub(super) fn on_all_processors(seeds: Range<u64>, test: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(seed)));
            if let Err(panic) = caught {
                next.store(seeds.end, Ordering::Relaxed);
                eprintln!("seed {seed} failed: CONVERGE_FIRST_SEED={seed} CONVERGE_SEEDS=1");
                std::panic::resume_unwind(panic);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
}

/// A replica that writes a history.
#[derive(Clone)]
struct Writer {
    author: usize,
    known: BTreeSet<Event>,
    last: Option<Event>,
}

const AUTHORS: [&str; 6] = ["b", "a", "é", "B", "ab", "a!"];
const TEXTS: [&str; 9] = ["x", "yz", "é", "😀", "a\r\n", "e\u{301}", "uvw", "𝄞q", "s"];

/// Returns a random history.
pub(super) fn history(random: &mut Random, events: usize) -> History {
    let ground = if random.chance(1, 2) { "" } else { "g😀äh" };
    let mut history = History { ground: ground.to_owned(), ..History::default() };
    let mut writers: Vec<Writer> =
        (0..1 + random.below(4)).map(|author| Writer { author, known: BTreeSet::new(), last: None }).collect();
    if random.chance(1, 3) {
        // Two replicas with one name.
        writers[0].author = random.below(writers.len());
    }
    let (merges, hostile) = (1 + random.below(4), random.below(6));
    while history.events.len() < events {
        let at = random.below(writers.len());
        if random.chance(merges, 6) {
            let known = writers[random.below(writers.len())].known.clone();
            writers[at].known.extend(known);
            continue;
        }
        if random.chance(1, 40) {
            writers[at] = writers[random.below(writers.len())].clone();
        }
        write(&mut history, &mut writers[at], hostile, random);
    }
    history
}

/// Lets a replica write an event.
fn write(history: &mut History, writer: &mut Writer, hostile: usize, random: &mut Random) {
    let author = AUTHORS[writer.author];
    // A replica continues its own branch; it must not build on a sibling of its next event.
    let follows = |last: Option<Event>| {
        writer
            .known
            .iter()
            .copied()
            .find(|&event| history.events[event].author == author && history.events[event].previous == last)
    };
    let mut last = writer.last;
    while let Some(next) = follows(last) {
        last = Some(next);
    }
    let is_built_on = |event: &Event| writer.known.iter().any(|&other| history.events[other].after.contains(event));
    let after: Vec<Event> = writer.known.iter().copied().filter(|event| !is_built_on(event)).collect();
    let event = history.events.len();
    history.events.push(super::world::TestEvent {
        author: author.to_owned(),
        previous: last,
        after,
        edits: Vec::new(),
    });
    writer.known.insert(event);
    writer.last = Some(event);
    if random.chance(1, 10) {
        return;
    }
    for _ in 0..1 + random.below(5) / 4 {
        let len = Oracle::new(history).shown(history, &writer.known).len() as u32;
        let edit = edit(len, hostile, random);
        history.events[event].edits.push(edit);
    }
}

fn edit(len: u32, hostile: usize, random: &mut Random) -> (u32, u32, String) {
    if random.chance(hostile, 24) {
        return match random.below(6) {
            0 => (len + 1, 0, String::from("h")),
            1 => (u32::MAX, 0, String::from("h")),
            2 => (u32::MAX, u32::MAX, String::new()),
            3 => (len, 1, String::new()),
            4 => (0, len + 1, String::from("h")),
            _ => (random.below(len as usize + 2) as u32, u32::MAX, String::from("h")),
        };
    }
    let at = match random.below(4) {
        0 => 0,
        1 => len,
        _ => random.below(len as usize + 1) as u32,
    };
    let remove = if random.chance(2, 5) { (1 + random.below(3) as u32).min(len - at) } else { 0 };
    let insert = if remove == 0 || random.chance(1, 4) { TEXTS[random.below(TEXTS.len())] } else { "" };
    (at, remove, insert.to_owned())
}

/// Checks a replica in all ways that cost little.
fn check(replica: &Replica, history: &History, oracle: &Oracle, random: &mut Random) {
    let version: BTreeSet<Event> = replica.events.iter().copied().collect();
    let expected = oracle.text(history, &version);
    assert_eq!(replica.read(), expected);
    assert_eq!(replica.mirror, expected, "the changes");
    let lengths = Lengths::of(&expected);
    assert_eq!(replica.text.lengths(), lengths);
    let void: BTreeSet<(Event, usize)> =
        oracle.void.iter().copied().filter(|(event, _)| version.contains(event)).collect();
    assert_eq!(replica.void, void, "void edits");
    for (event, number) in &replica.numbers {
        let places = history.events[*event].edits.len() as u32;
        assert!((0..places).all(|place| replica.text.has_edit(*number, place)));
        assert!(!replica.text.has_edit(*number, places));
    }
    check_units(replica, &expected, random);
}

fn check_units(replica: &Replica, expected: &str, random: &mut Random) {
    let units: Vec<u16> = expected.encode_utf16().collect();
    let from = random.below(units.len() + 2);
    let to = from + random.below(units.len() + 2 - from);
    let slice = units.get(from..to).and_then(|slice| String::from_utf16(slice).ok());
    let is_cut = |at: usize| units.get(at).is_some_and(|unit| (0xdc00..0xe000).contains(unit));
    let slice = slice.filter(|_| !is_cut(from) && !is_cut(to));
    assert_eq!(replica.slice(from as u32..to as u32, Unit::Utf16), slice, "{from}..{to} of {expected:?}");
    let at = random.below(expected.len() + 2);
    let lengths = expected.is_char_boundary(at).then(|| Lengths::of(&expected[..at]));
    assert_eq!(replica.text.position(at as u32, Unit::Utf8, &replica.content).ok(), lengths);
}

/// Checks the names of all characters, and texts of older versions.
fn check_history(replica: &Replica, history: &History, oracle: &Oracle, random: &mut Random) {
    let version: BTreeSet<Event> = replica.events.iter().copied().collect();
    let shown = oracle.shown(history, &version);
    let sources = replica.sources();
    let named: Vec<_> =
        replica.text.spans(sources).flat_map(|span| (0..span.scalars).map(move |at| span.name_at(at))).collect();
    let expected: Vec<_> = shown.iter().map(|&char| replica.name(oracle.chars[char].name, char)).collect();
    assert_eq!(named, expected);
    for (at, name) in (0..).zip(&expected) {
        assert_eq!(replica.text.name_at(at, sources), Some(*name));
    }
    assert_eq!(replica.text.name_at(shown.len() as u32, sources), None);
    let known = oracle.ordered(history);
    let known =
        known.into_iter().filter(|&char| oracle.chars[char].name.is_none_or(|(event, ..)| version.contains(&event)));
    let mut before = 0;
    for char in known {
        let shows = shown.contains(&char);
        let name = replica.name(oracle.chars[char].name, char);
        let position = if shows { CharPosition::Shown(before) } else { CharPosition::Removed(before) };
        if shows || random.chance(1, 3) {
            assert_eq!(replica.text.locate(name, sources), Ok(Some(position)), "{name:?}");
        }
        before += u32::from(shows);
    }
    let events: Vec<Event> = (0..random.below(3)).map(|_| replica.events[random.below(replica.events.len())]).collect();
    let old = history.closed(&events);
    let text = replica.text.at(|event| old.contains(&replica.events[event.index()]), sources).unwrap();
    assert_eq!(text.read(&replica.content).unwrap(), oracle.text(history, &old), "the text at {old:?}");
    text.dbg_check(sources);
}

/// Saves and loads the text of a replica.
fn reload(replica: &mut Replica) {
    let shown: Vec<_> = replica.text.shown().collect();
    let runs: Vec<_> = replica.text.runs_after(None, &replica.content).collect();
    let base = replica.text.base().to_vec();
    let loaded = Text::load(base, runs, &shown, replica.sources()).unwrap();
    replica.text = loaded.expect("the parts of a text");
}

#[test]
fn every_prefix_of_random_histories_reads_as_the_rule_says() {
    for_each_seed(4_000, |seed| {
        let mut random = Random(seed);
        let events = 3 + random.below(22);
        let history = history(&mut random, events);
        let oracle = Oracle::new(&history);
        for round in 0..3 {
            let order = if round == 0 { (0..events).collect() } else { history.shuffled(&mut random) };
            let mut replica = Replica::new(&history);
            replica.tracker_bytes = if random.chance(1, 4) { 0 } else { TRACKER_BYTES };
            let most = 1 + random.below(6);
            let mut rest = &order[..];
            while !rest.is_empty() {
                let (batch, behind) = rest.split_at((1 + random.below(most)).min(rest.len()));
                rest = behind;
                replica.take(&history, batch);
                check(&replica, &history, &oracle, &mut random);
                match random.below(12) {
                    0 => replica.text.drop_tracker(),
                    1 => reload(&mut replica),
                    _ => {}
                }
            }
            replica.text.dbg_check(replica.sources());
            check_history(&replica, &history, &oracle, &mut random);
        }
    });
}

#[test]
fn edits_build_on_others_through_events_without_edits() {
    let mut history = History::default();
    let peers: Vec<String> = (0..20).map(|peer| format!("p{peer:02}")).collect();
    let mut heads = Vec::new();
    for peer in &peers {
        let edit = history.push(peer, &[], &[(0, 0, &peer[1..])]);
        heads.push(history.push(peer, &[edit], &[]));
    }
    let half = history.push("m", &heads[..12], &[]);
    let of_half = history.push("n", &[half], &[(24, 0, "half"), (0, 2, "")]);
    let most = history.push("o", &heads[3..], &[]);
    history.push("o", &[most], &[(34, 0, "most"), (0, 1, "")]);
    let all = history.push("m", &[half, most, of_half], &[]);
    history.push("m", &[all], &[(3, 3, "all")]);
    history.push("m", &[half], &[(25, 0, "void"), (24, 0, "end")]);
    let oracle = Oracle::new(&history);
    for_each_seed(30, |seed| {
        let mut random = Random(seed);
        let mut replica = Replica::new(&history);
        let group = 1 + random.below(10);
        for events in history.shuffled(&mut random).chunks(group) {
            replica.take(&history, events);
            check(&replica, &history, &oracle, &mut random);
            replica.text.dbg_check(replica.sources());
        }
    });
}

#[test]
fn an_edit_without_memory_is_not_applied() {
    for_each_seed(400, |seed| {
        let mut random = Random(seed);
        let history = history(&mut random, 20);
        let oracle = Oracle::new(&history);
        let mut replica = Replica::new(&history);
        let mut refused = 0;
        for event in history.shuffled(&mut random) {
            for edit in replica.add(&history, event) {
                let before = replica.read();
                // Memory can be refused at several places, one after the other.
                for reservations in 0..random.below(12) as u32 {
                    let Replica { graph, lanes, content, text, .. } = &mut replica;
                    let (sources, mut outcome) = (Sources { graph, lanes, content }, Outcome::default());
                    let run = std::iter::once(EditRun::new(&edit));
                    let result =
                        refusal::after(reservations * 3, || text.apply(run, sources, TRACKER_BYTES, &mut outcome));
                    if result.is_ok() {
                        break;
                    }
                    refused += 1;
                    assert_eq!(replica.read(), before);
                    assert_eq!(outcome, Outcome::default());
                    replica.text.dbg_check(replica.sources());
                }
                let is_applied =
                    replica.text.edits_from(edit.event, &replica.content).any(|(it, _)| it.place == edit.place);
                if !is_applied {
                    replica.apply(&[edit]);
                }
            }
            let version: BTreeSet<Event> = replica.events.iter().copied().collect();
            assert_eq!(replica.read(), oracle.text(&history, &version));
        }
        assert!(refused > 10, "only {refused} reservations were refused");
    });
}
