//! The hello: who speaks, about which document, what it wants, and what it knows.

use super::SessionOptions;
use crate::codec::{Column, ColumnWriter, Reader, put_varint};
use crate::doc::Doc;
use crate::error::{Error, Name};
use crate::id::{SharedText, read_texts, write_texts};
use crate::limits;
use std::collections::BTreeSet;

/// What the hello of every version of the protocol begins with, before the version.
const MAGIC: [u8; 4] = *b"cvgs";
/// The version of the protocol, `docs/protocol.md`.
const VERSION: u64 = 1;

/// Stands for the checksum of an event that was given up.
const UNCHECKED: u64 = 0;

const READ_ONLY: u8 = 1;
const COMPACTED: u8 = 2;

/// What the other side said.
#[derive(Debug)]
pub(super) struct Hello {
    pub(super) document: String,
    pub(super) most_message_bytes: u32,
    pub(super) namespaces: BTreeSet<String>,
    pub(super) read_only: bool,
    /// How many events of each peer it has, sorted by peer.
    pub(super) version: Vec<(SharedText, u32)>,
    /// The last of them, with their checksums, but for those that it gave up.
    last: Vec<(SharedText, u32, u16)>,
    /// How many of them it gave up, of each peer of which it did, sorted.
    pub(super) given_up: Vec<(SharedText, u32)>,
}

/// Refuses the beginning of a hello of another version.
pub(super) fn check_version(mut content: Reader<'_>) -> Result<(), Error> {
    let start = content;
    if content.take(MAGIC.len() as u64).ok() != Some(&MAGIC) {
        return Err(start.damage("this is no message that begins a session"));
    }
    match content.varint()? {
        VERSION => Ok(()),
        version => Err(Error::UnsupportedVersion(u32::try_from(version).unwrap_or(u32::MAX))),
    }
}

/// The hello of a side. O(peers).
pub(super) fn write(doc: &Doc, options: &SessionOptions) -> Result<Vec<u8>, Error> {
    let mut out = MAGIC.to_vec();
    put_varint(&mut out, VERSION);
    put_text(&mut out, &options.document);
    let is_compacted = doc.given_up().next().is_some();
    let flag = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
    out.push(flag(options.read_only, READ_ONLY) | flag(is_compacted, COMPACTED));
    put_varint(&mut out, options.most_message_bytes.into());
    put_varint(&mut out, options.namespaces.len() as u64);
    options.namespaces.iter().for_each(|namespace| put_text(&mut out, namespace));

    let (mut counts, mut checks, mut given_up) = (ColumnWriter::new(), ColumnWriter::new(), ColumnWriter::new());
    let mut dropped = doc.given_up().peekable();
    for (peer, count) in doc.counts() {
        counts.push(count.into());
        checks.push(doc.check_of(peer, count - 1).map_or(UNCHECKED, u64::from));
        given_up.push(dropped.next_if(|(other, _)| *other == peer).map_or(0, |(_, count)| count.into()));
    }
    write_texts(doc.counts().count(), doc.counts().map(|(peer, _)| &**peer), &mut out);
    counts.finish(&mut out);
    checks.finish(&mut out);
    if is_compacted {
        given_up.finish(&mut out);
    }
    limits::HELLO_BYTES.check(out.len() as u64)?;
    Ok(out)
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

impl Hello {
    /// Reads a hello. O(its bytes × log n).
    pub(super) fn read(doc: &Doc, mut content: Reader<'_>) -> Result<Self, Error> {
        check_version(content)?;
        content.take(MAGIC.len() as u64)?;
        content.varint()?;
        let document = text(&mut content)?;
        Name::Document.check(&document)?;
        let flags = content.byte()?;
        if flags & !(READ_ONLY | COMPACTED) != 0 {
            return Err(content.damage("a hello has flags that nobody sets"));
        }
        let most_message_bytes = content.number(limits::MESSAGE_BYTES.most)? as u32;
        if most_message_bytes < limits::LEAST_MESSAGE_BYTES {
            return Err(content.damage("a hello asks for messages that are too small"));
        }
        let count = content.varint()?;
        limits::NAMESPACES.check(count)?;
        let mut namespaces = BTreeSet::new();
        for _ in 0..count {
            let namespace = text(&mut content)?;
            Name::Namespace.check(&namespace)?;
            if namespaces.last().is_some_and(|last| *last >= namespace) {
                return Err(content.damage("the namespaces of a hello are not sorted"));
            }
            namespaces.insert(namespace);
        }

        let peers = read_texts(&mut content, &limits::PEERS, limits::PEER_BYTES.most)?;
        let (mut counts, mut checks) = (Column::read(&mut content)?, Column::read(&mut content)?);
        let mut horizon = if flags & COMPACTED != 0 { Some(Column::read(&mut content)?) } else { None };
        let (mut version, mut last, mut given_up) = (Vec::new(), Vec::new(), Vec::new());
        for (peer, _) in peers.sorted() {
            let peer = doc.shared_name(peer);
            let count = counts.next_to(u64::from(u32::MAX))? as u32;
            let dropped = horizon.as_mut().map_or(Ok(0), |horizon| horizon.next_to(count.into()))? as u32;
            if count == 0 {
                return Err(content.damage("a version names a peer without events"));
            }
            let check = checks.next_to(u64::from(u16::MAX))?;
            if check != UNCHECKED {
                last.push((peer.clone(), count - 1, check as u16));
            }
            if dropped > 0 {
                given_up.push((peer.clone(), dropped));
            }
            version.push((peer, count));
        }
        counts.finish()?;
        checks.finish()?;
        horizon.as_ref().map_or(Ok(()), Column::finish)?;
        content.finish()?;
        if horizon.is_some() == given_up.is_empty() {
            return Err(content.damage("a horizon is empty"));
        }
        let read_only = flags & READ_ONLY != 0;
        Ok(Self { document, most_message_bytes, namespaces, read_only, version, last, given_up })
    }

    /// Refuses a side that means another event by the name of one that is known here. O(peers × log n), and the size of each
    /// peer's last event.
    ///
    /// # Errors
    /// `ConflictingEvent` with that name.
    pub(super) fn check_events(&self, doc: &Doc) -> Result<(), Error> {
        let other = |(peer, counter, check): &&(SharedText, u32, u16)| {
            doc.check_of(peer, *counter).is_some_and(|here| here != *check)
        };
        match self.last.iter().find(other) {
            Some((peer, counter, _)) => Err(Error::ConflictingEvent { peer: String::from(&**peer), counter: *counter }),
            None => Ok(()),
        }
    }
}

fn text(content: &mut Reader<'_>) -> Result<String, Error> {
    let start = *content;
    let len = content.varint()?;
    let bytes = content.take(len)?;
    str::from_utf8(bytes).map(str::to_owned).map_err(|_| start.damage("a text is not UTF-8"))
}
