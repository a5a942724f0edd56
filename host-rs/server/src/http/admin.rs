//! Administration of documents.

use super::documents::{Listing, refused};
use super::{Bearer, Caller, Params, SEQUENCE};
use crate::app::App;
use crate::documents::Command;
use crate::hub::{Answer, Read};
use crate::refusal::{Reason, Refusal};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use converge::{Instance, InstanceOptions};
use converge_storage::Directory;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;

/// Returns the documents, with the connections and the memory of those that are open; or the
/// deleted documents, with the time of their deletion.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Bearer(grant): Bearer,
    Params(listing): Params<Listing>,
) -> Result<Json<Value>, Refusal> {
    let is_wanted = |name: &str| grant.rights(name).admin;
    if listing.deleted {
        let (deleted, more) = listing.page(&app, Directory::deleted, is_wanted).await?;
        let document = |(name, at): (String, SystemTime)| json!({ "name": name, "deletedAt": milliseconds(at) });
        return Ok(Json(json!({ "documents": deleted.into_iter().map(document).collect::<Vec<_>>(), "more": more })));
    }
    let (names, more) = listing.names(&app, is_wanted).await?;
    let document = |name: String| match app.documents.peek(&name) {
        None => json!({ "name": name, "open": false }),
        Some(handle) => json!({
            "name": name,
            "open": true,
            "connections": handle.state().connections.load(Ordering::Relaxed),
            "memoryBytes": handle.state().memory_bytes.load(Ordering::Relaxed),
        }),
    };
    Ok(Json(json!({ "documents": names.into_iter().map(document).collect::<Vec<_>>(), "more": more })))
}

/// Returns the milliseconds since 1970.
fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Caller {
    /// Closes the document and changes its files meanwhile.
    async fn while_closed<T: Send + 'static>(
        &self,
        refusal: Refusal,
        work: impl FnOnce(&Directory, &str) -> Result<T, converge_storage::Error> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.need(self.rights.admin, "administration of")?;
        let (documents, name) = (&self.app.documents, self.name.clone());
        let _reserved = documents.close(&name, refusal).await;
        let done = documents.blocking(move |documents| work(&documents.directory, &name)).await?;
        done.map_err(|error| match error {
            converge_storage::Error::Engine(error) => Refusal::of_engine(&error),
            converge_storage::Error::NotADocument { .. } => {
                Refusal::new(Reason::Deleted, "the content of the document was removed after its deletion")
            }
            error => documents.storage_failed(&error),
        })
    }
}

/// Returns 204, or fails with `otherwise` if there was no such document.
fn done(found: bool, otherwise: &str) -> Result<StatusCode, Refusal> {
    match found {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Refusal::new(Reason::NotFound, otherwise)),
    }
}

/// Deletes a document. Its name stays reserved.
pub(super) async fn delete(caller: Caller) -> Result<StatusCode, Refusal> {
    let refusal = Refusal::new(Reason::Deleted, "the document was deleted");
    done(caller.while_closed(refusal, Directory::delete).await?, "there is no such document, or it is already deleted")
}

/// Restores a deleted document.
pub(super) async fn undelete(caller: Caller) -> Result<StatusCode, Refusal> {
    done(caller.while_closed(moved(), Directory::undelete).await?, NOT_DELETED)
}

/// Frees the name of a deleted document.
pub(super) async fn forget(caller: Caller) -> Result<StatusCode, Refusal> {
    done(caller.while_closed(moved(), Directory::forget).await?, NOT_DELETED)
}

const NOT_DELETED: &str = "there is no deleted document of this name";

fn moved() -> Refusal {
    Refusal::new(Reason::Restart, "the document is being replaced; connect again")
}

/// Returns the saved document.
pub(super) async fn export(caller: Caller) -> Result<Response, Refusal> {
    caller.need(caller.rights.admin, "administration of")?;
    let document = caller.app.documents.open(&caller.name, false).await?;
    let (answer, sequence) = document.read(Read::Save { unless: None }).await?;
    match answer {
        Answer::Saved(_, saved) => {
            let headers = [(CONTENT_TYPE, "application/octet-stream".to_owned()), (SEQUENCE, sequence.to_string())];
            Ok((headers, saved).into_response())
        }
        other => refused(other),
    }
}

/// Replaces the content of a document by the saved document in the body, or creates the document.
pub(super) async fn import(caller: Caller, body: Body) -> Result<StatusCode, Refusal> {
    caller.need(caller.rights.admin, "administration of")?;
    let saved = caller.body(body).await?;
    let memory_bytes = caller.app.settings.max_document_bytes;
    let import = move |directory: &Directory, name: &str| {
        let instance = Instance::new(InstanceOptions::default().memory_bytes(memory_bytes))?;
        directory.replace(name, &saved, &instance)
    };
    caller.while_closed(moved(), import).await.map(|()| StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expelled {
    subject: Option<String>,
}

/// Closes the connections of a subject to a document, or all.
pub(super) async fn disconnect(
    caller: Caller,
    Params(Expelled { subject }): Params<Expelled>,
) -> Result<Json<Value>, Refusal> {
    caller.need(caller.rights.admin, "administration of")?;
    let Some(document) = caller.app.documents.peek(&caller.name) else {
        return Ok(Json(json!({ "disconnected": 0 })));
    };
    let (reply, count) = oneshot::channel();
    document.send(Command::Expel(subject, reply)).await?;
    Ok(Json(json!({ "disconnected": count.await.unwrap_or(0) })))
}
