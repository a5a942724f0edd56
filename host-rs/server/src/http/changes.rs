//! Changes of rows, as server-sent events.

use super::{Caller, Params, json};
use crate::documents::{Change, Command, Following, Handle};
use crate::refusal::{Reason, Refusal};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::oneshot;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Follow {
    table: Option<String>,
    after: Option<u64>,
}

/// Returns the changes of a document, or of one of its tables, from now on or after an update.
pub(super) async fn changes(
    caller: Caller,
    Params(follow): Params<Follow>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let document = caller.reading().await?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let (reply, following) = oneshot::channel();
    document.send(Command::Follow(last.or(follow.after), reply)).await?;
    let following = following.await.map_err(|_| Refusal::new(Reason::Restart, "the document was closed; try again"))?;
    let Following { sequence, missed, changes } = following;
    let first = match missed {
        Some(missed) => missed.into_iter().map(Next::Change).collect(),
        None => VecDeque::from([Next::Reset(sequence)]),
    };
    let follower = Follower { _document: document, table: follow.table, waiting: first, changes };
    Ok(Sse::new(stream::unfold(follower, Follower::next)).keep_alive(KeepAlive::default()).into_response())
}

enum Next {
    Change(Arc<Change>),
    /// The follower has to read the rows again; they contain this update.
    Reset(u64),
}

struct Follower {
    /// Keeps the document open.
    _document: Arc<Handle>,
    table: Option<String>,
    waiting: VecDeque<Next>,
    changes: Receiver<Arc<Change>>,
}

impl Follower {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            let next = match self.waiting.pop_front() {
                Some(next) => next,
                None => match self.changes.recv().await {
                    Ok(change) => Next::Change(change),
                    // The next change follows those that are lost.
                    Err(RecvError::Lagged(_)) => match self.changes.recv().await {
                        Ok(change) => Next::Reset(change.sequence),
                        Err(_) => return None,
                    },
                    Err(RecvError::Closed) => return None,
                },
            };
            let event = match &next {
                Next::Reset(sequence) => Event::default().event("reset").id(sequence.to_string()).data("{}"),
                Next::Change(change) => match self.data(change) {
                    Some(data) => Event::default().event("change").id(change.sequence.to_string()).data(data),
                    None => continue,
                },
            };
            return Some((Ok(event), self));
        }
    }

    /// Returns the operations of a change, or `None` if none is on the table.
    fn data(&self, change: &Change) -> Option<String> {
        let is_wanted = |table: &str| self.table.as_ref().is_none_or(|wanted| wanted == table);
        let ops: Vec<_> = change.ops.iter().filter(|op| is_wanted(op.table())).map(json::of_op).collect();
        (!ops.is_empty()).then(|| json!({ "ops": ops }).to_string())
    }
}
