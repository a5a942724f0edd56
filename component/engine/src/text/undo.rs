//! What takes back edits, as far as it still shows.

use super::difference::TextSplice;
use super::run::EditRun;
use super::tracker::{PlacedChars, Tracker};
use super::{Sources, Text};
use crate::error::Error;
use crate::id::EventNumber;
use crate::memory;
use crate::oplog::ContentRange;

impl Text {
    /// Returns the splices that take back what the edits of some events did: they remove the
    /// characters that these edits inserted and that still show, and insert those that only these
    /// edits removed, where they stood. Replays all edits of the text.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(crate) fn undo(
        &self,
        is_undone: impl Fn(EventNumber) -> bool,
        sources: Sources<'_>,
    ) -> Result<Vec<TextSplice>, Error> {
        let tracker = self.tracked(None, sources)?;
        let undone = tracker.undone(&is_undone)?;
        let mut splices: Vec<TextSplice> = Vec::new();
        let mut at = 0_u32;
        // Whether the last splice is at the present position.
        let mut is_open = false;
        for chars in tracker.sequence_of(&undone) {
            let (remove, restored) = match chars {
                PlacedChars::Kept(scalars) => {
                    at = at.saturating_add(scalars);
                    is_open = false;
                    continue;
                }
                PlacedChars::Inserted(scalars) => (scalars, None),
                PlacedChars::Removed { id, scalars } => (0, Some((id, scalars))),
            };
            if !is_open {
                memory::reserve(&mut splices, 1)?;
                splices.push(TextSplice { at, remove: 0, insert: String::new() });
                is_open = true;
            }
            let Some(splice) = splices.last_mut() else { continue };
            splice.remove = splice.remove.saturating_add(remove);
            if let Some((id, scalars)) = restored {
                for index in 0..scalars {
                    self.restore(&tracker, id.saturating_add(index), sources, &mut splice.insert)?;
                }
                at = at.saturating_add(scalars);
            }
        }
        Ok(splices)
    }

    /// Appends a character of the tracker to a text.
    fn restore(&self, tracker: &Tracker, id: u32, sources: Sources<'_>, text: &mut String) -> Result<(), Error> {
        let content = match tracker.origin_of(id) {
            Some((event, place, offset)) => self.edits.find(event, place).map(|(run, index): (EditRun, u32)| {
                let before = index.saturating_mul(run.insert).saturating_add(offset);
                (run.content, before)
            }),
            None => tracker.placeholder_of(id).and_then(|index| {
                let mut rest = index;
                let span = self.base.iter().find(|span| {
                    let is_inside = rest < span.scalars;
                    rest = if is_inside { rest } else { rest - span.scalars };
                    is_inside
                });
                span.map(|span| (span.content, rest))
            }),
        };
        let Some((content, index)): Option<(ContentRange, u32)> = content else { return Ok(()) };
        let Some(char) = content.of(sources.content).chars().nth(index as usize) else { return Ok(()) };
        memory::reserve_text(text, char.len_utf8())?;
        text.push(char);
        Ok(())
    }
}
