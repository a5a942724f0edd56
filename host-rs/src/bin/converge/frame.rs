//! The frame around saved documents and updates (`docs/format.md` in the sources): what bytes claim to be, before the
//! engine looks at them.
//!
//! Takes any bytes: nothing is believed that is not checked, and nothing is allocated. Knows only where sections begin
//! and end, not what is in them.

use std::fmt;

const MAGIC: [u8; 4] = [0xc7, b'c', b'v', b'g'];
pub(crate) const VERSION: u64 = 1;
const CHECKSUM_BYTES: usize = 4;
/// Sections from this one on can be skipped by whoever does not know them.
const FIRST_OPTIONAL: u64 = 64;
/// The sections of this version, from 1.
const SECTIONS: [&str; 8] = ["peers", "names", "horizon", "state", "rows", "history", "changed", "waiting"];

/// What bytes hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Document,
    Update,
}

/// A frame whose parts fit each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: Kind,
    pub(crate) version: u64,
    sections: Reader<'a>,
    /// As the bytes claim.
    claimed: u32,
    /// As the bytes are.
    checksum: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) id: u64,
    /// Of its content.
    pub(crate) bytes: usize,
}

/// Why bytes have no frame that this version reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// They begin as nothing that converge wrote.
    Foreign,
    Version(u64),
    Kind(u8),
    /// The lowest bit that is unknown.
    Feature(u32),
    /// There are fewer or more bytes than the frame says.
    Length {
        claimed: u64,
        found: u64,
    },
    /// What stands at this offset is wrong.
    At(usize, &'static str),
}

impl<'a> Frame<'a> {
    /// Takes the frame apart. A wrong checksum is no fault here: [`Self::is_intact`] tells.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader { at: 0, left: bytes };
        if reader.take(MAGIC.len()) != Some(&MAGIC) {
            return Err(Fault::Foreign);
        }
        let version = reader.varint()?;
        if version != VERSION {
            return Err(Fault::Version(version));
        }
        let kind = match reader.byte()? {
            b'D' => Kind::Document,
            b'U' => Kind::Update,
            other => return Err(Fault::Kind(other)),
        };
        let features = reader.varint()?;
        if features != 0 {
            return Err(Fault::Feature(features.trailing_zeros()));
        }
        let claimed = reader.varint()?;
        let length = Fault::Length { claimed, found: reader.left.len().saturating_sub(CHECKSUM_BYTES) as u64 };
        let Some((content, [a, b, c, d])) = reader.left.split_last_chunk() else { return Err(length) };
        if claimed != content.len() as u64 {
            return Err(length);
        }
        let whole = bytes.get(..reader.at + content.len()).unwrap_or_default();
        let frame = Self {
            kind,
            version,
            sections: Reader { left: content, ..reader },
            claimed: u32::from_le_bytes([*a, *b, *c, *d]),
            checksum: crc32fast::hash(whole),
        };
        frame.sections().try_for_each(|section| section.map(drop))?;
        Ok(frame)
    }

    /// The sections, in their order. No fault comes of a frame that was read.
    pub(crate) fn sections(&self) -> Sections<'a> {
        Sections { reader: self.sections, last: 0 }
    }

    /// Whether it has waiting events.
    pub(crate) fn has_waiting(&self) -> bool {
        self.sections().any(|section| section.is_ok_and(|section| section.name() == Some("waiting")))
    }

    pub(crate) fn is_intact(&self) -> bool {
        self.claimed == self.checksum
    }

    pub(crate) fn checksum(&self) -> u32 {
        self.checksum
    }
}

impl Section {
    /// Its name; none where this version does not know it.
    pub(crate) fn name(&self) -> Option<&'static str> {
        SECTIONS.get(usize::try_from(self.id.checked_sub(1)?).ok()?).copied()
    }
}

#[derive(Debug)]
pub(crate) struct Sections<'a> {
    reader: Reader<'a>,
    last: u64,
}

impl Iterator for Sections<'_> {
    type Item = Result<Section, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.left.is_empty() {
            return None;
        }
        let section = self.section();
        if section.is_err() {
            self.reader.left = &[];
        }
        Some(section)
    }
}

impl Sections<'_> {
    fn section(&mut self) -> Result<Section, Fault> {
        let start = self.reader.at;
        let id = self.reader.varint()?;
        let length_at = self.reader.at;
        let claimed = self.reader.varint()?;
        let bytes = usize::try_from(claimed).ok().and_then(|claimed| self.reader.take(claimed)).map(<[u8]>::len);
        let bytes = bytes.ok_or(Fault::At(length_at, "a section is longer than what is left of the bytes"))?;
        let section = Section { id, bytes };
        if id <= self.last {
            return Err(Fault::At(start, "sections are not in the order of their numbers"));
        }
        if section.name().is_none() && id < FIRST_OPTIONAL {
            return Err(Fault::At(start, "a section is unknown"));
        }
        self.last = id;
        Ok(section)
    }
}

/// What is left of bytes, and where in them it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reader<'a> {
    at: usize,
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.left.split_at_checked(count)?;
        *self = Self { at: self.at + count, left };
        Some(taken)
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        let at = self.at;
        self.take(1).and_then(|taken| taken.first().copied()).ok_or(Fault::At(at, "the bytes end too early"))
    }

    /// Seven bits a byte, lowest first; the shortest form alone.
    fn varint(&mut self) -> Result<u64, Fault> {
        let start = self.at;
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                let shortest = byte != 0 || shift == 0;
                return if shortest { Ok(number) } else { Err(Fault::At(start, "a number is longer than need be")) };
            }
        }
        Err(Fault::At(start, "a number is larger than 64 bits hold"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("it begins as nothing that converge wrote"),
            Self::Version(version) => {
                write!(f, "it is of format version {version}, and this program reads {VERSION}")
            }
            Self::Kind(kind) => write!(f, "it is neither a document nor an update: its kind is {kind:#04x}"),
            Self::Feature(bit) => write!(f, "it uses feature {bit}, which this program does not know"),
            Self::Length { claimed, found } if found < claimed => {
                write!(f, "it is cut off: {found} bytes of sections are there, {claimed} belong to it")
            }
            Self::Length { claimed, found } => {
                write!(f, "it goes on after its end: {found} bytes are there, {claimed} belong to it")
            }
            Self::At(at, what) => write!(f, "at byte {at}: {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Frame, Kind, Section};

    /// A frame of these sections, with its checksum.
    fn framed(kind: u8, sections: &[u8]) -> Vec<u8> {
        let length = u8::try_from(sections.len()).expect("a small frame");
        assert!(length < 0x80);
        sealed([&[0xc7, b'c', b'v', b'g', 1, kind, 0, length], sections].concat())
    }

    fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
        let checksum = crc32fast::hash(&bytes);
        bytes.extend(checksum.to_le_bytes());
        bytes
    }

    fn fault(bytes: &[u8]) -> Fault {
        Frame::read(bytes).expect_err("a fault")
    }

    #[test]
    fn frames_tell_their_parts() {
        let bytes = framed(b'D', &[1, 2, 9, 9, 6, 0, 64, 1, 9]);
        let frame = Frame::read(&bytes).expect("a frame");
        assert_eq!(
            (frame.kind, frame.version, frame.is_intact(), frame.has_waiting()),
            (Kind::Document, 1, true, false)
        );
        let sections: Vec<_> = frame.sections().collect();
        let expected = [(1, 2), (6, 0), (64, 1)].map(|(id, bytes)| Ok(Section { id, bytes }));
        assert_eq!(sections, expected);
        let names: Vec<_> = sections.iter().flatten().map(Section::name).collect();
        assert_eq!(names, [Some("peers"), Some("history"), None]);

        let update = framed(b'U', &[8, 0]);
        let frame = Frame::read(&update).expect("a frame");
        assert!(frame.kind == Kind::Update && frame.has_waiting());
        assert_eq!(Frame::read(&framed(b'U', &[])).map(|frame| frame.sections().count()), Ok(0));
    }

    #[test]
    fn faults_are_told() {
        assert_eq!(fault(b""), Fault::Foreign);
        assert_eq!(fault(b"PK\x03\x04 and so on"), Fault::Foreign);
        assert_eq!(fault(&[0xc7, b'c', b'v', b'g', 0x80, 2]), Fault::Version(256));
        assert_eq!(fault(&framed(b'd', &[])), Fault::Kind(b'd'));
        assert_eq!(fault(&sealed(vec![0xc7, b'c', b'v', b'g', 1, b'D', 8, 0])), Fault::Feature(3));
        assert_eq!(fault(&framed(b'D', &[1, 0])[..11]), Fault::Length { claimed: 2, found: 0 });
        let longer = [framed(b'D', &[1, 0]), vec![0]].concat();
        assert_eq!(fault(&longer), Fault::Length { claimed: 2, found: 3 });

        let at = |sections: &[u8]| match fault(&framed(b'D', sections)) {
            Fault::At(at, what) => (at, what),
            other => panic!("{other:?}"),
        };
        assert_eq!(at(&[1, 0, 1, 0]), (10, "sections are not in the order of their numbers"));
        assert_eq!(at(&[0, 0]), (8, "sections are not in the order of their numbers"));
        assert_eq!(at(&[9, 0]), (8, "a section is unknown"));
        assert_eq!(at(&[1, 2, 0]), (9, "a section is longer than what is left of the bytes"));
        assert_eq!(at(&[1]), (9, "the bytes end too early"));
        assert_eq!(at(&[0x81, 0, 0]), (8, "a number is longer than need be"));
        assert_eq!(at(&[[0xff; 9].as_slice(), &[2, 0]].concat()), (8, "a number is larger than 64 bits hold"));
        assert_eq!(at(&[0xff; 12]), (8, "a number is larger than 64 bits hold"));
    }

    #[test]
    fn numbers_go_up_to_64_bits() {
        let largest = [[0xff; 9].as_slice(), &[1]].concat();
        assert_eq!(fault(&[&[0xc7, b'c', b'v', b'g'], largest.as_slice()].concat()), Fault::Version(u64::MAX));
    }

    #[test]
    fn every_flip_and_every_cut_of_a_frame_shows() {
        let bytes = framed(b'D', &[1, 2, 9, 9, 6, 0, 64, 1, 9]);
        let is_sound = |bytes: &[u8]| Frame::read(bytes).is_ok_and(|frame| frame.is_intact());
        assert!(is_sound(&bytes));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_sound(&flipped), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(!is_sound(&bytes[..cut]), "{cut} bytes");
        }
    }
}
