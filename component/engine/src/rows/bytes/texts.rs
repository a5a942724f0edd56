//! Decodes the texts of spliced cells.
//!
//! The bytes contain what the splices of each cell insert, in the order of the history. A text is
//! the ranges of its characters: first come those before all edits, then what the splices insert.
//! For each splice of the history, the bytes say whether it is one of a present text, and whether
//! it is void, so that a reader executes nothing.

use super::by_row::ByRow;
use super::grounds::GroundKind;
use super::segments::{FROM_GROUND, FROM_HORIZON, ON_DELETE, ON_WRITE, SHOWS_NOTHING, Segments};
use crate::codec::{Column, DeltaColumn, Reader, unzigzag};
use crate::convert::u64_of;
use crate::error::Error;
use crate::graph::Graph;
use crate::id::{ColumnNumber, Counter, EventNumber, PeerNumber, RowNumber};
use crate::memory;
use crate::oplog::{ContentRange, OpKind, OpLog, SplicedContents, read_content};
use crate::rows::edits::{CellEdit, EditedCell, SplicedText, TextBases, Texts, TypedRun, span_of_ground};
use crate::rows::state::{Meaning, RowState};
use crate::rows::version::RowVersion;
use crate::text::{CharName, EditRun, NamedSpan, Sources, Text};
use crate::work;
use std::collections::BTreeMap;
use std::mem;

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
    pub(super) fn runs(&mut self, log: &OpLog, graph: &Graph) -> Result<TextRuns, Error> {
        let mut runs = TextRuns::new();
        let Some(classes) = &mut self.classes else { return Ok(runs) };
        let mut event = EventNumber(0);
        let is_empty = self.contents.is_empty();
        while !is_empty && event.0 < log.events() {
            work::step();
            if TypedRun::from(event, 1, log, graph).is_some()
                && let Some((class, times)) = classes.repeated()?
                && let Some(TypedRun { row, column, run }) = TypedRun::from(event, times, log, graph)
            {
                check_class(class, classes)?;
                classes.skip(run.count);
                event = event.plus(run.count);
                push_run(&mut runs, (row, column), class, run)?;
                continue;
            }
            for (place, op) in (0..).zip(log.ops(event)).filter(|(_, op)| op.kind == OpKind::Splice) {
                work::step();
                let class = classes.next()?;
                check_class(class, classes)?;
                let Some(EditedCell { column, edit: CellEdit::Splice(run) }) = EditedCell::of((event, place), &op, log)
                else {
                    continue;
                };
                push_run(&mut runs, (op.row, column), class, run)?;
            }
            event = event.plus(1);
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
        let horizon = sources.graph.horizon();
        for &mut (_, ReadBase { column, kind, ref mut spans }) in bases {
            let is_compacted = |name| match name {
                CharName::Ground(_) => true,
                CharName::Inserted { peer, counter, .. } => counter.0 < horizon.count(peer),
            };
            if !spans.iter().all(|span| is_compacted(span.last_name())) {
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

/// Fails for a class that is not one.
fn check_class(class: u64, classes: &Column<'_>) -> Result<(), Error> {
    if class <= ON_WRITE.saturating_add(1) { Ok(()) } else { Err(classes.damage("a splice is of an unknown class")) }
}

/// Adds edits to the text of their class, if there is one.
fn push_run(
    runs: &mut TextRuns,
    (row, column): (RowNumber, ColumnNumber),
    class: u64,
    run: EditRun,
) -> Result<(), Error> {
    let Some(class) = class.checked_sub(ON_DELETE) else { return Ok(()) };
    let is_on_write = class >= ON_WRITE.saturating_sub(ON_DELETE);
    let of_text = runs.entry((row, column, is_on_write)).or_default();
    memory::reserve(of_text, 1)?;
    of_text.push(if class & 1 == 1 { run.void() } else { run });
    Ok(())
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
            let content = rest.first_scalars(scalars, log.content());
            let content =
                content.ok_or_else(|| firsts.damage("the characters of a text at the horizon are missing"))?;
            let span = NamedSpan { name, of_each, scalars, content };
            if !span.is_sound() {
                return Err(firsts.damage("characters of a text at the horizon have no names"));
            }
            rest = ContentRange { start: content.end(), bytes: rest.bytes.saturating_sub(content.bytes) };
            log.count_content(content.bytes);
            spans.push(span);
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
