//! Traces: sparse fingerprints of the histories of peers of which each side has events that the other one does not know, so
//! that both find out how much they share.
//!
//! Of each branch a trace has the last event, the one before, and further ones in distances that double, down to the first
//! event that is retained. So at most as many events as are beyond the fork are sent twice.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

use crate::codec::Reader;
use crate::doc::{Doc, Need, read_named_events, write_named_events};
use crate::error::Error;
use crate::lanes::AuthorNumber;
use std::collections::BTreeMap;

/// What a session knows of contested peers: those of which both sides have events that the other one may lack.
#[derive(Debug, Default)]
pub(super) struct Contested {
    /// By author: whether the other side's trace has come.
    authors: BTreeMap<AuthorNumber, Traced>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Traced {
    is_sent: bool,
    has_come: bool,
}

impl Contested {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.authors.clear();
    }

    /// Says that an author is contested.
    pub(super) fn add(&mut self, author: AuthorNumber) {
        self.authors.entry(author).or_default();
    }

    /// Says that the other side's trace of an author has come.
    pub(super) fn take(&mut self, author: AuthorNumber) {
        self.authors.entry(author).or_default().has_come = true;
    }

    /// Whether events of an author are held back until the other side's trace comes.
    pub(super) fn is_held(&self, author: AuthorNumber) -> bool {
        self.authors.get(&author).is_some_and(|traced| !traced.has_come)
    }

    /// Whether the other side's trace of an author has come.
    pub(super) fn has_come(&self, author: AuthorNumber) -> bool {
        self.authors.get(&author).is_some_and(|traced| traced.has_come)
    }

    /// Whether events of any author are held back.
    pub(super) fn any_held(&self) -> bool {
        self.authors.values().any(|traced| !traced.has_come)
    }

    /// The trace of the authors of whom none was sent; `None` if there are none.
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

/// Reads a trace.
pub(super) fn read(content: &mut Reader<'_>) -> Result<Vec<Need>, Error> {
    let events = read_named_events(content)?;
    content.finish()?;
    Ok(events)
}
