//! Decoded items, sorted by row, which are returned in this order.

use crate::id::RowNumber;

#[derive(Debug)]
pub(super) struct ByRow<T> {
    items: Vec<(RowNumber, T)>,
    taken: usize,
}

impl<T> Default for ByRow<T> {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl<T> ByRow<T> {
    /// Returns the items, which are sorted by row.
    pub(super) fn new(items: Vec<(RowNumber, T)>) -> Self {
        Self { items, taken: 0 }
    }

    /// Returns whether there are no further items.
    pub(super) fn is_empty(&self) -> bool {
        self.taken >= self.items.len()
    }

    /// Takes the items of a row, and drops those of rows before it.
    pub(super) fn take(&mut self, row: RowNumber) -> &mut [(RowNumber, T)] {
        let rest = self.items.get_mut(self.taken..).unwrap_or_default();
        let before = rest.iter().take_while(|(other, _)| *other < row).count();
        let rest = rest.get_mut(before..).unwrap_or_default();
        let of_row = rest.iter().take_while(|(other, _)| *other == row).count();
        self.taken = self.taken.saturating_add(before).saturating_add(of_row);
        rest.get_mut(..of_row).unwrap_or_default()
    }
}
