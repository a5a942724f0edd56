//! Encodes and decodes the texts of spliced cells.
//!
//! The bytes contain what the splices of each cell insert, in the order of the history. A text is
//! the ranges of its characters: first come those before all edits, then what the splices insert.
//! For each splice of the history, the bytes say whether it is one of a present text, and whether
//! it is void, so that a reader executes nothing.

use super::by_row::ByRow;
use super::grounds::GroundKind;
use crate::codec::{Column, ColumnWriter, DeltaColumn, DeltaWriter, Reader, put_varint, unzigzag, zigzag};
use crate::convert::{index_of, u64_of};
use crate::error::Error;
use crate::id::{ColumnNumber, Counter, EventNumber, PeerNumber, Ranks, RowNumber};
use crate::lanes::Lanes;
use crate::memory;
use crate::oplog::{ContentRange, ContentsWriter, OpKind, OpLog, SplicedContents, read_content};
use crate::rows::Rows;
use crate::rows::edits::{CellEdit, EditedCell, RowEdits, SplicedText, TextBases, Texts, span_of_ground};
use crate::rows::state::{Meaning, RowState};
use crate::rows::version::{History, RowVersion};
use crate::sort;
use crate::text::{CharName, EditRun, Lengths, NamedSpan, Sources, Text};
use crate::work;
use std::collections::BTreeMap;
use std::mem;

/// The class of a splice that is not one of a present text.
const NO_TEXT: u64 = 0;
/// The class of a splice of a text whose ground is a delete. A void one has this plus 1.
const ON_DELETE: u64 = 1;
/// The class of a splice of a text whose ground is a write. A void one has this plus 1.
const ON_WRITE: u64 = 3;

/// The text does not show: all its edits are void.
const SHOWS_NOTHING: u64 = 0;
/// Before all edits, the text is the written value, or empty.
const FROM_GROUND: u64 = 1;
/// Before all edits, the text is the one at the horizon.
const FROM_HORIZON: u64 = 2;

/// The origin of characters of the ground. Those of a branch have its rank plus 1.
const OF_GROUND: u64 = 0;

/// Calls a function for each event.
type EachEvent<'a> = dyn Fn(&mut dyn FnMut(EventNumber)) + 'a;

/// What encoding texts requires of the document.
pub(crate) struct TextsContext<'a> {
    /// What the splices of the history insert.
    pub(crate) contents: &'a ContentsWriter,
    /// Calls a function for each event of the history, in its order.
    pub(crate) each_event: &'a EachEvent<'a>,
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
            (context.each_event)(&mut |event| {
                for (place, op) in (0..).zip(log.ops(event)).filter(|(_, op)| op.kind == OpKind::Splice) {
                    classes.push(self.class_of((event, place), op.row, log.splice(&op).map(|(column, ..)| column)));
                }
            });
        }
        classes.finish(out);
    }

    fn class_of(&self, (event, place): (EventNumber, u32), row: RowNumber, column: Option<ColumnNumber>) -> u64 {
        let (Some(RowEdits { texts, .. }), Some(column)) = (self.edits.get(row), column) else { return NO_TEXT };
        for (is_on_write, class) in [(true, ON_WRITE), (false, ON_DELETE)] {
            let text = texts.get(column, is_on_write);
            if let Some(is_void) = text.and_then(|entry| entry.value.text.is_void(event, place)) {
                return class + u64::from(is_void);
            }
        }
        NO_TEXT
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

/// The parts of a text's content, in the log and in bytes.
struct Segments {
    /// The ranges that are mapped, and where they are mapped to. Sorted.
    segments: Vec<(ContentRange, u32)>,
}

impl Segments {
    /// Maps the places of ranges in the log to their places one behind the other, or back. `mapped`
    /// gets both places, and returns those to map from and to.
    fn new(ranges: impl Iterator<Item = ContentRange>, mapped: impl Fn(u32, u32) -> (u32, u32)) -> Self {
        let mut segments = Vec::new();
        let mut end = 0_u32;
        for range in ranges.filter(|range| range.bytes > 0) {
            let (from, to) = mapped(range.start, end);
            segments.push((ContentRange { start: from, bytes: range.bytes }, to));
            end = end.saturating_add(range.bytes);
        }
        sort::sort_by_key(&mut segments, |(range, _)| *range);
        Self { segments }
    }

    /// Returns the mapped parts of ranges. Neighbouring ones are joined; parts that are not mapped
    /// are left out.
    fn translated(&self, ranges: impl Iterator<Item = ContentRange>) -> Vec<ContentRange> {
        let mut translated: Vec<ContentRange> = Vec::new();
        for range in ranges {
            let mut rest = range;
            while rest.bytes > 0 {
                work::step();
                let at = self.segments.partition_point(|(segment, _)| segment.end() <= rest.start);
                let Some((segment, to)) = self.segments.get(at).filter(|(segment, _)| segment.start <= rest.start)
                else {
                    break;
                };
                let start = to.saturating_add(rest.start.saturating_sub(segment.start));
                let end = segment.end().min(rest.end());
                let bytes = end.saturating_sub(rest.start);
                match translated.last_mut() {
                    Some(last) if last.end() == start => last.bytes = last.bytes.saturating_add(bytes),
                    _ => translated.push(ContentRange { start, bytes }),
                }
                rest = ContentRange { start: end, bytes: rest.end().saturating_sub(end) };
            }
        }
        translated
    }
}

/// A text at the horizon.
#[derive(Debug)]
struct ReadBase {
    column: ColumnNumber,
    kind: GroundKind,
    spans: Vec<NamedSpan>,
}

/// A present text.
#[derive(Debug)]
struct ReadText {
    column: ColumnNumber,
    kind: GroundKind,
    source: u64,
    shown: Vec<ContentRange>,
}

/// The edits of each present text, by cell and by whether its ground is a write.
pub(super) type TextRuns = BTreeMap<(RowNumber, ColumnNumber, bool), Vec<EditRun>>;

/// The decoded texts of a document.
#[derive(Debug, Default)]
pub(super) struct ReadTexts<'a> {
    contents: SplicedContents,
    classes: Option<Column<'a>>,
    bases: ByRow<ReadBase>,
    texts: ByRow<ReadText>,
}

/// The memory that a text, or one of its spans and ranges, uses at most.
const TEXT_SPENDS: u64 = 512;
const SPAN_SPENDS: u64 = 96;

impl<'a> ReadTexts<'a> {
    /// Decodes what `Rows::write_texts` wrote, for a document with this many columns. Appends the
    /// texts to the log.
    pub(super) fn read(reader: &mut Reader<'a>, columns: usize, log: &mut OpLog) -> Result<Self, Error> {
        let bases = read_bases(reader, columns, log)?;
        let contents = SplicedContents::read(reader, log)?;
        let classes = Some(Column::read(reader)?);
        let texts = read_present(reader, columns)?;
        let this = Self { contents, classes, bases: ByRow::new(bases), texts: ByRow::new(texts) };
        if this.is_empty() {
            return Err(reader.damage("there are no texts where there should be"));
        }
        Ok(this)
    }

    /// Returns whether all texts were taken, and no splice inserts anything.
    pub(super) fn is_empty(&self) -> bool {
        self.is_taken() && self.contents.is_empty()
    }

    /// Returns whether all texts were taken.
    pub(super) fn is_taken(&self) -> bool {
        self.bases.is_empty() && self.texts.is_empty()
    }

    /// Returns what the splices of the history insert.
    pub(super) fn contents(&self) -> SplicedContents {
        self.contents.clone()
    }

    /// Returns the edits of the present texts, after the history was decoded.
    pub(super) fn runs(&mut self, log: &OpLog) -> Result<TextRuns, Error> {
        let mut runs = TextRuns::new();
        let Some(classes) = &mut self.classes else { return Ok(runs) };
        if !self.contents.is_empty() {
            for event in (0..log.events()).map(EventNumber) {
                for (place, op) in (0..).zip(log.ops(event)).filter(|(_, op)| op.kind == OpKind::Splice) {
                    work::step();
                    let class = classes.next_to(ON_WRITE.saturating_add(1))?;
                    let Some(class) = class.checked_sub(ON_DELETE) else { continue };
                    let Some(EditedCell { column, edit: CellEdit::Splice(edit) }) =
                        EditedCell::of((event, place), &op, log)
                    else {
                        continue;
                    };
                    let is_on_write = class >= ON_WRITE.saturating_sub(ON_DELETE);
                    let of_text = runs.entry((op.row, column, is_on_write)).or_default();
                    memory::reserve(of_text, 1)?;
                    let run = EditRun::new(&edit);
                    of_text.push(if class & 1 == 1 { run.void() } else { run });
                }
            }
        }
        classes.finish()?;
        Ok(runs)
    }

    /// Takes the texts that a row has now, and had at the horizon. Rows are passed in the order of
    /// their numbers, with whether they are as at the horizon. `was` is the row at the horizon, if
    /// it changed since. `None` if the texts do not fit the row.
    pub(super) fn take(
        &mut self,
        row: RowNumber,
        (state, is_as_at_horizon): (&RowState, bool),
        was: Option<&mut RowVersion>,
        runs: &mut TextRuns,
        (meaning, sources): (Meaning<'_>, Sources<'_>),
    ) -> Result<Option<Texts>, Error> {
        let bases = self.bases.take(row);
        let mut at_horizon = TextBases::default();
        let state_at_horizon = was.as_ref().map_or(state, |was| &was.state);
        let (base_count, mut used) = (bases.len(), 0_usize);
        let peers = sources.lanes.all().len();
        for &mut (_, ReadBase { column, kind, ref mut spans }) in bases {
            let is_known = |name| match name {
                CharName::Ground(_) => true,
                CharName::Inserted { peer, .. } => peer.index() < peers,
            };
            if !spans.iter().all(|span| is_known(span.name)) {
                return Ok(None);
            }
            let Some(ground) = kind.ground(column, state_at_horizon, meaning) else { return Ok(None) };
            at_horizon.set(column, ground, mem::take(spans).into());
        }
        let mut texts = Texts::default();
        for &mut (_, ReadText { column, kind, source, ref shown }) in self.texts.take(row) {
            let Some(ground) = kind.ground(column, state, meaning) else { return Ok(None) };
            let written = state.latest(column, meaning).filter(|write| kind.is_write() && !write.is_unset);
            let written = written.and_then(|write| meaning.log.text(write.cell));
            let mut base: Vec<NamedSpan> = Vec::new();
            match at_horizon.with(column, ground).filter(|_| source == FROM_HORIZON) {
                Some(spans) => {
                    used = used.saturating_add(1);
                    memory::reserve(&mut base, spans.len())?;
                    base.extend_from_slice(spans);
                }
                None if source == FROM_HORIZON => return Ok(None),
                // A text that was at the horizon comes from there.
                None if source == FROM_GROUND && (is_as_at_horizon || at_horizon.with(column, ground).is_some()) => {
                    return Ok(None);
                }
                None => base.extend(written.and_then(|content| span_of_ground(content, meaning.log))),
            }
            let content = self.contents.of(row, column);
            let parts = base.iter().map(|span| span.content).chain([content]);
            let shown = Segments::new(parts, |local, saved| (saved, local)).split(shown);
            let edits = runs.get_mut(&(row, column, kind.is_write())).map(mem::take).unwrap_or_default();
            let Some(shown) = shown else { return Ok(None) };
            let Some(text) = Text::load(base, edits, &shown, sources)? else { return Ok(None) };
            let text = SplicedText::loaded(text, source == FROM_HORIZON || written.is_some());
            if text.shows() != (source != SHOWS_NOTHING) {
                return Ok(None);
            }
            texts.set(column, ground, text);
        }
        if texts.defect(state, meaning).is_some() {
            return Ok(None);
        }
        match was {
            Some(was) => was.bases = at_horizon,
            None if used != base_count || (base_count > 0 && !is_as_at_horizon) => return Ok(None),
            None => {}
        }
        Ok(Some(texts))
    }

    /// Takes the visible texts of a row, with their columns. `written` returns the text that the
    /// row's state has in a column.
    pub(super) fn shown<'b>(
        &mut self,
        row: RowNumber,
        written: impl Fn(ColumnNumber) -> Option<ContentRange>,
        log: &'b OpLog,
    ) -> Vec<(ColumnNumber, Vec<&'b str>)> {
        let bases = self.bases.take(row);
        let mut texts = Vec::new();
        for &mut (_, ReadText { column, kind, source, ref shown }) in self.texts.take(row) {
            if kind == GroundKind::HiddenWrite || source == SHOWS_NOTHING {
                continue;
            }
            let of_base = bases.iter().map(|(_, base)| base).find(|base| {
                source == FROM_HORIZON && (base.column, base.kind.is_write()) == (column, kind.is_write())
            });
            let of_base = of_base.map_or(&[][..], |base| &base.spans).iter().map(|span| span.content);
            let written = written(column).filter(|_| source == FROM_GROUND && kind.is_write());
            let parts = of_base.chain(written).chain([self.contents.of(row, column)]);
            let shown = Segments::new(parts, |local, saved| (saved, local)).split(shown).unwrap_or_default();
            texts.push((column, shown.iter().map(|range| range.of(log.content())).collect()));
        }
        texts
    }
}

impl Segments {
    /// Returns the mapped parts of ranges, which are not joined. `None` if a part is not mapped.
    fn split(&self, ranges: &[ContentRange]) -> Option<Vec<ContentRange>> {
        let mut parts = Vec::new();
        for &range in ranges {
            let mut rest = range;
            while rest.bytes > 0 {
                work::step();
                let at = self.segments.partition_point(|(segment, _)| segment.end() <= rest.start);
                let (segment, to) = self.segments.get(at).filter(|(segment, _)| segment.start <= rest.start)?;
                let end = segment.end().min(rest.end());
                let start = to.checked_add(rest.start.checked_sub(segment.start)?)?;
                parts.push(ContentRange { start, bytes: end.checked_sub(rest.start)? });
                rest = ContentRange { start: end, bytes: rest.end().checked_sub(end)? };
            }
        }
        Some(parts)
    }
}

/// The cells of texts.
struct CellsReader<'a> {
    rows: DeltaColumn<'a>,
    columns: Column<'a>,
    kinds: Column<'a>,
    last_column: u64,
    last: Option<(RowNumber, ColumnNumber, bool)>,
}

/// The error for a text in a document without columns.
const NO_COLUMN: &str = "a text names a column where there are none";

impl<'a> CellsReader<'a> {
    fn read(reader: &mut Reader<'a>, count: u64, columns: usize) -> Result<Self, Error> {
        let rows = DeltaColumn::read(reader)?;
        rows.check_count(count)?;
        memory::spend(count.saturating_mul(TEXT_SPENDS))?;
        let last_column = u64_of(columns).checked_sub(1).ok_or_else(|| rows.damage(NO_COLUMN))?;
        Ok(Self { rows, columns: Column::read(reader)?, kinds: Column::read(reader)?, last_column, last: None })
    }

    fn next(&mut self) -> Result<(RowNumber, ColumnNumber, GroundKind), Error> {
        work::step();
        let row = RowNumber(self.rows.next_u32_to(u32::MAX)?);
        let column = ColumnNumber(self.columns.next_u32_to(self.last_column)?);
        let kind = GroundKind::read(&mut self.kinds)?;
        let place = (row, column, kind.is_write());
        if self.last.replace(place).is_some_and(|last| last >= place) {
            return Err(self.rows.damage("texts are not in the order of their cells"));
        }
        Ok((row, column, kind))
    }

    fn finish(&self) -> Result<(), Error> {
        self.rows.finish()?;
        self.columns.finish()?;
        self.kinds.finish()
    }
}

fn read_bases(reader: &mut Reader<'_>, columns: usize, log: &mut OpLog) -> Result<Vec<(RowNumber, ReadBase)>, Error> {
    let count = reader.varint()?;
    let mut bases = Vec::new();
    if count == 0 {
        return Ok(bases);
    }
    let mut cells = CellsReader::read(reader, count, columns)?;
    let (mut counts, mut origins) = (Column::read(reader)?, Column::read(reader)?);
    let mut firsts = DeltaColumn::read(reader)?;
    let (mut places, mut offsets) = (Column::read(reader)?, Column::read(reader)?);
    let (mut of_each, mut scalars) = (Column::read(reader)?, Column::read(reader)?);
    let bytes = reader.varint()?;
    let whole = read_content(reader, bytes, log)?;
    let mut rest = whole;
    for _ in 0..count {
        let (row, column, kind) = cells.next()?;
        let in_text = counts.next()?;
        origins.check_count(in_text)?;
        memory::spend(in_text.saturating_mul(SPAN_SPENDS))?;
        let mut spans = Vec::new();
        for _ in 0..in_text {
            work::step();
            let origin = origins.next_u32_to(u32::MAX)?;
            let first = firsts.next_u32_to(u32::MAX)?;
            let scalars = scalars.next_u32_to(u32::MAX)?;
            let (name, of_each) = match origin.checked_sub(1) {
                None => (CharName::Ground(first), 1),
                Some(rank) => {
                    let (place, offset) = (places.next_u32_to(u32::MAX)?, offsets.next_u32_to(u32::MAX)?);
                    let of_each = of_each.next_u32_to(u32::MAX)?;
                    let name = CharName::Inserted { peer: PeerNumber(rank), counter: Counter(first), place, offset };
                    (name, of_each)
                }
            };
            let content = first_scalars(rest, scalars, log).filter(|_| scalars > 0 && of_each > 0);
            let content =
                content.ok_or_else(|| firsts.damage("the characters of a text at the horizon are missing"))?;
            rest = ContentRange { start: content.end(), bytes: rest.bytes.saturating_sub(content.bytes) };
            log.count_content(content.bytes);
            spans.push(NamedSpan { name, of_each, scalars, content });
        }
        bases.push((row, ReadBase { column, kind, spans }));
    }
    if rest.bytes > 0 {
        return Err(firsts.damage("there are more characters than texts at the horizon have"));
    }
    cells.finish()?;
    firsts.finish()?;
    [counts, origins, places, offsets, of_each, scalars].iter().try_for_each(Column::finish)?;
    Ok(bases)
}

/// Returns the first scalar values of a range, if there are as many.
fn first_scalars(range: ContentRange, scalars: u32, log: &OpLog) -> Option<ContentRange> {
    let text = range.of(log.content());
    let bytes = match text.char_indices().nth(index_of(scalars)) {
        Some((end, _)) => u32::try_from(end).ok()?,
        None if Lengths::of(text).scalars == scalars => range.bytes,
        None => return None,
    };
    Some(ContentRange { start: range.start, bytes })
}

fn read_present(reader: &mut Reader<'_>, columns: usize) -> Result<Vec<(RowNumber, ReadText)>, Error> {
    let count = reader.varint()?;
    let mut texts = Vec::new();
    if count == 0 {
        return Ok(texts);
    }
    let mut cells = CellsReader::read(reader, count, columns)?;
    let (mut sources, mut counts) = (Column::read(reader)?, Column::read(reader)?);
    let (mut starts, mut lens) = (Column::read(reader)?, Column::read(reader)?);
    for _ in 0..count {
        let (row, column, kind) = cells.next()?;
        let source = sources.next_to(FROM_HORIZON)?;
        let ranges = counts.next()?;
        starts.check_count(ranges)?;
        memory::spend(ranges.saturating_mul(SPAN_SPENDS))?;
        let (mut shown, mut expected) = (Vec::new(), 0_u32);
        for _ in 0..ranges {
            work::step();
            let start = i64::from(expected).checked_add(unzigzag(starts.next()?));
            let start = start.and_then(|start| u32::try_from(start).ok());
            let bytes = lens.next_u32_to(u32::MAX)?;
            let start = start.filter(|start| bytes > 0 && start.checked_add(bytes).is_some());
            let start = start.ok_or_else(|| starts.damage("a part of a text is nowhere"))?;
            expected = start.saturating_add(bytes);
            shown.push(ContentRange { start, bytes });
        }
        texts.push((row, ReadText { column, kind, source, shown }));
    }
    cells.finish()?;
    [sources, counts, starts, lens].iter().try_for_each(Column::finish)?;
    Ok(texts)
}
