//! Calls of mutators by requests, and their outcomes.

use super::documents::refused;
use super::{Caller, IDEMPOTENCY_KEY, Params, SEQUENCE, json};
use crate::hub::{Answer, Read};
use crate::refusal::{Reason, Refusal};
use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use converge_frames::{Argument, MAX_ARGUMENTS, MAX_NUMBER, Mutate, OutcomeState};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The maximum number of outcomes in a response.
const MAX_OUTCOMES: u32 = 1_000;

/// The body of a call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Called {
    mutate: String,
    #[serde(default)]
    arguments: Vec<Value>,
}

/// Calls a mutator. The header `idempotency-key` has the client and the number of the call.
pub(super) async fn mutate(caller: Caller, headers: HeaderMap, body: Body) -> Result<Response, Refusal> {
    caller.need(caller.rights.mutate, "calling mutators of")?;
    let malformed = |why: String| Refusal::new(Reason::Malformed, why);
    let key = headers.get(IDEMPOTENCY_KEY).map(|key| key.to_str().unwrap_or_default());
    let (client, number) = key.map_or(Some((String::new(), 1)), key_of).ok_or_else(|| {
        malformed("the header idempotency-key must be CLIENT/NUMBER, with a number from 1 on".to_owned())
    })?;
    let body = caller.body(body).await?;
    let called: Called = serde_json::from_slice(&body).map_err(|error| malformed(format!("the body: {error}")))?;
    if called.arguments.len() > MAX_ARGUMENTS {
        return Err(malformed(format!("a call has at most {MAX_ARGUMENTS} arguments")));
    }
    let arguments = called.arguments.iter().map(|argument| json::value(argument).map(argument_of));
    let arguments = arguments.collect::<Result<Vec<_>, _>>().map_err(malformed)?;
    let (peer, after, mark) = (String::new(), 0, mark_of(&called.mutate, &arguments));
    let call = Mutate { client, number, mark, peer, after, name: called.mutate, arguments };
    let access = caller.app.access(&caller.grant, &caller.name);
    let (answer, sequence) = caller.calling().await?.call(access, call).await?;
    match answer {
        Answer::Called(state) => Ok(([(SEQUENCE, sequence.to_string())], response_of(state)?).into_response()),
        other => refused(other),
    }
}

/// Splits a key into the client and the number.
fn key_of(key: &str) -> Option<(String, u64)> {
    let (client, number) = key.rsplit_once('/')?;
    let number = number.parse().ok().filter(|number| (1..=MAX_NUMBER).contains(number))?;
    (!client.is_empty()).then(|| (client.to_owned(), number))
}

/// Returns the mark of a call: equal for equal calls, so that a repeated request is recognized.
fn mark_of(name: &str, arguments: &[Argument]) -> u64 {
    let mut hash = Sha256::new_with_prefix(Argument::encode_all(arguments, Vec::new()));
    hash.update(name);
    let hash: [u8; 32] = hash.finalize().into();
    let first = hash.first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
    (first & MAX_NUMBER).max(1)
}

fn argument_of(value: converge::Value) -> Argument {
    match value {
        converge::Value::Null => Argument::Null,
        converge::Value::Boolean(boolean) => Argument::Boolean(boolean),
        converge::Value::Integer(integer) => Argument::Integer(integer),
        converge::Value::Real(real) => Argument::Real(real),
        converge::Value::Text(text) => Argument::Text(text),
        converge::Value::Blob(blob) => Argument::Blob(blob),
    }
}

fn response_of(state: OutcomeState) -> Result<Response, Refusal> {
    let name = state.name();
    let body = |status, body| Ok((status, Json(body)).into_response());
    match state {
        OutcomeState::Confirmed { peer, counter } => {
            let event = (!peer.is_empty()).then(|| json!({ "peer": peer, "counter": counter }));
            body(StatusCode::OK, json!({ "state": name, "event": event }))
        }
        OutcomeState::Forgotten => body(StatusCode::OK, json!({ "state": name })),
        OutcomeState::Rejected { code, why } => {
            body(StatusCode::UNPROCESSABLE_ENTITY, json!({ "error": why, "reason": name, "code": code }))
        }
        OutcomeState::Expected(expected) => {
            let error = format!("the number that follows is {expected}");
            body(StatusCode::CONFLICT, json!({ "error": error, "reason": name, "expected": expected }))
        }
        OutcomeState::Taken => {
            body(StatusCode::CONFLICT, json!({ "error": "another call has this number", "reason": name }))
        }
        OutcomeState::NotNow { why, .. } => Err(Refusal::new(Reason::Unavailable, why)),
        OutcomeState::Refused(why) => Err(Refusal::new(Reason::Refused, why)),
        _ => Err(Refusal::new(Reason::Unavailable, "the server failed to answer")),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct OfClient {
    client: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    #[serde(default)]
    after: u64,
    limit: Option<u32>,
}

/// Returns the outcomes of a client's calls, in the order of their numbers.
pub(super) async fn outcomes(
    caller: Caller,
    Path(OfClient { client }): Path<OfClient>,
    Params(Listing { after, limit }): Params<Listing>,
) -> Result<Response, Refusal> {
    caller.need(caller.rights.mutate || caller.rights.admin, "calling mutators of")?;
    let limit = limit.unwrap_or(MAX_OUTCOMES).min(MAX_OUTCOMES);
    let subject = (!caller.rights.admin).then(|| caller.grant.subject().to_owned());
    let document = caller.app.documents.open(&caller.name, false).await?;
    let read = Read::Outcomes { client, after: after.min(MAX_NUMBER), limit: limit + 1, subject };
    let (answer, sequence) = document.read(read).await?;
    let Answer::Outcomes(outcomes) = answer else { return refused(answer) };
    let no_calls = || Refusal::new(Reason::NotFound, "there are no calls of this client");
    let mut outcomes = outcomes.ok_or_else(no_calls)?;
    let more = outcomes.len() > limit as usize;
    outcomes.truncate(limit as usize);
    let outcomes: Vec<Value> = outcomes.iter().map(json::of_outcome).collect();
    Ok(([(SEQUENCE, sequence.to_string())], Json(json!({ "outcomes": outcomes, "more": more }))).into_response())
}
