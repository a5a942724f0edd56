//! Anchors: references to places in texts that stay valid while the texts change.
//!
//! An anchor names the character on one side of a position, or the start or the end of the text.
//! Its bytes contain the name, so that every replica finds the character. `docs/format.md`
//! specifies them.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

use super::Doc;
use super::views::refused;
use crate::codec::{Reader, put_varint};
use crate::error::{Error, Invalid};
use crate::id::{Counter, EventId, Fingerprint, PeerNumber};
use crate::lanes::split_name;
use crate::rows::{CellText, TextOrigin, View, ViewNumber, ViewedCell};
use crate::text::{CharName, CharPosition, Lengths, Unit};

/// The version of the bytes.
const VERSION: u8 = 1;
/// The flag of an anchor that sticks to the text after it.
const AFTER: u8 = 1;
/// What an anchor refers to: the start or the end of the text, a character of the ground, or a
/// character that a splice inserted.
const BOUNDARY: u8 = 0;
const OF_GROUND: u8 = 2;
const INSERTED: u8 = 4;

/// On which side of a position an anchor sticks to the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// To the character before the position, or to the start of the text.
    Before,
    /// To the character after the position, or to the end of the text.
    After,
}

/// A decoded anchor.
struct Anchor<'a> {
    side: Side,
    place: AnchorPlace<'a>,
}

enum AnchorPlace<'a> {
    Boundary,
    /// The index of the character in the written text, and the fingerprint of the event that wrote
    /// the text, if it was known.
    Ground {
        index: u32,
        written_by: Option<Fingerprint>,
    },
    /// The character of an event, which has this name, and this fingerprint, if it was known.
    Inserted {
        peer: &'a str,
        counter: u32,
        fingerprint: Option<Fingerprint>,
        place: u32,
        offset: u32,
    },
}

impl Doc {
    /// Returns a reference to a position in the editor's copy. O(log n).
    ///
    /// # Errors
    /// `InvalidArgument` for a position beyond the copy or inside of a character, and if the view
    /// was closed.
    pub fn anchor_view(&self, view: ViewNumber, at: u32, side: Side) -> Result<Vec<u8>, Error> {
        let View { unit, delta, cell, .. } = self.open(view)?;
        let text = self.viewed_text(view).unwrap_or(CellText::Written(""));
        let (lengths, content) = (text.lengths(), self.log.content());
        let length = delta.copy_length(lengths);
        if at > length {
            return Err(Invalid::PositionBeyondText { at, length }.into());
        }
        let at = match side {
            Side::Before => delta.to_document(at),
            Side::After => delta.next_in_document(at),
        };
        let position = text.position(at.min(lengths.in_unit(*unit)), *unit, content);
        let position = position.map_err(|misplaced| refused(misplaced, at))?.scalars;
        let index = match side {
            Side::Before => position.checked_sub(1),
            Side::After => Some(position).filter(|position| *position < lengths.scalars),
        };
        let name = index.and_then(|index| match text {
            CellText::Written(_) => Some(CharName::Ground(index)),
            CellText::Spliced(text) => text.name_at(index, self.sources()),
        });
        let side = if side == Side::After { AFTER } else { 0 };
        let mut anchor = vec![VERSION];
        match name {
            None => anchor.push(side | BOUNDARY),
            Some(CharName::Ground(index)) => {
                anchor.push(side | OF_GROUND);
                put_varint(&mut anchor, index.into());
                let written_by = self.written_by(cell).map_or(0, Fingerprint::get);
                anchor.extend_from_slice(&written_by.to_le_bytes());
            }
            Some(CharName::Inserted { peer, counter, place, offset }) => {
                anchor.push(side | INSERTED);
                for number in [place, offset, counter.0] {
                    put_varint(&mut anchor, number.into());
                }
                let event = self.graph.find(peer, counter);
                let fingerprint = event.map_or(0, |event| self.print(event).get());
                anchor.extend_from_slice(&fingerprint.to_le_bytes());
                anchor.extend_from_slice(self.lanes.name(peer, counter).as_bytes());
            }
        }
        Ok(anchor)
    }

    /// Returns the present position of an anchor in the editor's copy: of the character, or where a
    /// removed character stood. `None` if the text does not have the character: it was compacted
    /// away, the text was overwritten, or the event that inserted the character is not known yet.
    /// O(pieces of the text), and the cost of replaying concurrent edits if the character was
    /// removed.
    ///
    /// # Errors
    /// `InvalidArgument` if the bytes are not an anchor, and if the view was closed;
    /// `LimitExceeded` if there is not enough memory.
    pub fn anchor_position(&self, view: ViewNumber, anchor: &[u8]) -> Result<Option<u32>, Error> {
        let View { unit, delta, cell, .. } = self.open(view)?;
        let Anchor { side, place } = read(anchor).map_err(|_| Error::from(Invalid::UnknownAnchor))?;
        let Some(text) = self.viewed_text(view) else { return Ok(None) };
        let lengths = text.lengths();
        let name = match place {
            AnchorPlace::Boundary => {
                return Ok(Some(if side == Side::Before { 0 } else { delta.copy_length(lengths) }));
            }
            AnchorPlace::Ground { index, written_by } => {
                let now = self.written_by(cell);
                if written_by.is_some() && now.is_some() && written_by != now {
                    return Ok(None);
                }
                CharName::Ground(index)
            }
            AnchorPlace::Inserted { peer, counter, fingerprint, place, offset } => {
                let Some((peer, counter)) = self.anchored_event(peer, counter, fingerprint) else { return Ok(None) };
                CharName::Inserted { peer, counter, place, offset }
            }
        };
        let found = match (text, name) {
            (CellText::Spliced(text), _) => text.locate(name, self.sources())?,
            (CellText::Written(_), CharName::Ground(index)) if index < lengths.scalars => {
                Some(CharPosition::Shown(index))
            }
            (CellText::Written(_), _) => None,
        };
        let Some(found) = found else { return Ok(None) };
        let in_document = |scalars: u32| {
            let position = text.position(scalars, Unit::Scalar, self.log.content()).unwrap_or(lengths);
            Lengths::in_unit(position, *unit)
        };
        Ok(Some(match found {
            CharPosition::Shown(at) if side == Side::Before => delta.to_copy(in_document(at.saturating_add(1))),
            CharPosition::Shown(at) => delta.next_in_copy(in_document(at)),
            CharPosition::Removed(at) => delta.to_copy(in_document(at)),
        }))
    }

    /// Returns the event with a fingerprint or, if that is unknown, with a name.
    fn anchored_event(
        &self,
        peer: &str,
        counter: u32,
        fingerprint: Option<Fingerprint>,
    ) -> Option<(PeerNumber, Counter)> {
        let author = self.lanes.author(split_name(peer).0)?;
        let found = fingerprint.and_then(|fingerprint| self.find_print(author, Counter(counter), fingerprint));
        found.or_else(|| self.resolve(&EventId { peer: peer.to_owned(), counter }).ok())
    }

    /// Returns the fingerprint of the event that wrote the text of a cell, if the event is known.
    fn written_by(&self, cell: &ViewedCell) -> Option<Fingerprint> {
        let TextOrigin { lamport, peer } = self.rows.text_origin(&self.log, cell)?;
        Some(self.print(self.event_at(peer, lamport)?))
    }
}

fn read(anchor: &[u8]) -> Result<Anchor<'_>, Error> {
    let mut reader = Reader::new(anchor);
    let damage = |reader: &Reader<'_>| reader.damage("this is not an anchor");
    if reader.byte()? != VERSION {
        return Err(damage(&reader));
    }
    let flags = reader.byte()?;
    let side = if flags & AFTER == 0 { Side::Before } else { Side::After };
    let print = |reader: &mut Reader<'_>| reader.array().map(u64::from_le_bytes).map(Fingerprint::new);
    let place = match flags & !AFTER {
        BOUNDARY => AnchorPlace::Boundary,
        OF_GROUND => AnchorPlace::Ground { index: reader.u32_to(u32::MAX)?, written_by: print(&mut reader)? },
        INSERTED => {
            let (place, offset) = (reader.u32_to(u32::MAX)?, reader.u32_to(u32::MAX)?);
            let counter = reader.u32_to(u32::MAX)?;
            let fingerprint = print(&mut reader)?;
            let peer = str::from_utf8(reader.take_rest()).map_err(|_| damage(&reader))?;
            AnchorPlace::Inserted { peer, counter, fingerprint, place, offset }
        }
        _ => return Err(damage(&reader)),
    };
    reader.finish()?;
    Ok(Anchor { side, place })
}
