//! The frame around all bytes that the engine writes: the kind of content, the version, the
//! sections, and a checksum.

use super::{Reader, put_varint};
use crate::convert::u64_of;
use crate::error::{Damage, Error};

const MAGIC: [u8; 4] = [0xc7, b'c', b'v', b'g'];
const VERSION: u32 = 1;
/// A feature of the format, by its bit. Bit 0 (withheld operations) and bit 2 (signed documents)
/// are assigned, but not supported; see `docs/format.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    /// Operations that edit cells, and sums of edited cells.
    Edits = 1,
}

impl Feature {
    #[allow(clippy::as_conversions, reason = "the numbers of the bits are small")]
    fn mask(self) -> u64 {
        1 << self as u64
    }
}

/// The features that this engine knows.
const FEATURES: u64 = 1 << 1;
const CHECKSUM_BYTES: usize = 4;
/// A reader skips unknown sections from this number on.
const FIRST_OPTIONAL: u64 = 64;

/// The kind of content of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// A whole document.
    Document,
    /// Events without state.
    Update,
    /// All entries of a store, or of some of its namespaces.
    Snapshot,
    /// Changed entries of a store.
    Entries,
}

impl FrameKind {
    const ALL: [Self; 4] = [Self::Document, Self::Update, Self::Snapshot, Self::Entries];

    fn byte(self) -> u8 {
        match self {
            Self::Document => b'D',
            Self::Update => b'U',
            Self::Snapshot => b'S',
            Self::Entries => b'E',
        }
    }

    fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.byte() == byte)
    }
}

/// A part of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// The names of the peers.
    Peers = 1,
    /// The names of tables and columns, and the lists of columns that occur together.
    Names = 2,
    /// What a compacted document keeps of the events below its horizon.
    Horizon = 3,
    /// The rows with their ids and states.
    State = 4,
    /// The rows with their ids only.
    Rows = 5,
    /// The events.
    History = 6,
    /// The states at the horizon of rows that changed since.
    Changed = 7,
    /// The waiting events.
    Waiting = 8,
    /// The entries of a store.
    Entries = 9,
    /// The fingerprints of events.
    Fingerprints = 10,
    /// The sums of edited cells.
    Edits = 11,
}

const LAST_SECTION: usize = 11;

impl Section {
    /// Returns the number of the section as an index.
    #[allow(clippy::as_conversions, reason = "the numbers of the sections are small")]
    fn place(self) -> usize {
        self as usize
    }

    /// The names of the sections in `docs/format.md`, by number from 1.
    const NAMES: [&str; LAST_SECTION] = [
        "peers",
        "names",
        "horizon",
        "state",
        "rows",
        "history",
        "changed",
        "waiting",
        "entries",
        "fingerprints",
        "edits",
    ];

    /// Returns the name of the section with this number, or `unknown` for a section that readers
    /// skip.
    fn name_of(number: u64) -> &'static str {
        let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        place.and_then(|place| Self::NAMES.get(place)).copied().unwrap_or("unknown")
    }
}

/// The number, name and size of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SectionHead {
    pub(crate) number: u64,
    pub(crate) name: &'static str,
    pub(crate) bytes: u64,
}

/// Encodes a frame.
#[derive(Debug)]
pub(crate) struct FrameWriter {
    kind: FrameKind,
    features: u64,
    /// The head and the content of each section.
    sections: Vec<(Vec<u8>, Vec<u8>)>,
}

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "encodes data of the engine; reads no input"
)]
impl FrameWriter {
    pub(crate) fn new(kind: FrameKind) -> Self {
        Self { kind, features: 0, sections: Vec::new() }
    }

    /// Marks the content as using a feature.
    pub(crate) fn use_feature(&mut self, feature: Feature) {
        self.features |= feature.mask();
    }

    /// Adds a section. Sections are added in the order of their numbers.
    pub(crate) fn section(&mut self, section: Section, content: Vec<u8>) {
        let mut head = Vec::new();
        put_varint(&mut head, u64_of(section.place()));
        put_varint(&mut head, content.len() as u64);
        self.sections.push((head, content));
    }

    /// Returns the encoded frame.
    pub(crate) fn finish(self) -> Vec<u8> {
        let len: usize = self.sections.iter().map(|(head, content)| head.len() + content.len()).sum();
        let mut bytes = Vec::with_capacity(len + 32);
        bytes.extend_from_slice(&MAGIC);
        put_varint(&mut bytes, VERSION.into());
        bytes.push(self.kind.byte());
        put_varint(&mut bytes, self.features);
        put_varint(&mut bytes, len as u64);
        for (head, content) in self.sections {
            bytes.extend(head);
            bytes.extend(content);
        }
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

/// A frame whose checksum and sections were checked.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: FrameKind,
    features: u64,
    sections: [Option<Reader<'a>>; LAST_SECTION + 1],
    /// All sections, in their order.
    body: Reader<'a>,
    end: usize,
}

impl<'a> Frame<'a> {
    /// Checks the frame of these bytes, including the checksum.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        if reader.take(u64_of(MAGIC.len())).ok() != Some(&MAGIC) {
            return Err(Reader::new(bytes).damage("this is nothing that converge wrote: it begins with other bytes"));
        }
        let version = reader.varint()?;
        if version != u64::from(VERSION) {
            return Err(Error::UnsupportedVersion(u32::try_from(version).unwrap_or(u32::MAX)));
        }
        let kind = reader.byte()?;
        let features = reader.varint()?;
        let unknown = features & !FEATURES;
        if unknown != 0 {
            return Err(Error::UnsupportedFeature(unknown.trailing_zeros()));
        }
        let Some(kind) = FrameKind::of(kind) else {
            return Err(reader.damage("these are neither a document nor an update nor entries"));
        };
        let len = reader.varint()?;
        let end = bytes.split_last_chunk::<CHECKSUM_BYTES>();
        let is_whole = len.checked_add(u64_of(CHECKSUM_BYTES)) == Some(u64_of(reader.left()));
        let Some((whole, checksum)) = end.filter(|_| is_whole) else {
            return Err(reader.damage("the bytes are cut off, or more bytes follow them"));
        };
        let mut sections = reader.part(len)?;
        if crc32fast::hash(whole).to_le_bytes() != *checksum {
            return Err(reader.damage("the checksum is not that of the bytes: they are damaged"));
        }
        let mut frame = Self { kind, features, sections: [None; LAST_SECTION + 1], body: sections, end: bytes.len() };
        let mut last = 0;
        while sections.left() > 0 {
            let start = sections;
            let id = sections.varint()?;
            let content = sections.sized_part()?;
            if id <= last {
                return Err(start.damage("sections are not in the order of their numbers"));
            }
            last = id;
            match usize::try_from(id).ok().and_then(|id| frame.sections.get_mut(id)) {
                Some(section) => *section = Some(content),
                None if id >= FIRST_OPTIONAL => {}
                None => return Err(start.damage("a section is unknown")),
            }
        }
        Ok(frame)
    }

    /// Returns the version of the format.
    pub(crate) fn version(&self) -> u32 {
        VERSION
    }

    /// Returns the error for damage to the whole content.
    pub(crate) fn damage(&self, what: &'static str) -> Error {
        self.body.damage(what)
    }

    /// Returns whether the content is marked as using a feature.
    pub(crate) fn uses(&self, feature: Feature) -> bool {
        self.features & feature.mask() != 0
    }

    /// Returns the heads of all sections in their order, including sections that were taken or that
    /// readers skip.
    pub(crate) fn heads(&self) -> impl Iterator<Item = SectionHead> + use<'a> {
        let mut rest = self.body;
        std::iter::from_fn(move || {
            let number = rest.varint().ok()?;
            let bytes = rest.sized_part().ok()?.left();
            Some(SectionHead { number, name: Section::name_of(number), bytes: u64_of(bytes) })
        })
    }

    /// Takes a section, if the frame has it.
    pub(crate) fn take(&mut self, section: Section) -> Option<Reader<'a>> {
        self.sections.get_mut(section.place())?.take()
    }

    /// Takes a section. Fails if the frame does not have it.
    pub(crate) fn need(&mut self, section: Section) -> Result<Reader<'a>, Error> {
        let missing = Error::Corrupt(Damage { at: self.end, what: "a section is missing" });
        self.take(section).ok_or(missing)
    }

    /// Fails if there are sections that were not taken.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        match self.sections.iter().flatten().next() {
            Some(section) => Err(section.damage("a section is out of place")),
            None => Ok(()),
        }
    }
}
