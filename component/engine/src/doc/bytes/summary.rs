//! Summaries: what a replica knows, as bytes for another replica. `docs/format.md` specifies them.

use super::events::{next_print, rank_in, read_events, write_events};
use crate::codec::{Column, ColumnWriter, Reader, put_varint};
use crate::convert::u64_of;
use crate::doc::Doc;
use crate::doc::waiting::Need;
use crate::error::{Error, Invalid};
use crate::id::{Counter, Fingerprint, PeerVersion, SharedText, read_texts, write_texts};
use crate::lanes::{BRANCH_MARK, check_name};
use crate::limits;
use crate::sort;

/// The version of the encoding.
const VERSION: u8 = 1;
/// The flag of a summary that identifies events by name.
const BY_NAME: u8 = 1;
const CHECKSUM_BYTES: usize = 4;

/// What a replica knows.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// Whether events are identified by name only, without fingerprints.
    pub(crate) is_by_name: bool,
    pub(crate) branches: Vec<KnownBranch>,
    /// The heads of the replica's horizon.
    pub(crate) horizon: Vec<Need>,
    /// Missing events that the replica requests.
    pub(crate) wanted: Vec<Need>,
}

/// A branch with events above the replica's horizon.
#[derive(Debug, Clone)]
pub(crate) struct KnownBranch {
    pub(crate) name: SharedText,
    /// The counter of the first event if the peer is forked, otherwise 0.
    pub(crate) start: u32,
    pub(crate) count: u32,
    /// The fingerprint of the last event; `None` if names identify events.
    pub(crate) tip: Option<Fingerprint>,
}

impl KnownBranch {
    /// Returns the counter of the last event.
    pub(crate) fn last_counter(&self) -> u32 {
        self.count.saturating_sub(1)
    }
}

impl Doc {
    /// Encodes which events this replica knows and which missing events it needs, identified by
    /// content. O(peers with events above the horizon). Hashes the events since the last summary.
    #[must_use]
    pub fn summary(&self) -> Vec<u8> {
        self.own_summary().write()
    }

    /// Returns what this replica knows.
    pub(crate) fn own_summary(&self) -> Summary {
        let horizon = self.graph.horizon();
        let mut branches = Vec::new();
        for (_, lanes) in self.lanes.authors() {
            for &lane in lanes {
                let count = self.graph.count(lane);
                let is_leaf = self.lanes.leaving(lane, Counter(count)).is_empty();
                let last = count.checked_sub(1).and_then(|last| self.graph.find(lane, Counter(last)));
                let Some(last) = last.filter(|last| is_leaf && count > horizon.count(lane) && !self.is_stub(*last))
                else {
                    continue;
                };
                let counter = Counter(count.saturating_sub(1));
                let start = self.lanes.branch_of(lane, counter).map_or(0, |(start, _)| start.0);
                let name = SharedText::from(&*self.lanes.name(lane, counter));
                branches.push(KnownBranch { name, start, count, tip: Some(self.print(last)) });
            }
        }
        sort::sort_by(&mut branches, |a, b| a.name.cmp(&b.name));
        let horizon = horizon.heads().iter().map(|&head| self.need_of(head)).collect();
        let wanted = self.wanted();
        let wanted = wanted.take(max_wanted()).collect();
        Summary { is_by_name: false, branches, horizon, wanted }
    }

    /// Encodes a version as a summary that identifies events by name. O(peers × log n).
    ///
    /// # Errors
    /// `InvalidArgument` if the version names a peer twice, or something that is neither a peer nor
    /// a branch; `LimitExceeded` for names that are too long or too many.
    pub fn summary_of(version: &[PeerVersion]) -> Result<Vec<u8>, Error> {
        limits::PEERS.check(u64_of(version.len()))?;
        version.iter().try_for_each(|known| check_name(&known.peer))?;
        if let Some(peer) = sort::repeated(version.iter().map(|known| &known.peer)) {
            return Err(Invalid::RepeatedPeer(peer.clone()).into());
        }
        let known = version.iter().filter(|known| known.count > 0);
        let mut branches: Vec<KnownBranch> = known
            .map(|PeerVersion { peer, count }| KnownBranch {
                name: SharedText::from(peer.as_str()),
                start: 0,
                count: *count,
                tip: None,
            })
            .collect();
        sort::sort_by(&mut branches, |a, b| a.name.cmp(&b.name));
        Ok(Summary { is_by_name: true, branches, ..Summary::default() }.write())
    }
}

impl Summary {
    /// Encodes the summary. O(size × log n).
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = vec![VERSION, if self.is_by_name { BY_NAME } else { 0 }];
        let events = || self.horizon.iter().chain(&self.wanted);
        let names = self.branches.iter().map(|branch| &*branch.name).chain(events().map(|event| &*event.name));
        let names: Vec<&str> = sort::distinct(names);
        let rank = |name: &str| rank_in(&names, name);
        write_texts(names.len(), names.iter().copied(), &mut out);
        let (mut counts, mut starts, mut tips) = (ColumnWriter::new(), ColumnWriter::new(), ColumnWriter::fixed());
        let mut branches = self.branches.iter().peekable();
        for name in &names {
            let branch = branches.next_if(|branch| *branch.name == **name);
            counts.push(branch.map_or(0, |branch| branch.count.into()));
            let Some(branch) = branch else { continue };
            if name.contains(BRANCH_MARK) {
                starts.push(branch.start.into());
            }
            if let Some(tip) = branch.tip {
                tips.push(tip.get());
            }
        }
        counts.finish(&mut out);
        if !self.is_by_name {
            starts.finish(&mut out);
            tips.finish(&mut out);
            for events in [&self.horizon, &self.wanted] {
                let events: Vec<_> =
                    events.iter().map(|event| (rank(&event.name), event.counter, event.fingerprint)).collect();
                write_events(&events, &mut out);
            }
        }
        let checksum = crc32fast::hash(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    /// Decodes a summary.
    ///
    /// # Errors
    /// `Corrupt` for bytes that are not a summary; `UnsupportedVersion` for a summary of a newer
    /// engine; `LimitExceeded` for too many names.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = checked(bytes)?;
        let version = reader.byte()?;
        if version != VERSION {
            return Err(Error::UnsupportedVersion(version.into()));
        }
        let flags = reader.byte()?;
        if flags & !BY_NAME != 0 {
            return Err(reader.damage("a summary has unknown flags"));
        }
        let is_by_name = flags & BY_NAME != 0;
        let texts = read_texts(&mut reader, &limits::PEERS, limits::BRANCH_BYTES.maximum)?;
        let mut counts = Column::read(&mut reader)?;
        let mut fixed =
            if is_by_name { None } else { Some((Column::read(&mut reader)?, Column::read_fixed(&mut reader)?)) };
        let (mut names, mut branches) = (Vec::with_capacity(texts.len()), Vec::new());
        for (name, _) in texts.sorted() {
            check_name(name).map_err(|_| reader.damage("a name is not that of a peer or of a branch"))?;
            names.push(name.clone());
            let count = counts.next_u32_to(u32::MAX)?;
            let Some(last) = count.checked_sub(1) else { continue };
            let (start, tip) = match &mut fixed {
                None => (0, None),
                Some((starts, tips)) => {
                    let is_branch = name.contains(BRANCH_MARK);
                    let start = if is_branch { starts.next_u32_to(last)? } else { 0 };
                    (start, Some(next_print(tips)?))
                }
            };
            branches.push(KnownBranch { name: name.clone(), start, count, tip });
        }
        counts.finish()?;
        let (mut horizon, mut wanted) = (Vec::new(), Vec::new());
        if let Some((starts, tips)) = fixed {
            starts.finish()?;
            tips.finish()?;
            horizon = read_events(&mut reader, &names, &limits::HORIZON_HEADS)?;
            wanted = read_events(&mut reader, &names, &limits::REPORTED_MISSING)?;
        }
        reader.finish()?;
        Ok(Self { is_by_name, branches, horizon, wanted })
    }

    /// Appends the length of the encoded summary, and the summary.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let mut bytes = self.write();
        put_varint(out, u64_of(bytes.len()));
        out.append(&mut bytes);
    }
}

/// Returns the maximum number of missing events that a summary requests.
fn max_wanted() -> usize {
    usize::try_from(limits::REPORTED_MISSING.maximum).unwrap_or(usize::MAX)
}

/// Checks the checksum, and returns a reader of the bytes before it.
fn checked(bytes: &[u8]) -> Result<Reader<'_>, Error> {
    let whole = Reader::new(bytes);
    let Some((content, checksum)) = bytes.split_last_chunk::<CHECKSUM_BYTES>() else {
        return Err(whole.damage("this is no summary: it is too short; pass what `summary` or `summary-of` returned"));
    };
    if crc32fast::hash(content).to_le_bytes() != *checksum {
        return Err(whole.damage("this is no summary, or it is damaged: the checksum is wrong"));
    }
    Ok(Reader::new(content))
}
