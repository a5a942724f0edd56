//! Traces: sparse fingerprints of contested peers. Both sides have events of such a peer that the
//! other side may lack, and traces show how much they share.
//!
//! A trace contains the last event of each branch, the one before it, and further ones at doubling
//! distances, down to the first retained event. So at most as many events are sent twice as there
//! are beyond the fork.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

use crate::codec::Reader;
use crate::doc::{Doc, Need, read_named_events, write_named_events};
use crate::error::Error;
use crate::lanes::AuthorNumber;
use std::collections::BTreeMap;

/// The contested peers of a session.
#[derive(Debug, Default)]
pub(super) struct Contested {
    /// By author, whether the traces were sent and received.
    authors: BTreeMap<AuthorNumber, Traced>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Traced {
    is_sent: bool,
    has_arrived: bool,
}

impl Contested {
    /// Forgets all contested peers.
    pub(super) fn clear(&mut self) {
        self.authors.clear();
    }

    /// Records that an author is contested.
    pub(super) fn add(&mut self, author: AuthorNumber) {
        self.authors.entry(author).or_default();
    }

    /// Records that the other side's trace of an author has arrived.
    pub(super) fn take(&mut self, author: AuthorNumber) {
        self.authors.entry(author).or_default().has_arrived = true;
    }

    /// Returns whether events of an author are held back until the other side's trace arrives.
    pub(super) fn is_held(&self, author: AuthorNumber) -> bool {
        self.authors.get(&author).is_some_and(|traced| !traced.has_arrived)
    }

    /// Returns whether the other side's trace of an author has arrived.
    pub(super) fn has_arrived(&self, author: AuthorNumber) -> bool {
        self.authors.get(&author).is_some_and(|traced| traced.has_arrived)
    }

    /// Returns whether events of any author are held back.
    pub(super) fn any_held(&self) -> bool {
        self.authors.values().any(|traced| !traced.has_arrived)
    }

    /// Returns the trace of the authors whose trace was not sent yet, or `None` if there are none.
    pub(super) fn next(&mut self, doc: &Doc, known: impl Fn(AuthorNumber) -> Vec<u32>) -> Option<Vec<u8>> {
        let mut events: Vec<Need> = Vec::new();
        let mut is_any = false;
        for (&author, traced) in &mut self.authors {
            if !traced.is_sent {
                traced.is_sent = true;
                is_any = true;
                events.extend(doc.trace(author, &known(author)));
            }
        }
        is_any.then(|| write_named_events(&events))
    }
}

/// Decodes a trace.
pub(super) fn read(content: &mut Reader<'_>) -> Result<Vec<Need>, Error> {
    let events = read_named_events(content)?;
    content.finish()?;
    Ok(events)
}
