//! Few bytes that expand to much: the longest runs that a column can encode, of the most expensive
//! content.
//!
//! The expansion of a byte is limited, and so is the memory for waiting events. Nothing else may
//! grow beyond the input.

use crate::by_hand::ByHand;
use allocation_counter::measure;
use converge_engine::{Doc, UpdateReader, limits};

/// The maximum memory, in bytes, for each counted byte of a page of events.
const PAGE_SHARE: u64 = 16;
/// The maximum memory, in bytes, for each byte of the input. A byte of a column encodes up to 64
/// events, and each event takes some bytes in every column of the log.
const MAX_BYTES_PER_BYTE: u64 = 2_048;
/// The maximum memory, in bytes, for 100,000 waiting events, whatever the input.
const MAX_WAITING_BYTES: u64 = 64 << 20;

#[test]
fn runs_of_events() {
    check("a million updates of one cell", &updates(1_000_000, 1), 0);
}

#[test]
fn repeated_texts() {
    for (events, text_bytes) in [(1_000, 1_000), (10_000, 10_000), (10_000, 60_000), (100_000, 60_000)] {
        check(&format!("{events} times {text_bytes} bytes"), &updates(events, text_bytes), 1 << 20);
    }
}

/// Two texts alternate, so that no text equals the previous one.
#[test]
fn alternating_texts() {
    let mut update = updates(10_000, 60_000);
    update.name_bytes.extend([b'b'; 60_000]);
    update.name_lengths = vec![60_000, 60_000];
    update.name_codes = [0, 0].into_iter().chain((0..9_999).map(|event| 1 + event % 2)).collect();
    check("two texts in turn", &update, 1 << 20);
}

/// Waiting events have copies of their texts, within a limit of their own.
#[test]
fn waiting_texts() {
    let mut update = updates(1_000, 60_000);
    wait(&mut update);
    check("texts that wait", &update, MAX_WAITING_BYTES);
    let mut update = updates(2_000, 60_000);
    wait(&mut update);
    check("more texts that wait", &update, MAX_WAITING_BYTES);
}

#[test]
fn waiting_events() {
    let mut update = updates(99_999, 1);
    wait(&mut update);
    check("events that wait", &update, MAX_WAITING_BYTES);
}

/// Removes the first event, on which all others depend.
fn wait(update: &mut ByHand) {
    update.run_gaps = vec![1];
    update.run_dependencies = vec![1];
    update.dependency_peers = vec![0];
    update.dependency_distances = vec![0];
    update.outside = vec![1];
}

/// Returns `events` updates of one row, all of which refer to the same text.
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

/// Merges the update, saves and loads the document, and checks the memory of each of the three.
fn check(what: &str, update: &ByHand, most: u64) {
    let bytes = update.bytes();
    let mut doc = Doc::create("nobody").expect("a valid name");
    let mut report = None;
    let peak = measure(|| report = Some(doc.merge_update(&bytes))).bytes_max;
    let length = bytes.len() as u64;
    eprintln!("{what}: {length} bytes, {peak} allocated to merge, {} a byte: {report:?}", peak / length);
    assert!(peak <= most + MAX_BYTES_PER_BYTE * length, "{what}: {peak} bytes for {length}");

    let telling = measure(|| drop(UpdateReader::open(&bytes).map(|mut reader| reader.next(u32::MAX)))).bytes_max;
    eprintln!("  {telling} allocated to read a page of events");
    let page = PAGE_SHARE * limits::PAGE_BYTES.maximum;
    assert!(telling <= most + page + MAX_BYTES_PER_BYTE * length, "{what}: {telling} bytes for {length}");

    let mut saved = Vec::new();
    let saving = measure(|| saved = doc.save()).bytes_max;
    let loading = measure(|| drop(Doc::load("nobody", &saved).expect("saved bytes"))).bytes_max;
    let length = saved.len() as u64;
    eprintln!("  {length} bytes saved; {saving} allocated to save, {loading} to load, {} a byte", loading / length);
    assert!(loading <= most + MAX_BYTES_PER_BYTE * length, "{what}: {loading} bytes for {length}");
}
