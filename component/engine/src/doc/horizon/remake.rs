//! Makes the splices of lost events again, in a document that was compacted past them.
//!
//! The positions of a lost splice mean nothing in the other document. Its characters do: the splice
//! is made again behind the nearest character before it that the other document still shows, and
//! removes those of its characters that still show there. A splice that does not count is left out.

use crate::doc::Doc;
use crate::error::Error;
use crate::id::{Counter, EventId, EventNumber, PeerNumber};
use crate::memory;
use crate::oplog::{Commit, OpKind, RowOp};
use crate::rows::{SplicedCell, ViewedCell};
use crate::text::{CharName, Edit, EditRun, Lengths, Outcome, Text, Unit};
use std::collections::BTreeMap;

/// The number of characters before a splice among which one is searched that the other document
/// shows.
const MAX_SEARCHED: u32 = 4_096;

/// Makes the splices of one document again in another one.
pub(super) struct Remaking<'a> {
    from: &'a Doc,
    /// By lost operation, the operation that it became.
    remade: BTreeMap<(EventNumber, u32), Remade>,
    /// The texts of cells as the author of the last lost splice saw them, with the event and the
    /// index in the commit of that splice.
    seen: BTreeMap<SplicedCell, ((EventNumber, u32), Text)>,
}

/// What a lost splice became.
#[derive(Debug, Clone, Copy)]
enum Remade {
    /// The index among the splices of the commit that is being built, and in that commit.
    Now {
        splice: usize,
        place: u32,
    },
    Committed {
        peer: PeerNumber,
        counter: Counter,
        place: u32,
    },
}

/// A splice in the commit that is being built.
struct RemadeSplice {
    cell: SplicedCell,
    at: u32,
    remove: u32,
    insert: u32,
}

impl<'a> Remaking<'a> {
    pub(super) fn new(from: &'a Doc) -> Self {
        Self { from, remade: BTreeMap::new(), seen: BTreeMap::new() }
    }

    /// Returns the operations of a lost event, with splices that fit the other document. O(pieces
    /// of the texts) for each character of a splice that is searched.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
    pub(super) fn commit(&mut self, event: EventNumber, to: &Doc) -> Result<Commit, Error> {
        let from = self.from;
        let lost = from.commit_of(event).to_commit();
        let (mut ops, mut splices) = (Commit::new(), Vec::new());
        for ((place, op), logged) in (0..).zip(lost).zip(from.log.ops(event)) {
            let RowOp::Splice { table, row, column, at, remove, insert } = op else {
                ops.push(op);
                continue;
            };
            let Some((number, ..)) = from.log.splice(&logged).filter(|_| logged.kind == OpKind::Splice) else {
                continue;
            };
            let cell = SplicedCell { row: logged.row, column: number };
            let Some(spliced) = from.rows.text_with_edit(cell, event, place) else { continue };
            let made = if spliced.is_written_at(from.graph.describe(event)) {
                // The commit wrote the text itself.
                vec![(at, remove, true)]
            } else {
                self.see(cell, (event, place), spliced.text)?;
                let named = ViewedCell { table: table.clone(), row: row.clone(), column: column.clone() };
                self.places(cell, (at, remove, !insert.is_empty()), to, &named, &splices)
            };
            for (at, remove, is_insertion) in made {
                let insert = if is_insertion { insert.clone() } else { String::new() };
                if is_insertion {
                    let now = Remade::Now { splice: splices.len(), place: ops.len() as u32 };
                    self.remade.insert((event, place), now);
                }
                splices.push(RemadeSplice { cell, at, remove, insert: Lengths::of(&insert).scalars });
                let (table, row, column) = (table.clone(), row.clone(), column.clone());
                ops.push(RowOp::Splice { table, row, column, at, remove, insert });
            }
        }
        Ok(ops)
    }

    /// Records the event that a lost event became.
    pub(super) fn note(&mut self, lost: EventNumber, there: &EventId, to: &Doc) {
        let Ok((peer, counter)) = to.resolve(there) else { return };
        for (_, made) in self.remade.range_mut((lost, 0)..=(lost, u32::MAX)) {
            if let Remade::Now { place, .. } = *made {
                *made = Remade::Committed { peer, counter, place };
            }
        }
    }

    /// Determines the text of a cell as the author of a splice saw it.
    fn see(&mut self, cell: SplicedCell, place: (EventNumber, u32), whole: &Text) -> Result<(), Error> {
        let from = self.from;
        let (event, sources) = (place.0, from.sources());
        let run = |event: EventNumber| from.graph.run_at(event).0;
        let before = |other: EventNumber| other != event && from.graph.first_reaching(&[event], other).is_some();
        let (mut text, done) = match self.seen.remove(&cell) {
            // The events of a run build on each other alone.
            Some((done, text)) if done <= place && run(done.0) == run(event) => (text, done),
            _ => (whole.at(before, sources)?, (event, 0)),
        };
        let mut edits: Vec<Edit> = Vec::new();
        for (edit, is_void) in whole.edits_from(done.0, sources.content) {
            if (edit.event, edit.place) >= place {
                break;
            }
            if (edit.event, edit.place) >= done && !is_void {
                memory::reserve(&mut edits, 1)?;
                edits.push(edit);
            }
        }
        text.apply(edits.iter().map(EditRun::new), sources, 0, &mut Outcome::default())?;
        self.seen.insert(cell, (place, text));
        Ok(())
    }

    /// Returns the splices that do in the other document what a lost splice did: positions, numbers
    /// of removed characters, and whether the splice inserts the text.
    fn places(
        &self,
        cell: SplicedCell,
        (at, remove, inserts): (u32, u32, bool),
        to: &Doc,
        named: &ViewedCell,
        splices: &[RemadeSplice],
    ) -> Vec<(u32, u32, bool)> {
        let Some((_, seen)) = self.seen.get(&cell) else { return Vec::new() };
        let (sources, content) = (self.from.sources(), self.from.log.content());
        let place_of = |index: u32| {
            let char = seen.slice(index..index + 1, Unit::Scalar, content).ok()?.next()?.chars().next()?;
            self.place_of((seen.name_at(index, sources)?, char), to, (cell, named), splices)
        };
        let before = (at.saturating_sub(MAX_SEARCHED)..at).rev().find_map(place_of);
        let behind = before.map_or(0, |before| before.saturating_add(1));
        let mut removed: Vec<u32> = (at..at.saturating_add(remove)).filter_map(place_of).collect();
        removed.sort_unstable();
        // The last ones first, so that they do not move the others.
        let mut made: Vec<(u32, u32, bool)> = Vec::new();
        for &position in removed.iter().rev() {
            match made.last_mut() {
                Some((start, count, _)) if position.checked_add(1) == Some(*start) => {
                    *start = position;
                    *count += 1;
                }
                _ => made.push((position, 1, false)),
            }
        }
        match made.last_mut() {
            Some((start, _, is_insertion)) if *start == behind => *is_insertion = true,
            _ if inserts || remove == 0 => made.push((behind, 0, true)),
            _ => {}
        }
        made
    }

    /// Returns the position of a character in the other document after the splices of the commit
    /// that is being built. `None` if the character does not show there.
    fn place_of(
        &self,
        (name, char): (CharName, char),
        to: &Doc,
        (cell, named): (SplicedCell, &ViewedCell),
        splices: &[RemadeSplice],
    ) -> Option<u32> {
        let from = self.from;
        let there = |name: CharName| to.rows.char_position(&to.log, to.sources(), named, (name, char));
        let mut later = splices;
        let CharName::Inserted { peer, counter, place, offset } = name else { return moved(there(name)?, cell, later) };
        let made = from.graph.find(peer, counter).and_then(|event| self.remade.get(&(event, place)));
        let position = match made {
            Some(&Remade::Now { splice, .. }) => {
                later = splices.get(splice + 1..)?;
                splices.get(splice)?.at.checked_add(offset)?
            }
            Some(&Remade::Committed { peer, counter, place }) => {
                there(CharName::Inserted { peer, counter, place, offset })?
            }
            None => {
                let id = EventId { peer: from.lanes.name(peer, counter).into_owned(), counter: counter.0 };
                let (peer, counter) = to.resolve(&id).ok()?;
                there(CharName::Inserted { peer, counter, place, offset })?
            }
        };
        moved(position, cell, later)
    }
}

/// Returns the position of a character after splices, if these do not remove the character.
fn moved(mut position: u32, cell: SplicedCell, splices: &[RemadeSplice]) -> Option<u32> {
    for splice in splices.iter().filter(|splice| splice.cell == cell) {
        if let Some(inside) = position.checked_sub(splice.at) {
            position = splice.at.checked_add(splice.insert)?.checked_add(inside.checked_sub(splice.remove)?)?;
        }
    }
    Some(position)
}
