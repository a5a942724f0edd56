//! Whole documents: saved, pulled, pushed; commits; the list of documents.

use super::{Bearer, Caller, IDEMPOTENCY_KEY, Params, SEQUENCE, json};
use crate::app::App;
use crate::hub::{Answer, Read, Rejection, Write};
use crate::refusal::{Reason, Refusal};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use converge::Error;
use converge_storage::Directory;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

const BYTES: &str = "application/octet-stream";
/// The maximum length of an idempotency key in bytes.
const MAX_KEY_BYTES: usize = 256;
/// The number of documents that a list has at most.
const MAX_LISTED: usize = 1_000;

/// Returns the saved document.
pub(super) async fn saved(caller: Caller, headers: HeaderMap) -> Result<Response, Refusal> {
    let document = caller.reading().await?;
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let unless = known.map(|tag| tag.trim_start_matches("W/").trim_matches('"').to_owned());
    let (answer, sequence) = document.read(Read::Save { unless }).await?;
    let tag = |tag| (ETAG, format!("\"{tag}\""));
    let sequence = (SEQUENCE, sequence.to_string());
    match answer {
        Answer::Unchanged(known) => Ok((StatusCode::NOT_MODIFIED, [tag(known), sequence]).into_response()),
        Answer::Saved(new, saved) => {
            Ok(([tag(new), sequence, (CONTENT_TYPE, BYTES.to_owned())], saved).into_response())
        }
        other => refused(other),
    }
}

/// Returns the update that the replica of the summary in the body lacks.
pub(super) async fn pull(caller: Caller, body: Body) -> Result<Response, Refusal> {
    let document = caller.reading().await?;
    let summary = caller.body(body).await?;
    let (answer, sequence) = document.read(Read::Pull(summary.into())).await?;
    match answer {
        Answer::Update(update) => {
            Ok(([(CONTENT_TYPE, BYTES.to_owned()), (SEQUENCE, sequence.to_string())], update).into_response())
        }
        other => refused(other),
    }
}

/// Merges the update in the body.
pub(super) async fn push(caller: Caller, body: Body) -> Result<Response, Refusal> {
    caller.need(caller.rights.write, "writing")?;
    let update = caller.body(body).await?;
    let (document, access) = (caller.writing().await?, caller.app.access(&caller.grant, &caller.name));
    let (answer, sequence) = document.write(access, Write::Push(update.into())).await?;
    match answer {
        Answer::Merged(report) => {
            Ok(([(SEQUENCE, sequence.to_string())], Json(json::of_report(&report))).into_response())
        }
        other => refused(other),
    }
}

/// Commits the operations in the body.
pub(super) async fn commit(caller: Caller, headers: HeaderMap, body: Body) -> Result<Response, Refusal> {
    caller.need(caller.rights.write, "writing")?;
    let key = headers.get(IDEMPOTENCY_KEY).map(|key| key.to_str().unwrap_or_default().to_owned());
    if key.as_ref().is_some_and(|key| key.is_empty() || key.len() > MAX_KEY_BYTES) {
        let why = format!("the header idempotency-key must have 1 to {MAX_KEY_BYTES} ASCII characters");
        return Err(Refusal::new(Reason::Malformed, why));
    }
    let ops = json::ops(&caller.body(body).await?).map_err(|why| Refusal::new(Reason::Malformed, why))?;
    let (document, access) = (caller.writing().await?, caller.app.access(&caller.grant, &caller.name));
    let (answer, sequence) = document.write(access, Write::Commit { ops, key }).await?;
    match answer {
        Answer::Committed(event) => {
            let body = json!({ "event": json::of_event(&event) });
            Ok(([(SEQUENCE, sequence.to_string())], Json(body)).into_response())
        }
        other => refused(other),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    #[serde(default)]
    prefix: String,
    after: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    pub(super) deleted: bool,
}

impl Listing {
    /// Returns a page of the documents for whose names `is_wanted` holds, and whether there are
    /// more.
    pub(super) async fn page<T: Send + 'static>(
        self,
        app: &Arc<App>,
        list: impl FnOnce(&Directory, &str) -> Result<Vec<(String, T)>, converge_storage::Error> + Send + 'static,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<(Vec<(String, T)>, bool), Refusal> {
        let Self { prefix, after, limit, .. } = self;
        let listed = app.documents.blocking(move |documents| list(&documents.directory, &prefix)).await?;
        let mut listed = listed.map_err(|error| app.documents.storage_failed(&error))?;
        listed.retain(|(name, _)| after.as_ref().is_none_or(|after| name > after) && is_wanted(name));
        let limit = limit.unwrap_or(MAX_LISTED).min(MAX_LISTED);
        let more = listed.len() > limit;
        listed.truncate(limit);
        Ok((listed, more))
    }

    /// Returns a page of the names for which `is_wanted` holds, and whether there are more.
    pub(super) async fn names(
        self,
        app: &Arc<App>,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<(Vec<String>, bool), Refusal> {
        let list = |directory: &Directory, prefix: &str| {
            directory.names(prefix).map(|names| names.into_iter().map(|name| (name, ())).collect())
        };
        let (listed, more) = self.page(app, list, is_wanted).await?;
        Ok((listed.into_iter().map(|(name, ())| name).collect(), more))
    }
}

/// Returns the names of the documents that the token allows to read.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Bearer(grant): Bearer,
    Params(listing): Params<Listing>,
) -> Result<Json<Value>, Refusal> {
    if listing.deleted {
        return Err(Refusal::new(Reason::Malformed, "GET /v1/admin/docs lists deleted documents"));
    }
    let (names, more) = listing.names(&app, |name| grant.rights(name).read).await?;
    Ok(Json(json!({ "documents": names, "more": more })))
}

/// Returns the response to a request that was rejected.
pub(super) fn refused(answer: Answer) -> Result<Response, Refusal> {
    match answer {
        Answer::Rejected(Rejection::Engine(Error::Compacted(horizon))) => {
            let refusal =
                Refusal::new(Reason::Conflict, "the history before the horizon was compacted; load the document");
            let body =
                json!({ "error": refusal.why, "reason": refusal.reason.name(), "horizon": json::of_version(&horizon) });
            Ok((StatusCode::CONFLICT, Json(body)).into_response())
        }
        Answer::Rejected(rejection) => Err(Refusal::of_rejection(&rejection)),
        _ => Err(Refusal::new(Reason::Unavailable, "the server failed to answer")),
    }
}
