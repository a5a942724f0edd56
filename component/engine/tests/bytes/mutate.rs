//! Makes hostile bytes from valid ones, either blindly or with a correct frame, so that the
//! decoders behind it are reached.

use crate::bases::Base;
use crate::by_hand::ByHand;
use crate::frame::{Frame, MAGIC, Section, read_varint, resealed, sealed, varint};
use crate::seeds::Random;

/// Numbers at which decoders tend to fail.
const NUMBERS: [u64; 20] = [
    0,
    1,
    2,
    3,
    0x3f,
    0x40,
    0x7f,
    0x80,
    0xff,
    0x100,
    0xffff,
    1 << 20,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 2,
    (1 << 32) - 1,
    1 << 32,
    1 << 53,
    1 << 63,
    u64::MAX,
];

/// Returns hostile bytes, mostly made from one of the bases, and the name of the mutation.
pub(crate) fn mutated(bases: &[Base], random: &mut Random) -> (&'static str, Vec<u8>) {
    let base = random.pick(bases);
    match random.below(16) {
        0 => ("random bytes", random_bytes(random)),
        1 => ("random sections", random_sections(random)),
        2 => ("bytes changed", changed(base.bytes.clone(), random)),
        3..6 => ("bytes changed with a correct checksum", resealed(&changed(base.bytes.clone(), random))),
        6 => ("frame changed", framed(base, bases, random)),
        7 => ("sections spliced", spliced(base, bases, random)),
        8 | 9 => ("numbers changed in columns", numbers_changed(random)),
        _ => ("sections changed", sections_changed(base, random)),
    }
}

fn random_bytes(random: &mut Random) -> Vec<u8> {
    let length = random.below(64);
    let mut bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
    if random.chance(1, 2) {
        bytes.splice(0..0, MAGIC);
    }
    if random.chance(1, 2) { sealed(bytes) } else { bytes }
}

/// Returns a correct frame around random sections.
fn random_sections(random: &mut Random) -> Vec<u8> {
    let mut sections = Vec::new();
    for id in 1..12 {
        if random.chance(1, 2) {
            let small = random.chance(1, 2);
            let byte = |random: &mut Random| if small { random.below(4) as u8 } else { random.next() as u8 };
            let content = (0..random.below(24)).map(|_| byte(random)).collect();
            sections.push(Section { id, content });
        }
    }
    Frame { version: 1, kind: *random.pick(b"DU"), features: 0, sections }.bytes()
}

fn sections_changed(base: &Base, random: &mut Random) -> Vec<u8> {
    let mut frame = parsed(base);
    for _ in 0..1 + random.below(3) {
        let place = random.below(frame.sections.len());
        let section = &mut frame.sections[place];
        section.content = changed(std::mem::take(&mut section.content), random);
    }
    frame.bytes()
}

fn numbers_changed(random: &mut Random) -> Vec<u8> {
    let mut update = ByHand::new();
    update.change(&NUMBERS, random);
    update.bytes()
}

/// Returns sections of two documents in one frame.
fn spliced(base: &Base, bases: &[Base], random: &mut Random) -> Vec<u8> {
    let (mut frame, other) = (parsed(base), parsed(random.pick(bases)));
    for section in random.sample(&other.sections, 1, 2) {
        frame.sections.retain(|mine| mine.id != section.id);
        frame.sections.push(section);
    }
    frame.sections.sort_by_key(|section| section.id);
    if random.chance(1, 4) {
        frame.kind = other.kind;
    }
    frame.bytes()
}

fn framed(base: &Base, bases: &[Base], random: &mut Random) -> Vec<u8> {
    let mut frame = parsed(base);
    let place = random.below(frame.sections.len());
    let id = *random.pick(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 63, 64, 65, 1 << 32, u64::MAX]);
    match random.below(10) {
        0 => frame.version = *random.pick(&NUMBERS),
        1 => frame.kind = *random.pick(b"DUdu\0\xff"),
        2 => frame.features = *random.pick(&NUMBERS),
        3 => drop(frame.sections.remove(place)),
        4 => frame.sections.insert(place, frame.sections[place].clone()),
        5 => random.shuffle(&mut frame.sections),
        6 => frame.sections[place].id = id,
        7 => frame.sections[place].content.clear(),
        8 => {
            let section = Section { id, content: random_bytes(random) };
            let behind = frame.sections.partition_point(|other| other.id < id);
            frame.sections.insert(behind, section);
        }
        _ => return [base.bytes.clone(), random.pick(bases).bytes.clone()].concat(),
    }
    frame.bytes()
}

fn parsed(base: &Base) -> Frame {
    let frame = Frame::parse(&base.bytes);
    frame.unwrap_or_else(|| panic!("{}: the engine's bytes have another frame", base.name))
}

/// Changes bytes and numbers in one to four places.
fn changed(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    for _ in 0..1 + random.below(4) {
        change(&mut bytes, random);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    if bytes.is_empty() {
        return bytes.extend(varint(*random.pick(&NUMBERS)));
    }
    let at = random.below(bytes.len());
    let end = (at + 1 + random.below(8)).min(bytes.len());
    match random.below(14) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.next() as u8,
        2 => bytes.insert(at, *random.pick(&[0, 1, 0x7f, 0x80, 0xff])),
        3 => drop(bytes.remove(at)),
        4 => bytes.truncate(at),
        5 => drop(bytes.drain(at..end)),
        6 => {
            // Repeat a part, there or elsewhere.
            let part = bytes[at..end].to_vec();
            let to = random.below(bytes.len() + 1);
            bytes.splice(to..to, part);
        }
        7 => {
            let part = bytes[at..end].to_vec();
            let to = random.below(bytes.len());
            let to_end = (to + part.len()).min(bytes.len());
            bytes.splice(to..to_end, part);
        }
        8 => drop(bytes.splice(at..at, varint(*random.pick(&NUMBERS)))),
        // Encode a number with more bytes than needed.
        9 => drop(bytes.splice(at..=at, [bytes[at] | 0x80, *random.pick(&[0, 0x80])])),
        10 => replace_number(
            bytes,
            at,
            |number, random| number.wrapping_add(random.below(9) as u64).wrapping_sub(4),
            random,
        ),
        11 => replace_number(bytes, at, |number, _| number.wrapping_mul(2), random),
        _ => replace_number(bytes, at, |_, random| *random.pick(&NUMBERS), random),
    }
}

/// Replaces the number that starts here.
fn replace_number(bytes: &mut Vec<u8>, at: usize, other: impl FnOnce(u64, &mut Random) -> u64, random: &mut Random) {
    let mut rest = &bytes[at..];
    let Some(number) = read_varint(&mut rest) else { return };
    let end = bytes.len() - rest.len();
    let number = other(number, random);
    bytes.splice(at..end, varint(number));
}
