//! Encodes the texts of spliced cells. `texts` decodes them and says what the bytes contain.

use super::grounds::GroundKind;
use super::segments::{FROM_GROUND, FROM_HORIZON, NO_TEXT, OF_GROUND, ON_DELETE, ON_WRITE, SHOWS_NOTHING, Segments};
use crate::codec::{ColumnWriter, DeltaWriter, put_varint, zigzag};
use crate::id::{ColumnNumber, Counter, EventNumber, PeerNumber, Ranks, RowNumber};
use crate::lanes::Lanes;
use crate::oplog::{ContentRange, ContentsWriter, OpKind, OpLog};
use crate::rows::Rows;
use crate::rows::edits::RowEdits;
use crate::rows::state::Meaning;
use crate::rows::version::{History, RowVersion};
use crate::sort;
use crate::text::{CharName, NamedSpan, Text};
use crate::work;

/// Calls a function for each group of events: with the first one, and their number.
type EachGroup<'a> = dyn Fn(&mut dyn FnMut((EventNumber, u32))) + 'a;

/// What encoding texts requires of the document.
pub(crate) struct TextsContext<'a> {
    /// What the splices of the history insert.
    pub(crate) contents: &'a ContentsWriter,
    /// Calls a function for the events of the history, in its order, in groups of events whose
    /// commits are alike.
    pub(crate) each_group: &'a EachGroup<'a>,
    /// Returns the rank of the branch of an event.
    pub(crate) rank: &'a dyn Fn(PeerNumber, Counter) -> u32,
}

/// The ranks of a cell's row and column, and the kind of a ground.
type RankedCell = (u32, u32, GroundKind);

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "encodes data of the engine; reads no input"
)]
impl Rows {
    /// Writes the texts at the horizon, what splices insert, the classes of the splices, and the
    /// present texts. Writes nothing if there are none of these.
    pub(super) fn write_texts(
        &self,
        history: History<'_>,
        (rows, columns): (&Ranks, &Ranks),
        context: &TextsContext<'_>,
        out: &mut Vec<u8>,
    ) {
        let History { log, peers, .. } = history;
        let meaning = Meaning { log, columns: &self.columns, peers };
        let cell = |row: RowNumber, column: ColumnNumber| (rows.of(row.0), columns.of(column.0));
        let (mut bases, mut texts): (Vec<(RankedCell, &[NamedSpan])>, Vec<_>) = (Vec::new(), Vec::new());
        for (row, RowEdits { texts: of_row, .. }) in self.edits.iter() {
            let named = &self.rows[row.index()];
            for entry in of_row.iter() {
                let (row_rank, column_rank) = cell(row, entry.column);
                let kind = GroundKind::of(entry.ground, entry.column, &named.state, meaning);
                let was = self.changed.get(&row).and_then(|was| was.bases.with(entry.column, entry.ground));
                let source = match (entry.value.shows(), named.is_as_at_horizon || was.is_some()) {
                    (false, _) => SHOWS_NOTHING,
                    (true, false) => FROM_GROUND,
                    (true, true) => FROM_HORIZON,
                };
                texts.push(((row_rank, column_rank, kind), source, &entry.value.text));
                if named.is_as_at_horizon {
                    bases.push(((row_rank, column_rank, kind), entry.value.text.base()));
                }
            }
        }
        for (&row, RowVersion { state, bases: of_row, .. }) in &self.changed {
            for entry in of_row.iter() {
                let (row, column) = cell(row, entry.column);
                bases.push(((row, column, GroundKind::of(entry.ground, entry.column, state, meaning)), &entry.value));
            }
        }
        if bases.is_empty() && texts.is_empty() && context.contents.is_empty() {
            return;
        }
        sort::sort_by_key(&mut bases, |(cell, _)| *cell);
        sort::sort_by_key(&mut texts, |(cell, ..)| *cell);
        write_bases(&bases, (log, peers), context, out);
        context.contents.write(log, out);
        self.write_classes(log, context, out);
        write_present(&texts, context, out);
    }

    /// Writes the class of each splice of the history.
    fn write_classes(&self, log: &OpLog, context: &TextsContext<'_>, out: &mut Vec<u8>) {
        let mut classes = ColumnWriter::new();
        if !context.contents.is_empty() {
            (context.each_group)(&mut |(first, count)| {
                for (place, op) in (0..).zip(log.ops(first)).filter(|(_, op)| op.kind == OpKind::Splice) {
                    let column = log.splice(&op).map(|(column, ..)| column);
                    // If there are several events, each has one operation.
                    let mut written = 0;
                    while written < count {
                        let (class, times) = self.class_of((first.plus(written), place), op.row, column);
                        let times = times.min(count - written);
                        classes.push_times(class, times);
                        written += times;
                    }
                }
            });
        }
        classes.finish(out);
    }

    /// Returns the class of a splice, and the number of consecutive events from its event on whose
    /// splices at this place of the same cell have this class.
    fn class_of(&self, (event, place): (EventNumber, u32), row: RowNumber, column: Option<ColumnNumber>) -> (u64, u32) {
        let (Some(RowEdits { texts, .. }), Some(column)) = (self.edits.get(row), column) else {
            return (NO_TEXT, u32::MAX);
        };
        for (is_on_write, class) in [(true, ON_WRITE), (false, ON_DELETE)] {
            let text = texts.get(column, is_on_write);
            if let Some((are_void, times)) = text.and_then(|entry| entry.value.text.are_void(event, place)) {
                return (class + u64::from(are_void), times);
            }
        }
        (NO_TEXT, 1)
    }
}

/// Writes the number of texts at the horizon, their cells, the names of their characters, and the
/// characters.
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "encodes data of the engine; reads no input"
)]
fn write_bases(
    bases: &[(RankedCell, &[NamedSpan])],
    (log, lanes): (&OpLog, &Lanes),
    context: &TextsContext<'_>,
    out: &mut Vec<u8>,
) {
    put_varint(out, bases.len() as u64);
    if bases.is_empty() {
        return;
    }
    let mut cells = CellsWriter::new();
    let [mut counts, mut origins, mut places, mut offsets, mut of_each, mut scalars] =
        [(); 6].map(|()| ColumnWriter::new());
    let mut firsts = DeltaWriter::new();
    let mut bytes = 0;
    for (cell, base) in bases {
        cells.push(*cell);
        let spans = ranked_spans(base, lanes, context);
        counts.push(spans.len() as u64);
        for RankedSpan { origin, first, place, offset, of_each: each, scalars: count } in spans {
            origins.push(origin);
            firsts.push(first.into());
            scalars.push(count.into());
            if origin != OF_GROUND {
                places.push(place.into());
                offsets.push(offset.into());
                of_each.push(each.into());
            }
        }
        bytes += base.iter().map(|span| u64::from(span.content.bytes)).sum::<u64>();
    }
    cells.finish(out);
    counts.finish(out);
    origins.finish(out);
    firsts.finish(out);
    [places, offsets, of_each, scalars].into_iter().for_each(|column| column.finish(out));
    put_varint(out, bytes);
    for span in bases.iter().flat_map(|(_, base)| *base) {
        work::step();
        out.extend_from_slice(span.content.of(log.content()).as_bytes());
    }
}

/// Characters with consecutive names, on one branch.
#[derive(Debug, Clone, Copy)]
struct RankedSpan {
    origin: u64,
    /// The counter of the first event, or the index of the first character of the ground.
    first: u32,
    place: u32,
    offset: u32,
    of_each: u32,
    scalars: u32,
}

/// Returns the characters as the longest possible spans.
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "encodes data of the engine; reads no input"
)]
fn ranked_spans(base: &[NamedSpan], lanes: &Lanes, context: &TextsContext<'_>) -> Vec<RankedSpan> {
    let mut spans: Vec<RankedSpan> = Vec::new();
    for span in base {
        let mut done = 0;
        while done < span.scalars {
            work::step();
            let left = span.scalars - done;
            let next = match span.name_at(done) {
                CharName::Ground(first) => {
                    RankedSpan { origin: OF_GROUND, first, place: 0, offset: 0, of_each: 1, scalars: left }
                }
                CharName::Inserted { peer, counter, place, offset } => {
                    // The events up to the next branch.
                    let events = lanes.next_start(peer, counter).map_or(u32::MAX, |next| next.0 - counter.0);
                    let scalars = left.min(events.saturating_mul(span.of_each).saturating_sub(offset));
                    let origin = OF_GROUND + 1 + u64::from((context.rank)(peer, counter));
                    RankedSpan { origin, first: counter.0, place, offset, of_each: span.of_each, scalars }
                }
            };
            done += next.scalars;
            match spans.last_mut() {
                Some(last) if last.continues(&next) => last.scalars += next.scalars,
                _ => spans.push(next),
            }
        }
    }
    spans
}

impl RankedSpan {
    /// Returns whether the names of `next` follow those of this span.
    fn continues(&self, next: &Self) -> bool {
        if self.origin == OF_GROUND {
            return next.origin == OF_GROUND && self.first.checked_add(self.scalars) == Some(next.first);
        }
        let end = self.offset.saturating_add(self.scalars);
        let each = self.of_each.max(1);
        let first = self.first.checked_add(end.checked_div(each).unwrap_or(0));
        let offset = end.checked_rem(each).unwrap_or(0);
        (self.origin, self.place, self.of_each) == (next.origin, next.place, next.of_each)
            && (first, offset) == (Some(next.first), next.offset)
    }
}

/// Writes the number of present texts, their cells, where they begin, and the ranges of their
/// characters.
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "encodes data of the engine; reads no input"
)]
fn write_present(texts: &[(RankedCell, u64, &Text)], context: &TextsContext<'_>, out: &mut Vec<u8>) {
    put_varint(out, texts.len() as u64);
    if texts.is_empty() {
        return;
    }
    let mut cells = CellsWriter::new();
    let [mut sources, mut counts, mut starts, mut lens] = [(); 4].map(|()| ColumnWriter::new());
    for ((row, column, kind), source, text) in texts {
        cells.push((*row, *column, *kind));
        sources.push(*source);
        let base = text.base().iter().map(|span| span.content);
        let places = Segments::new(base.chain(context.contents.of(*row, *column).iter().copied()), |local, saved| {
            (local, saved)
        });
        let shown = places.translated(text.shown());
        counts.push(shown.len() as u64);
        let mut expected = 0;
        for ContentRange { start, bytes } in shown {
            starts.push(zigzag(i64::from(start) - i64::from(expected)));
            lens.push(bytes.into());
            expected = start + bytes;
        }
    }
    cells.finish(out);
    [sources, counts, starts, lens].into_iter().for_each(|column| column.finish(out));
}

/// Encodes the cells of texts.
struct CellsWriter {
    rows: DeltaWriter,
    columns: ColumnWriter,
    kinds: ColumnWriter,
}

#[allow(clippy::as_conversions, reason = "encodes data of the engine; reads no input")]
impl CellsWriter {
    fn new() -> Self {
        Self { rows: DeltaWriter::new(), columns: ColumnWriter::new(), kinds: ColumnWriter::new() }
    }

    fn push(&mut self, (row, column, kind): RankedCell) {
        self.rows.push(row.into());
        self.columns.push(column.into());
        self.kinds.push(kind as u64);
    }

    fn finish(self, out: &mut Vec<u8>) {
        self.rows.finish(out);
        self.columns.finish(out);
        self.kinds.finish(out);
    }
}
