//! Bytes that no store wrote are merged validly, or rejected without an effect, and need little
//! memory.

use crate::seeds::{Checked, Random, ensure, for_each_seed};
use allocation_counter::measure;
use converge_engine::{Content, Doc, Entry, Error, Inspection, Store, StoreOptions, Value, inspect};

/// The memory that a call may allocate: a fixed part, and a part for each byte of the input.
const MAX_BYTES: u64 = 256 << 10;
const MAX_BYTES_PER_BYTE: u64 = 1_024;
const CHECKSUM_BYTES: usize = 4;

fn store(peer: &str) -> Store {
    Store::create(peer, StoreOptions { time_to_live_ms: 1e6, max_skew_ms: 1e6 }).unwrap()
}

/// Returns a snapshot that contains every kind of value.
fn valid() -> Vec<u8> {
    let mut ann = store("ann");
    let values =
        [Value::Null, true.into(), 7_i64.into(), 1.5.into(), "text".into(), vec![0_u8, 1].into(), (-1_i64).into()];
    for (key, value) in values.into_iter().enumerate() {
        ann.set(["pos", "typing"][key % 2], &key.to_string(), value, 5.0).unwrap();
    }
    ann.remove("pos", "0", 6.0).unwrap();
    ann.snapshot(&[])
}

fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(end) = bytes.len().checked_sub(CHECKSUM_BYTES) {
        let checksum = crc32fast::hash(&bytes[..end]);
        bytes[end..].copy_from_slice(&checksum.to_le_bytes());
    }
    bytes
}

/// Merges bytes into a store and returns whether they were accepted.
fn offer(bytes: &[u8]) -> Checked<bool> {
    let mut ben = store("ben");
    ben.set("pos", "0", 1_i64.into(), 1.0).unwrap();
    let before = (ben.snapshot(&[]), ben.get_all("pos"));
    let mut result = Ok(Vec::new());
    let memory = measure(|| result = ben.merge_update(bytes, 10.0));
    let most = MAX_BYTES + MAX_BYTES_PER_BYTE * bytes.len() as u64;
    ensure!(memory.bytes_max <= most, "{} bytes for {}", memory.bytes_max, bytes.len());
    let mut inspection = None;
    let memory = measure(|| inspection = Some(inspect(bytes)));
    ensure!(memory.bytes_max <= most, "{} bytes to inspect {}", memory.bytes_max, bytes.len());
    let is_of_entries = |found: &Inspection| {
        matches!(found.content, Content::EphemeralSnapshot | Content::EphemeralUpdate) && found.sections.len() == 1
    };
    ensure!(result.is_err() || matches!(&inspection, Some(Ok(found)) if is_of_entries(found)), "{inspection:?}");
    ben.dbg_check();
    if let Err(error) = &result {
        ensure!((ben.snapshot(&[]), ben.get_all("pos")) == before, "rejected, but changed the store: {error}");
    }
    Ok(result.is_ok())
}

#[test]
fn truncated_and_flipped_snapshots_are_rejected() {
    let valid = valid();
    assert_eq!(offer(&valid), Ok(true));
    assert_eq!(inspect(&valid).map(|found| found.content), Ok(Content::EphemeralSnapshot));
    for at in 0..valid.len() {
        assert_eq!(offer(&valid[..at]), Ok(false), "cut at {at}");
        for bit in 0..8 {
            let mut flipped = valid.clone();
            flipped[at] ^= 1 << bit;
            assert_eq!(offer(&flipped), Ok(false), "flipped {bit} at {at}");
            offer(&resealed(flipped)).unwrap();
        }
    }
}

#[test]
fn mutated_bytes_are_merged_validly_or_rejected() {
    let valid = valid();
    for_each_seed(10_000, |seed| {
        let mut random = Random::new(seed);
        let mut bytes = valid.clone();
        for _ in 0..1 + random.below(5) {
            let at = random.below(bytes.len());
            match random.below(5) {
                0 => bytes[at] = random.next() as u8,
                1 => bytes[at] ^= 1 << random.below(8),
                2 => drop(bytes.splice(at..at, std::iter::repeat_n(random.next() as u8, random.below(12)))),
                3 => drop(bytes.splice(at.., valid[random.below(valid.len())..].iter().copied())),
                _ => drop(bytes.drain(at..(at + random.below(6)).min(bytes.len()))),
            }
            if bytes.len() < 12 {
                bytes.extend_from_slice(&valid[..12]);
            }
        }
        if bytes.len() > 12 {
            // Correct the lengths in the frame, so that more inputs reach the decoders behind it.
            let len = bytes.len();
            bytes[7] = (len - 8 - CHECKSUM_BYTES).min(127) as u8;
            bytes[9] = bytes[7].saturating_sub(2);
        }
        offer(&resealed(bytes)).map(drop)
    });
}

#[test]
fn a_long_name_is_stored_once() {
    // 4,000 entries with keys of three bytes and one long name and peer.
    let mut content = Vec::new();
    let varint = |content: &mut Vec<u8>, mut number: usize| {
        while number >= 0x80 {
            content.push(number as u8 | 0x80);
            number >>= 7;
        }
        content.push(number as u8);
    };
    varint(&mut content, 4_000);
    for number in 0..4_000_usize {
        if number == 0 {
            content.push(0);
            varint(&mut content, 256);
            content.extend([b'n'; 256]);
        } else {
            content.push(1);
        }
        content.push(3);
        content.extend([b'0' + (number / 400) as u8, b'0' + (number / 20 % 20) as u8, b'0' + (number % 20) as u8]);
        if number == 0 {
            content.push(0);
            varint(&mut content, 200);
            content.extend([b'p'; 200]);
        } else {
            content.push(1);
        }
        content.extend([0, 0, 1]);
    }
    let mut section = vec![9];
    varint(&mut section, content.len());
    section.extend(content);
    let mut bytes = vec![0xc7, b'c', b'v', b'g', 1, b'E', 0];
    varint(&mut bytes, section.len());
    bytes.extend(section);
    bytes.extend([0; CHECKSUM_BYTES]);
    assert_eq!(offer(&resealed(bytes)), Ok(true));
}

#[test]
fn documents_and_stores_reject_each_others_bytes() {
    let mut doc = Doc::create("ann").unwrap();
    doc.insert("t", "r", vec![]).unwrap();
    for bytes in [doc.save(), doc.update_since(&Doc::summary_of(&[]).unwrap()).unwrap()] {
        let error = store("ben").merge_update(&bytes, 1.0).unwrap_err();
        assert!(error.to_string().contains("give them to a document"), "{error}");
    }
    let entries = valid();
    for error in [
        Doc::load("ben", &entries).map(drop).unwrap_err(),
        doc.merge_update(&entries).map(drop).unwrap_err(),
        doc.rebase(&entries).map(drop).unwrap_err(),
        Doc::peek(&entries, "t", "r").map(drop).unwrap_err(),
    ] {
        assert!(error.to_string().contains("give them to a store"), "{error}");
    }
}

#[test]
fn a_store_has_a_maximum_size() {
    let blob = || Some(Value::Blob(vec![0; 65_536]));
    let entry = |key: usize, peer: usize, value: Option<Value>| Entry {
        namespace: "pos".to_owned(),
        key: key.to_string(),
        value,
        timestamp: 1.0,
        peer: peer.to_string(),
    };
    let mut large = store("ann");
    let all = (0..1_022).map(|key| entry(key, 0, blob())).collect();
    assert_eq!(large.merge_entries(all, 1.0).unwrap().len(), 1_022);
    let more = (2_000..2_003).map(|key| entry(key, 0, blob())).collect();
    let exceeded = |result: Result<Vec<Entry>, Error>| match result.unwrap_err() {
        Error::LimitExceeded { limit, actual } => (limit.name, actual),
        other => panic!("{other}"),
    };
    let bytes: usize = 1_025 * (64 + 1 + 65_536) + 10 + 90 * 2 + 900 * 3 + 22 * 4 + 3 * 4;
    assert_eq!(exceeded(large.merge_entries(more, 1.0)), ("store-bytes", bytes as u64));
    large.dbg_check();

    let mut many = store("ann");
    for peer in 0..64 {
        let of_peer = (0..4_096).map(|key| entry(peer * 4_096 + key, peer, None)).collect();
        many.merge_entries(of_peer, 1.0).unwrap();
    }
    let more = vec![entry(usize::MAX, 64, None)];
    assert_eq!(exceeded(many.merge_entries(more, 1.0)), ("store-entries", 262_145));
    many.dbg_check();
}
