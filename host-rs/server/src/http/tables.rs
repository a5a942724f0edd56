//! Rows as JSON.

use super::documents::refused;
use super::{Caller, Params, SEQUENCE, json};
use crate::documents::Handle;
use crate::hub::{Answer, Read};
use crate::refusal::{Reason, Refusal};
use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use converge::{KeyRange, Page, ScanOptions};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// The number of rows of a page, at most.
const MAX_ROWS: u32 = 1_000;
const NDJSON: &str = "application/x-ndjson";

/// Returns the tables.
pub(super) async fn tables(caller: Caller) -> Result<Response, Refusal> {
    let (answer, sequence) = caller.reading().await?.read(Read::Tables).await?;
    match answer {
        Answer::Tables(tables) => {
            let tables: Vec<_> =
                tables.iter().map(|table| json!({ "table": table.name, "rows": table.rows })).collect();
            Ok(([(SEQUENCE, sequence.to_string())], Json(json!({ "tables": tables }))).into_response())
        }
        other => refused(other),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct OfRow {
    table: String,
    row: String,
}

/// Returns a row.
pub(super) async fn row(caller: Caller, Path(OfRow { table, row }): Path<OfRow>) -> Result<Response, Refusal> {
    let (answer, sequence) = caller.reading().await?.read(Read::Get(table, row)).await?;
    match answer {
        Answer::Row(Some(cells)) => {
            Ok(([(SEQUENCE, sequence.to_string())], Json(json::of_cells(&cells))).into_response())
        }
        Answer::Row(None) => Err(Refusal::new(Reason::NotFound, "there is no such row")),
        other => refused(other),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct OfTable {
    table: String,
}

/// Which rows are returned.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scan {
    from: Option<String>,
    to: Option<String>,
    prefix: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
    #[serde(default)]
    descending: bool,
    columns: Option<String>,
}

impl Scan {
    fn options(self) -> Result<ScanOptions, Refusal> {
        let range = match (self.from, self.to, self.prefix) {
            (None, None, None) => KeyRange::All,
            (Some(from), None, None) => KeyRange::AtLeast(from),
            (None, Some(to), None) => KeyRange::AtMost(to),
            (Some(from), Some(to), None) => KeyRange::Between(from, to),
            (None, None, Some(prefix)) => KeyRange::StartsWith(prefix),
            _ => return Err(Refusal::new(Reason::Malformed, "`prefix` cannot be combined with `from` and `to`")),
        };
        let limit = self.limit.unwrap_or(MAX_ROWS).min(MAX_ROWS);
        let columns = self.columns.iter().flat_map(|columns| columns.split(','));
        let options = ScanOptions::default().range(range).descending(self.descending).limit(limit).columns(columns);
        Ok(self.after.into_iter().fold(options, ScanOptions::after))
    }
}

/// Returns a page of rows as JSON, or all rows as lines of JSON.
pub(super) async fn rows(
    caller: Caller,
    Path(OfTable { table }): Path<OfTable>,
    Params(scan): Params<Scan>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let as_lines =
        headers.get(ACCEPT).is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains(NDJSON)));
    let left = scan.limit;
    let (document, options) = (caller.reading().await?, scan.options()?);
    let (answer, sequence) = document.read(Read::Scan(table.clone(), options.clone())).await?;
    let Answer::Page(page) = answer else { return refused(answer) };
    let sequence = (SEQUENCE, sequence.to_string());
    if !as_lines {
        let after = page.more.then(|| page.rows.last().map(|row| row.id.clone())).flatten();
        let rows: Vec<_> = page.rows.iter().map(json::of_row).collect();
        return Ok(([sequence], Json(json!({ "rows": rows, "more": page.more, "after": after }))).into_response());
    }
    let lines = Lines { document, table, options, left: left.map_or(u64::MAX, u64::from), page: Some(page) };
    let body = Body::from_stream(futures_util::stream::unfold(lines, Lines::next));
    Ok(([sequence, (CONTENT_TYPE, NDJSON.to_owned())], body).into_response())
}

/// The rows of a table, a line each. They are read page by page, as fast as the client takes them.
struct Lines {
    document: Arc<Handle>,
    table: String,
    options: ScanOptions,
    /// How many rows are left to return.
    left: u64,
    page: Option<Page>,
}

impl Lines {
    async fn next(mut self) -> Option<(Result<String, Refusal>, Self)> {
        let page = match self.page.take() {
            Some(page) => page,
            None if self.left == 0 => return None,
            None => match self.document.read(Read::Scan(self.table.clone(), self.options.clone())).await {
                Ok((Answer::Page(page), _)) => page,
                Ok((other, _)) => return Some((Err(refused(other).err()?), Self { left: 0, ..self })),
                Err(refusal) => return Some((Err(refusal), Self { left: 0, ..self })),
            },
        };
        let rows = page.rows.iter().take(usize::try_from(self.left).unwrap_or(usize::MAX));
        let lines: String = rows.map(|row| json::of_row(row).to_string() + "\n").collect();
        self.left = if page.more { self.left - (page.rows.len() as u64).min(self.left) } else { 0 };
        self.options.after = page.rows.last().map(|row| row.id.clone());
        if lines.is_empty() { None } else { Some((Ok(lines), self)) }
    }
}
