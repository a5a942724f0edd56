//! Few bytes that stand for much: the longest runs that a column can write, around what costs the most. What a byte can
//! stand for is bounded, and so is what waits; nothing else may grow beyond the input.

use crate::by_hand::ByHand;
use allocation_counter::measure;
use converge_engine::{Doc, UpdateReader, limits};

/// How many bytes of memory a counted byte of a page of events takes at most.
const PAGE_SHARE: u64 = 16;
/// A byte of a column stands for 64 events, each of which takes some bytes in every column of the log.
const MAX_BYTES_PER_BYTE: u64 = 2_048;
/// What 100,000 waiting events may take, whatever the input.
const MAX_WAITING_BYTES: u64 = 64 << 20;

#[test]
fn runs_of_events() {
    check("a million updates of one cell", &updates(1_000_000, 1), 0);
}

#[test]
fn texts_that_are_named_again() {
    for (events, text_bytes) in [(1_000, 1_000), (10_000, 10_000), (10_000, 60_000), (100_000, 60_000)] {
        check(&format!("{events} times {text_bytes} bytes"), &updates(events, text_bytes), 1 << 20);
    }
}

/// Two texts in turn, so that none is as the one before.
#[test]
fn texts_in_turn() {
    let mut update = updates(10_000, 60_000);
    update.name_bytes.extend([b'b'; 60_000]);
    update.name_lengths = vec![60_000, 60_000];
    update.name_codes = [0, 0].into_iter().chain((0..9_999).map(|event| 1 + event % 2)).collect();
    check("two texts in turn", &update, 1 << 20);
}

/// What waits has its texts for itself, within a limit of its own.
#[test]
fn texts_that_wait() {
    let mut update = updates(1_000, 60_000);
    wait(&mut update);
    check("texts that wait", &update, MAX_WAITING_BYTES);
    let mut update = updates(2_000, 60_000);
    wait(&mut update);
    check("more texts that wait", &update, MAX_WAITING_BYTES);
}

#[test]
fn events_that_wait() {
    let mut update = updates(99_999, 1);
    wait(&mut update);
    check("events that wait", &update, MAX_WAITING_BYTES);
}

/// The first event is missing: all others need it.
fn wait(update: &mut ByHand) {
    update.run_gaps = vec![1];
    update.run_dependencies = vec![1];
    update.dependency_peers = vec![0];
    update.dependency_distances = vec![0];
    update.outside = vec![1];
}

/// So many updates of one row, all of which name the same text.
pub(crate) fn updates(events: usize, text_bytes: usize) -> ByHand {
    ByHand {
        name_bytes: vec![b'a'; text_bytes],
        name_lengths: vec![text_bytes as u64],
        name_codes: [vec![0], vec![1; events]].concat(),
        name_kinds: vec![5; events + 1],
        age_kinds: vec![3; events + 1],
        ages: vec![7; events + 1],
        kinds: [vec![0], vec![1; events]].concat(),
        rows: vec![0; events + 1],
        operation_shapes: vec![0; events + 1],
        run_events: vec![events as u64 + 1],
        event_operations: vec![1; events + 1],
        ..ByHand::new()
    }
}

/// Merges the update, saves, loads: none of the three takes more than its share.
fn check(what: &str, update: &ByHand, most: u64) {
    let bytes = update.bytes();
    let mut doc = Doc::create("nobody").expect("a good name");
    let mut report = None;
    let peak = measure(|| report = Some(doc.merge_update(&bytes))).bytes_max;
    let length = bytes.len() as u64;
    eprintln!("{what}: {length} bytes, {peak} allocated to merge, {} a byte: {report:?}", peak / length);
    assert!(peak <= most + MAX_BYTES_PER_BYTE * length, "{what}: {peak} bytes for {length}");

    let telling = measure(|| drop(UpdateReader::open(&bytes).map(|mut reader| reader.next(u32::MAX)))).bytes_max;
    eprintln!("  {telling} allocated to tell a page of events");
    let page = PAGE_SHARE * limits::PAGE_BYTES.maximum;
    assert!(telling <= most + page + MAX_BYTES_PER_BYTE * length, "{what}: {telling} bytes for {length}");

    let mut saved = Vec::new();
    let saving = measure(|| saved = doc.save()).bytes_max;
    let loading = measure(|| drop(Doc::load("nobody", &saved).expect("what was saved"))).bytes_max;
    let length = saved.len() as u64;
    eprintln!("  {length} bytes saved; {saving} allocated to save, {loading} to load, {} a byte", loading / length);
    assert!(loading <= most + MAX_BYTES_PER_BYTE * length, "{what}: {loading} bytes for {length}");
}
