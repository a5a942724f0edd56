//! Every small damage to valid bytes, and random larger ones. The tests check the result of each
//! call, the memory that it allocates, and that a rejected call changes nothing.
//!
//! `CONVERGE_SEEDS` is the number of seeds of the random test, each of which tries twenty inputs.
//! With `--nocapture` the test shows the results.

use crate::allowance::{MAX_BYTES_PER_BYTE, allocated_too_much, beyond};
use crate::attempt::{CALLS, Call, Victim, verdict};
use crate::bases::{Base, Reader, bases, readers, text_bases, text_readers};
use crate::frame::{Frame, Section, resealed};
use crate::mutate::mutated;
use crate::seeds::{Checked, Random, caught, ensure, first_failure, for_each_seed, same};
use allocation_counter::measure;
use converge_engine::{Damage, Doc, Error};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The number of inputs of one seed.
const INPUTS: u64 = 20;

/// Counts of the results of many calls.
#[derive(Default)]
struct Tally {
    inputs: u64,
    verdicts: BTreeMap<(Call, &'static str), u64>,
    damages: BTreeMap<&'static str, u64>,
    kinds: BTreeMap<&'static str, [u64; 2]>,
    /// The most bytes that a call allocated, with the length of its input; and the same for the
    /// bytes beyond the allowance for each byte.
    maximum: (u64, usize),
    max_beyond: (u64, usize),
    slowest: (Duration, String),
}

/// Documents that receive hostile bytes, and the results. Each thread has its own.
struct Front {
    victims: Vec<Victim>,
    tally: Tally,
}

impl Front {
    fn new(readers: &[Reader]) -> Checked<Self> {
        let victims = readers.iter().map(|reader| Victim::new(reader.peer, &reader.saved));
        let victims = victims.collect::<Result<_, _>>().map_err(|error| format!("a valid document: {error}"))?;
        Ok(Self { victims, tally: Tally::default() })
    }

    /// Passes an input to all calls. `MergeUpdate` and `Rebase` use one of the victims.
    fn attempt(&mut self, kind: &'static str, bytes: &[u8], victim: usize) -> Checked {
        self.tally.inputs += 1;
        let place = victim % self.victims.len();
        for call in CALLS {
            let victim = &mut self.victims[place];
            let (mut info, mut took) = (None, Duration::ZERO);
            let result = caught(|| {
                Ok(victim.attempt(call, bytes, |run| {
                    let start = Instant::now();
                    info = Some(measure(run));
                    took = start.elapsed();
                }))
            });
            let said = |why: &str| format!("{call:?} of {kind}, victim {place}: {why}\nbytes: {}", hex(bytes));
            let result = result.map_err(|why| said(&why))?;
            let peak = info.map_or(0, |info| info.bytes_max);
            let length = bytes.len();
            let why = || said(&format!("{peak} bytes were allocated for {length} bytes ({result:?})"));
            ensure!(!allocated_too_much(peak, length), "{}", why());
            self.tally.add(call, kind, &result, peak, length);
            if took > self.tally.slowest.0 {
                let verdict = verdict(&result);
                self.tally.slowest = (took, format!("{call:?} of {length} bytes, {kind}: {verdict}"));
            }
        }
        Ok(())
    }
}

impl Tally {
    fn add(&mut self, call: Call, kind: &'static str, result: &Result<(), Error>, peak: u64, length: usize) {
        *self.verdicts.entry((call, verdict(result))).or_default() += 1;
        self.kinds.entry(kind).or_default()[usize::from(result.is_err())] += 1;
        if let Err(Error::Corrupt(Damage { what, .. })) = result {
            *self.damages.entry(what).or_default() += 1;
        }
        self.maximum = self.maximum.max((peak, length));
        self.max_beyond = self.max_beyond.max((beyond(peak, length), length));
    }

    fn join(&mut self, other: Self) {
        let before = self.inputs / 20_000;
        self.inputs += other.inputs;
        if self.inputs / 20_000 > before {
            eprintln!("{} hostile inputs", self.inputs);
        }
        other.verdicts.into_iter().for_each(|(key, count)| *self.verdicts.entry(key).or_default() += count);
        other.damages.into_iter().for_each(|(key, count)| *self.damages.entry(key).or_default() += count);
        for (kind, [taken, refused]) in other.kinds {
            let counts = self.kinds.entry(kind).or_default();
            *counts = [counts[0] + taken, counts[1] + refused];
        }
        self.maximum = self.maximum.max(other.maximum);
        self.max_beyond = self.max_beyond.max(other.max_beyond);
        if other.slowest.0 > self.slowest.0 {
            self.slowest = other.slowest;
        }
    }

    fn show(&self) -> String {
        let mut text = format!("{} hostile inputs", self.inputs);
        for ((call, verdict), count) in &self.verdicts {
            let _ = write!(text, "\n  {call:?}: {count} {verdict}");
        }
        for (kind, [taken, refused]) in &self.kinds {
            let _ = write!(text, "\n  {kind}: {taken} accepted, {refused} rejected");
        }
        for (what, count) in &self.damages {
            let _ = write!(text, "\n  {count} times: {what}");
        }
        let ((most, length), (beyond, beyond_length)) = (self.maximum, self.max_beyond);
        let _ = write!(text, "\n  at most {most} bytes allocated at once, for {length} bytes");
        let _ = write!(text, "\n  beyond {MAX_BYTES_PER_BYTE} for each byte: {beyond}, for {beyond_length} bytes");
        let _ = write!(text, "\n  slowest: {:?}, {}", self.slowest.0, self.slowest.1);
        text
    }

    fn count(&self, call: Call, verdict: &'static str) -> u64 {
        self.verdicts.get(&(call, verdict)).copied().unwrap_or(0)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn all_bases() -> impl Iterator<Item = Base> {
    [bases(), text_bases()].into_iter().flat_map(|bases| bases.expect("valid documents"))
}

#[test]
fn bases_are_accepted() -> Checked {
    let readers = readers().and_then(|some| Ok([some, text_readers()?].concat()));
    let mut front = Front::new(&readers.map_err(|error| error.to_string())?)?;
    for Base { name, bytes } in all_bases() {
        let frame = Frame::parse(&bytes).ok_or(format!("{name} has another frame"))?;
        same(&format!("{name}, encoded again"), &bytes, &frame.bytes())?;
        let has_edits = ["addition", "splice", "text"].iter().any(|edit| name.contains(edit));
        let features = if has_edits { 1 << 1 } else { 0 };
        assert_eq!((frame.version, frame.features), (1, features), "{name}");
        assert!(frame.sections.is_sorted_by(|a, b| a.id < b.id), "{name}");
        for victim in 0..front.victims.len() {
            front.attempt(name, &bytes, victim)?;
        }
        assert_eq!(Doc::load("loader", &bytes).is_ok(), frame.kind == b'D', "{name}");
    }
    eprintln!("valid inputs: {}", front.tally.show());
    Ok(())
}

/// A reader skips sections that later versions may add, and rejects unknown sections that it must
/// not skip.
#[test]
fn unknown_sections() -> Checked {
    for Base { name, bytes } in all_bases() {
        let frame = Frame::parse(&bytes).ok_or(format!("{name} has another frame"))?;
        for (id, is_skipped) in [(9, false), (63, false), (64, true), (1 << 40, true), (u64::MAX, true)] {
            let mut frame = frame.clone();
            frame.sections.push(Section { id, content: b"later".to_vec() });
            frame.sections.sort_by_key(|section| section.id);
            let mut reader = Doc::create("nobody").map_err(|error| error.to_string())?;
            let plain = Doc::create("nobody").and_then(|mut plain| plain.merge_update(&bytes));
            let merged = reader.merge_update(&frame.bytes());
            let expected = is_skipped && merged == plain;
            let refused = !is_skipped && matches!(merged, Err(Error::Corrupt(_)));
            assert!(expected || refused, "{name} with section {id}: {merged:?}");
            if frame.kind == b'D' {
                let loaded = Doc::load("nobody", &frame.bytes()).map(|doc| doc.save());
                assert_eq!(loaded.is_ok(), is_skipped, "{name} with section {id}: {:?}", loaded.err());
                assert!(loaded.is_err() || loaded.as_ref() == Ok(&bytes), "{name} with section {id} saves it");
            }
        }
    }
    Ok(())
}

/// Tries every truncation and every flip of a bit, with the original and with a correct checksum.
#[test]
fn every_small_damage() {
    damage(&bases().expect("valid"), &readers().expect("valid"));
}

#[test]
fn every_small_damage_to_texts() {
    let mut bases = text_bases().expect("valid");
    // Long runs have too many bits.
    bases.retain(|base| !base.name.contains("runs of splices"));
    damage(&bases, &text_readers().expect("valid"));
}

fn damage(bases: &[Base], readers: &[Reader]) {
    let total = Mutex::new(Tally::default());
    let failure = first_failure(0..bases.len() as u64, |place| {
        let bytes = &bases[place as usize].bytes;
        let mut front = Front::new(readers)?;
        for length in 0..bytes.len() {
            front.attempt("truncation", &bytes[..length], length)?;
            front.attempt("resealed truncation", &resealed(&bytes[..length]), length)?;
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            front.attempt("bit flip", &flipped, bit)?;
            // The last four bytes are the checksum.
            if bit / 8 + 4 < bytes.len() {
                front.attempt("resealed bit flip", &resealed(&flipped), bit)?;
            }
        }
        total.lock().expect("no panic while it is held").join(front.tally);
        Ok(())
    });
    if let Some((place, why)) = failure {
        panic!("{}: {why}", bases[place as usize].name);
    }
    let total = total.into_inner().expect("no panic while it is held");
    eprintln!("every small damage: {}", total.show());
    assert_eq!(total.kinds["bit flip"][0], 0, "the checksum finds every bit flip");
    assert_eq!(total.kinds["truncation"][0], 0, "the checksum or the length finds every truncation");
}

#[test]
fn mutated_bytes() {
    mutate(2_500, &bases().expect("valid"), &readers().expect("valid"));
}

#[test]
fn mutated_bytes_of_texts() {
    mutate(1_000, &text_bases().expect("valid"), &text_readers().expect("valid"));
}

fn mutate(seeds: u64, bases: &[Base], readers: &[Reader]) {
    let total = Mutex::new(Tally::default());
    for_each_seed(seeds, |seed| {
        let mut random = Random::new(seed);
        let mut front = Front::new(readers)?;
        for _ in 0..INPUTS {
            let (kind, bytes) = mutated(bases, &mut random);
            front.attempt(kind, &bytes, random.below(readers.len()))?;
        }
        total.lock().expect("no panic while it is held").join(front.tally);
        Ok(())
    });
    let total = total.into_inner().expect("no panic while it is held");
    eprintln!("mutated bytes: {}", total.show());
    if total.inputs >= 10_000 {
        for call in CALLS {
            assert!(total.count(call, "ok") > total.inputs / 200, "{call:?}: the call accepts too few mutations");
        }
        assert!(total.damages.len() >= 20, "too few kinds of damage were reported");
    }
}
