//! Hello messages: the sender, the document, the sender's options, and its summary.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

use super::SessionOptions;
use super::conversation::Conversation;
use crate::codec::{Reader, put_varint};
use crate::convert::u64_of;
use crate::doc::{Doc, Summary};
use crate::error::{Error, Name};
use crate::limits;
use std::collections::BTreeSet;

const READ_ONLY: u8 = 1;
const NEEDS_DOCUMENT: u8 = 2;
const NO_EVENTS: u8 = 4;
const NO_ENTRIES: u8 = 8;
const NO_DOCUMENTS: u8 = 16;
const ALL_FLAGS: u8 = 31;

/// The hello of the other side.
#[derive(Debug)]
pub(super) struct Hello {
    pub(super) conversation: Conversation,
    pub(super) document: String,
    pub(super) max_message_bytes: u32,
    pub(super) namespaces: BTreeSet<String>,
    pub(super) read_only: bool,
    /// Whether the other side must replace its content by this side's document.
    pub(super) needs_document: bool,
    pub(super) accept: super::Acceptance,
    pub(super) summary: Summary,
}

/// Encodes the hello of this side. O(peers with events above the horizon).
pub(super) fn write(
    doc: &Doc,
    options: &SessionOptions,
    conversation: Conversation,
    needs_document: bool,
) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    conversation.write(&mut out);
    put_text(&mut out, &options.document);
    let flag = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
    out.push(
        flag(options.read_only, READ_ONLY)
            | flag(needs_document, NEEDS_DOCUMENT)
            | flag(!options.accept.events, NO_EVENTS)
            | flag(!options.accept.entries, NO_ENTRIES)
            | flag(!options.accept.documents, NO_DOCUMENTS),
    );
    put_varint(&mut out, options.max_message_bytes.into());
    put_varint(&mut out, u64_of(options.namespaces.len()));
    options.namespaces.iter().for_each(|namespace| put_text(&mut out, namespace));
    doc.own_summary().put(&mut out);
    limits::HELLO_BYTES.check(u64_of(out.len()))?;
    Ok(out)
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, u64_of(text.len()));
    out.extend_from_slice(text.as_bytes());
}

impl Hello {
    /// Decodes a hello. O(bytes × log n).
    pub(super) fn read(mut content: Reader<'_>) -> Result<Self, Error> {
        let conversation = Conversation::read(&mut content)?;
        let document = content.text()?.to_owned();
        Name::Document.check(&document)?;
        let flags = content.byte()?;
        if flags & !ALL_FLAGS != 0 {
            return Err(content.damage("a hello has unknown flags"));
        }
        let has = |bit: u8| flags & bit != 0;
        let max_message_bytes = content.u32_to(limits::MESSAGE_BYTES.maximum)?;
        if max_message_bytes < limits::MIN_MESSAGE_BYTES {
            return Err(content.damage("a hello asks for messages that are too small"));
        }
        let count = content.varint()?;
        limits::NAMESPACES.check(count)?;
        let mut namespaces = BTreeSet::new();
        for _ in 0..count {
            let namespace = content.text()?.to_owned();
            Name::Namespace.check(&namespace)?;
            if namespaces.last().is_some_and(|last| *last >= namespace) {
                return Err(content.damage("the namespaces of a hello are not sorted"));
            }
            namespaces.insert(namespace);
        }
        let mut summary = content.sized_part()?;
        let summary = Summary::read(summary.take_rest())?;
        if summary.is_by_name {
            return Err(content.damage("the summary of a hello identifies events by name"));
        }
        content.finish()?;
        Ok(Self {
            conversation,
            document,
            max_message_bytes,
            namespaces,
            read_only: has(READ_ONLY),
            needs_document: has(NEEDS_DOCUMENT),
            accept: super::Acceptance {
                events: !has(NO_EVENTS),
                entries: !has(NO_ENTRIES),
                documents: !has(NO_DOCUMENTS),
            },
            summary,
        })
    }
}
