//! Decodes the columns of the states of some rows.

use super::stamps::{NEVER, SETTLED, StampTable};
use crate::clock::Lamport;
use crate::codec::{Column, DeltaColumn, Reader, unzigzag};
use crate::error::Error;
use crate::id::ColumnNumber;
use crate::oplog::{Shapes, ValueColumns};
use crate::rows::stamp::Stamp;
use crate::rows::state::RowState;
use crate::work;

/// The columns of the states of some rows.
pub(super) struct StateColumns<'a> {
    pub(super) deleted: Column<'a>,
    deleted_places: Column<'a>,
    inserted: DeltaColumn<'a>,
    inserted_places: DeltaColumn<'a>,
    further_counts: Column<'a>,
    further: Column<'a>,
    further_places: Column<'a>,
    shapes: Column<'a>,
    pub(super) written: Column<'a>,
    written_places: Column<'a>,
    pub(super) shows: Column<'a>,
    pub(super) values: ValueColumns<'a>,
    /// The encoded insert of the present row. Further stamps of the row are relative to it.
    from: (u64, u64),
    /// The further inserts of the present row.
    pub(super) further_stamps: Vec<Stamp>,
}

impl<'a> StateColumns<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        Ok(Self {
            deleted: Column::read(reader)?,
            deleted_places: Column::read(reader)?,
            inserted: DeltaColumn::read(reader)?,
            inserted_places: DeltaColumn::read(reader)?,
            further_counts: Column::read(reader)?,
            further: Column::read(reader)?,
            further_places: Column::read(reader)?,
            shapes: Column::read(reader)?,
            written: Column::read(reader)?,
            written_places: Column::read(reader)?,
            shows: Column::read(reader)?,
            values: ValueColumns::read(reader)?,
            from: (NEVER, 0),
            further_stamps: Vec::new(),
        })
    }

    /// Returns the next state without its cells, the number of its shape, and whether one of its
    /// stamps is that of a retained event.
    pub(super) fn row(&mut self, stamps: &impl StampTable) -> Result<(RowState, u64, bool), Error> {
        work::step();
        let wrong = |column: &Column<'_>| column.damage("a row's stamp is that of no operation");
        let mut state = RowState::default();
        let deleted = self.deleted.next()?;
        let mut is_retained = stamps.is_retained(deleted);
        let deleted = stamp(stamps, deleted, self.deleted_places.next()?);
        let deleted = deleted.filter(|&deleted| deleted != Stamp::SETTLED);
        state.deleted = deleted.ok_or_else(|| wrong(&self.deleted))?;
        self.from = (self.inserted.next()?, self.inserted_places.next()?);
        is_retained |= stamps.is_retained(self.from.0);
        state.inserted = stamp(stamps, self.from.0, self.from.1).ok_or_else(|| wrong(&self.deleted))?;
        self.further_stamps.clear();
        for _ in 0..self.further_counts.next()? {
            let number = self.from.0.wrapping_add_signed(unzigzag(self.further.next()?));
            is_retained |= stamps.is_retained(number);
            let further = stamp(stamps, number, self.further_places.next()?);
            let further = further.filter(|further| further.lamport != Lamport::NEVER);
            let further = further.ok_or_else(|| wrong(&self.further))?;
            work::step();
            self.further_stamps.push(further);
        }
        Ok((state, self.shapes.next()?, is_retained))
    }

    /// Returns the stamp of the next cell, and whether it is that of a retained event.
    pub(super) fn cell(&mut self, stamps: &impl StampTable) -> Result<(Stamp, bool), Error> {
        work::step();
        let number = self.from.0.wrapping_add_signed(unzigzag(self.written.next()?));
        let place = self.from.1.wrapping_add_signed(unzigzag(self.written_places.next()?));
        let stamp = stamp(stamps, number, place).filter(|&stamp| stamp != Stamp::NEVER);
        let stamp = stamp.ok_or_else(|| self.written.damage("a cell's stamp is that of no operation"))?;
        Ok((stamp, stamps.is_retained(number)))
    }

    /// Returns the number and the columns of a shape. Fails if there is no such shape.
    pub(super) fn columns_of<'b>(&self, shapes: &'b Shapes, shape: u64) -> Result<(u32, &'b [ColumnNumber]), Error> {
        let number = u32::try_from(shape).ok();
        let listed = number.and_then(|number| Some((number, shapes.get(shape)?)));
        listed.ok_or_else(|| self.shapes.damage("a row names columns that are not listed"))
    }

    pub(super) fn finish(&self) -> Result<(), Error> {
        self.inserted.finish()?;
        self.inserted_places.finish()?;
        let Self { deleted, deleted_places, further_counts, further, further_places, shapes, .. } = self;
        for column in [deleted, deleted_places, further_counts, further, further_places, shapes] {
            column.finish()?;
        }
        self.written.finish()?;
        self.written_places.finish()?;
        self.shows.finish()?;
        self.values.finish()
    }
}

/// Returns the stamp of a number and the index in the commit.
pub(super) fn stamp(stamps: &impl StampTable, number: u64, place: u64) -> Option<Stamp> {
    match (number, place) {
        (NEVER, 0) => Some(Stamp::NEVER),
        (SETTLED, 0) => stamps.has_settled().then_some(Stamp::SETTLED),
        (NEVER | SETTLED, _) => None,
        _ => {
            let (lamport, peer) = stamps.stamp(number)?;
            Some(Stamp { lamport, peer, index: u32::try_from(place).ok()? })
        }
    }
}
