//! Summarizes bytes without loading them.

use crate::codec::{Frame, FrameKind, Reader, Section};
use crate::convert::index_of;
use crate::error::Error;
use crate::graph::{Horizon, RunsReader};
use crate::id::{Names, PeerNumber, PeerVersion, read_texts};
use crate::limits;
use crate::rows::{NameTable, TableSummary};
use crate::work;

/// The kind of content of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A saved document.
    Document,
    /// Events of a document.
    Update,
    /// All entries of a store, or of some of its namespaces.
    EphemeralSnapshot,
    /// Changed entries of a store.
    EphemeralUpdate,
}

/// The number, name and size of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionSize {
    /// The number in `docs/format.md`.
    pub id: u32,
    /// The name in `docs/format.md`, or `unknown` for a section that this engine skips.
    pub name: &'static str,
    /// The length in bytes.
    pub bytes: u64,
}

/// The result of [`inspect`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The kind of content.
    pub content: Content,
    /// The version of the format.
    pub format_version: u32,
    /// The sections, in their order.
    pub sections: Vec<SectionSize>,
    /// The number of events of each peer or branch, including compacted ones, sorted by name.
    pub version: Vec<PeerVersion>,
    /// The horizon of a compacted document, sorted by peer.
    pub horizon: Vec<PeerVersion>,
    /// The number of waiting events.
    pub waiting: u32,
    /// The tables, sorted by name: of a document, those that have rows, with the numbers of these;
    /// of an update, those that its operations name, with the numbers of named rows.
    pub tables: Vec<TableSummary>,
}

/// Summarizes the bytes of a saved document, an update, or an ephemeral snapshot or update. Checks
/// the checksum and the decoded parts: names of peers, tables and columns, heads of runs, and which
/// rows exist. O(bytes) without cells and operations.
///
/// # Errors
/// `Corrupt` for other bytes and for damaged ones; `UnsupportedVersion` and `UnsupportedFeature`
/// for bytes of a newer engine; `LimitExceeded` for names that are too long or too many.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, Error> {
    let mut frame = Frame::read(bytes)?;
    let sections = frame.heads().map(|head| {
        let id = u32::try_from(head.number).unwrap_or(u32::MAX);
        SectionSize { id, name: head.name, bytes: head.bytes }
    });
    let mut found = Inspection {
        content: match frame.kind {
            FrameKind::Document => Content::Document,
            FrameKind::Update => Content::Update,
            FrameKind::Snapshot => Content::EphemeralSnapshot,
            FrameKind::Entries => Content::EphemeralUpdate,
        },
        format_version: frame.version(),
        sections: sections.collect(),
        version: Vec::new(),
        horizon: Vec::new(),
        waiting: 0,
        tables: Vec::new(),
    };
    match frame.kind {
        FrameKind::Document => found.read_document(&mut frame)?,
        FrameKind::Update => {
            let names = read_peers(&mut frame.need(Section::Peers)?)?;
            let mut runs = frame.need(Section::History)?;
            found.version = version(&names, count_runs(&mut runs, vec![0; names.len()])?.0);
            let (table, _) = NameTable::read(&mut frame.need(Section::Names)?)?;
            found.tables = table.named_rows(&mut frame.need(Section::Rows)?)?;
            frame.need(Section::Fingerprints)?;
        }
        FrameKind::Snapshot | FrameKind::Entries => drop(frame.need(Section::Entries)?),
    }
    frame.finish()?;
    Ok(found)
}

impl Inspection {
    fn read_document(&mut self, frame: &mut Frame<'_>) -> Result<(), Error> {
        let names = read_peers(&mut frame.need(Section::Peers)?)?;
        let peers = u32::try_from(names.len()).unwrap_or(u32::MAX);
        let horizon = frame.take(Section::Horizon).map(|mut section| Horizon::read(&mut section, peers)).transpose()?;
        let compacted = |peer| horizon.as_ref().map_or(0, |horizon| horizon.count(PeerNumber(peer)));
        let compacted: Vec<u32> = (0..peers).map(compacted).collect();
        self.horizon = version(&names, compacted.clone());
        self.version = version(&names, count_runs(&mut frame.need(Section::History)?, compacted)?.0);

        let (table, _) = NameTable::read(&mut frame.need(Section::Names)?)?;
        self.tables = table.summaries(&mut frame.need(Section::State)?)?;
        frame.take(Section::Changed);
        frame.take(Section::Fingerprints);
        frame.take(Section::Edits);
        if let Some(mut waiting) = frame.take(Section::Waiting) {
            let mut part = || waiting.sized_part();
            let [mut peers, _, _, mut history, _] = [part()?, part()?, part()?, part()?, part()?];
            let peers = read_peers(&mut peers)?;
            self.waiting = count_runs(&mut history, vec![0; peers.len()])?.1;
        }
        Ok(())
    }
}

/// Reads the names of branches.
fn read_peers(section: &mut Reader<'_>) -> Result<Names, Error> {
    read_texts(section, &limits::PEERS, limits::BRANCH_BYTES.maximum)
}

/// Reads the heads of runs that follow these counts of events. Returns the counts after the last
/// run, by rank, and the number of events. O(runs).
fn count_runs(history: &mut Reader<'_>, mut counts: Vec<u32>) -> Result<(Vec<u32>, u32), Error> {
    let mut runs = RunsReader::read(history, counts.clone())?;
    let (mut dependencies, mut events) = (Vec::new(), 0_u64);
    while let Some(run) = runs.next(&mut dependencies)? {
        work::step();
        events = events.saturating_add(run.len.into());
        limits::DOCUMENT_EVENTS.check(events)?;
        if let Some(count) = counts.get_mut(index_of(run.peer)) {
            *count = run.start.saturating_add(run.len);
        }
    }
    runs.finish()?;
    Ok((counts, u32::try_from(events).unwrap_or(u32::MAX)))
}

/// Returns the counts with their names, without those that are 0.
fn version(names: &Names, counts: Vec<u32>) -> Vec<PeerVersion> {
    let counts = names.sorted().zip(counts).filter(|(_, count)| *count > 0);
    counts.map(|((peer, _), count)| PeerVersion { peer: String::from(&**peer), count }).collect()
}
