//! The state of a document that its functions return. A failed call must not change the state, and
//! loading must restore it.

use crate::form;
use crate::host::{Document, Host};
use converge::{Error, EventId, PeerVersion, Row, ScanOptions, TableSummary};
use serde_json::{Value as Json, json};

/// The tables, as all functions return them.
#[derive(Debug, PartialEq)]
pub(super) struct Contents {
    pub(super) digest: Vec<u8>,
    pub(super) tables: Vec<TableSummary>,
    /// The rows of each table.
    pub(super) rows: Vec<Vec<Row>>,
}

/// The state of a document.
#[derive(Debug, PartialEq)]
pub(super) struct State {
    pub(super) contents: Contents,
    pub(super) heads: Vec<EventId>,
    pub(super) version: Vec<PeerVersion>,
    /// The report of a merge without events.
    pub(super) waiting: Json,
    pub(super) saved: Vec<u8>,
}

impl Contents {
    pub(super) fn of<D: Document>(document: &mut D) -> Result<Self, String> {
        let tables = document.tables();
        let rows = tables.iter().map(|table| all_rows(document, &table.name)).collect::<Result<_, _>>()?;
        Ok(Self { digest: document.digest(), tables, rows })
    }
}

impl State {
    pub(super) fn of<D: Document>(document: &mut D) -> Result<Self, String> {
        let waiting =
            document.merge_events(Vec::new()).map_err(|e| format!("merge-events without events failed: {e:?}"))?;
        Ok(Self {
            contents: Contents::of(document)?,
            heads: document.heads(),
            version: document.version(),
            waiting: form::report(&waiting),
            saved: document.save(),
        })
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.waiting != json!({})
    }

    /// Removes the waiting events, which are not transmitted, and the bytes that contain them.
    pub(super) fn forget_waiting(&mut self) {
        self.waiting = json!({});
        self.saved.clear();
    }

    /// Fails if the other state differs. `what` describes the other document.
    pub(super) fn check_same(&self, what: &str, other: &Self) -> Result<(), String> {
        if self == other {
            return Ok(());
        }
        let shown = |state: &Self| form::excerpt(&format!("{state:?}").into());
        Err(format!("{what} differs:\n  expected: {}\n  got:      {}", shown(self), shown(other)))
    }
}

/// Returns the horizon of a compacted document, or `None` if its history is complete.
pub(super) fn horizon<H: Host>(host: &H, document: &mut H::Document) -> Result<Option<Vec<PeerVersion>>, String> {
    let nothing = host.summary_of(&[]).map_err(|e| format!("summary-of failed: {e:?}"))?;
    match document.events_since(&nothing, 0) {
        Ok(_) => Ok(None),
        Err(Error::Compacted(horizon)) => Ok(Some(horizon)),
        Err(other) => Err(format!("events-since failed: {other:?}")),
    }
}

/// Reads all rows of a table, page by page.
fn all_rows<D: Document>(document: &mut D, table: &str) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    loop {
        let options = ScanOptions::default();
        let options = match rows.last() {
            Some(Row { id, .. }) => options.after(id),
            None => options,
        };
        let page = document.scan(table, &options).map_err(|e| format!("a scan of {table:?} failed: {e:?}"))?;
        rows.extend(page.rows);
        if !page.more {
            return Ok(rows);
        }
    }
}
