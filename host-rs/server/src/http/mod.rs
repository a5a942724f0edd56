//! The routes.

mod admin;
mod changes;
mod documents;
mod json;
mod mutations;
mod pages;
mod tables;

pub use pages::Page;

use crate::app::App;
use crate::auth::{Grant, Rights};
use crate::connection;
use crate::documents::Handle;
use crate::refusal::{Reason, Refusal};
use axum::body::{Body, Bytes};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Path, Query, Request, State, WebSocketUpgrade};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH, ORIGIN, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use converge_frames::SUBPROTOCOL;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// The number of the last update that a response contains.
const SEQUENCE: HeaderName = HeaderName::from_static("converge-sequence");
/// Makes a commit idempotent.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The size of the buffers of a WebSocket in bytes. Most connections are idle, so they are small.
const READ_BUFFER: usize = 4 << 10;
const WRITE_BUFFER: usize = 256 << 10;

/// Returns the routes of a server.
pub(crate) fn routes(app: &Arc<App>) -> Router {
    let document = Router::new()
        .route("/{name}", get(documents::saved))
        .route("/{name}/pull", post(documents::pull))
        .route("/{name}/push", post(documents::push))
        .route("/{name}/commit", post(documents::commit))
        .route("/{name}/mutate", post(mutations::mutate))
        .route("/{name}/mutations/{client}", get(mutations::outcomes))
        .route("/{name}/tables", get(tables::tables))
        .route("/{name}/tables/{table}", get(tables::rows))
        .route("/{name}/tables/{table}/{row}", get(tables::row))
        .route("/{name}/changes", get(changes::changes))
        .route("/{name}/sync", any(sync));
    let admin = Router::new()
        .route("/", get(admin::list))
        .route("/{name}", axum::routing::delete(admin::delete))
        .route("/{name}/undelete", post(admin::undelete))
        .route("/{name}/forget", post(admin::forget))
        .route("/{name}/export", get(admin::export))
        .route("/{name}/import", post(admin::import))
        .route("/{name}/disconnect", post(admin::disconnect));
    let origins = app.clone();
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| {
            origin.to_str().is_ok_and(|origin| allows(&origins.settings.origins, origin))
        }))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, IF_NONE_MATCH, IDEMPOTENCY_KEY])
        .expose_headers([ETAG, RETRY_AFTER, SEQUENCE]);
    Router::new()
        .route("/v1/docs", get(documents::list))
        .nest("/v1/docs", document)
        .nest("/v1/admin/docs", admin)
        .method_not_allowed_fallback(|| async { (StatusCode::METHOD_NOT_ALLOWED, NO_METHOD) })
        .layer(from_fn_with_state(app.clone(), check))
        .layer(cors)
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(pages::page)
        .with_state(app.clone())
}

/// The body of a response to a method that a route does not have.
const NO_METHOD: &str = "{\"error\":\"the route does not have this method\",\"reason\":\"malformed\"}\n";

/// Opens a WebSocket.
async fn sync(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(error) => return Refusal::new(Reason::Malformed, error.body_text()).into_response(),
    };
    // A message of a session, or a host frame, has a few bytes more than its content.
    let max = app.settings.max_message_bytes.max(crate::auth::MAX_TOKEN_BYTES) + 64;
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER.max(max * 2))
        .max_message_size(max)
        .max_frame_size(max);
    if upgrade.selected_protocol().is_none() {
        let why = format!("the subprotocol {SUBPROTOCOL} is missing");
        return Refusal::new(Reason::Malformed, why).into_response();
    }
    upgrade.on_upgrade(move |socket| connection::serve(app, name, socket))
}

/// Checks where a request comes from, and bounds how many are carried out at the same time.
async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let checked = check_source(&app, request.headers()).and_then(|()| {
        let why = "the server has too many requests";
        app.requests.try_acquire().map_err(|_| Refusal::new(Reason::TooMany, why))
    });
    let response = match checked {
        Ok(_permit) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    app.metrics.responded(response.status().as_u16());
    response
}

/// A page of another site must not use the server with its visitor's rights. Without keys, it must
/// not reach the server under another name either.
fn check_source(app: &App, headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(HOST).unwrap_or_default();
    if let Some(origin) = text(ORIGIN) {
        let own = origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
        if !own && !allows(&app.settings.origins, origin) {
            let why = format!("pages of {origin} may not connect; start the server with --origin {origin}");
            return Err(Refusal::new(Reason::Refused, why));
        }
    }
    if app.keys.is_empty() && !app.settings.anonymous && !is_loopback(host) {
        let why = format!("a server without keys is reached as localhost, not as {host:?}");
        return Err(Refusal::new(Reason::Refused, why));
    }
    Ok(())
}

fn allows(origins: &[String], origin: &str) -> bool {
    origins.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin))
}

/// Returns whether a header `host` names this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.documents.is_ready() {
        true => "ready\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response(),
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    match app.metrics.encode(app.documents.sizes()) {
        Ok(text) => {
            ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The document and the rights of a request.
struct Caller {
    app: Arc<App>,
    name: String,
    grant: Grant,
    rights: Rights,
}

/// What the token of a request grants.
struct Bearer(Grant);

impl FromRequestParts<Arc<App>> for Bearer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let header = parts.headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
        let token = match header {
            None => "",
            Some(header) => match header.split_once(' ') {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
                _ => return Err(Refusal::new(Reason::Token, "the header must be `Authorization: Bearer TOKEN`")),
            },
        };
        app.grant(token).map(Self)
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let Bearer(grant) = Bearer::from_request_parts(parts, app).await?;
        let path = Path::<Vec<(String, String)>>::from_request_parts(parts, app).await;
        let Path(path) = path.map_err(|error| Refusal::new(Reason::Malformed, error.to_string()))?;
        let name = path.into_iter().find(|(key, _)| key == "name").map(|(_, name)| name).unwrap_or_default();
        let rights = grant.rights(&name);
        Ok(Self { app: app.clone(), name, grant, rights })
    }
}

/// The query of a request. A wrong one is refused like other errors.
struct Params<T>(T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let query = Query::<T>::from_request_parts(parts, app).await;
        query.map(|Query(query)| Self(query)).map_err(|error| Refusal::new(Reason::Malformed, error.body_text()))
    }
}

impl Caller {
    /// Fails if the token does not have a right.
    fn need(&self, has: bool, what: &str) -> Result<(), Refusal> {
        match has {
            true => Ok(()),
            false => Err(Refusal::new(Reason::Refused, format!("the token does not allow {what} {:?}", self.name))),
        }
    }

    /// Opens the document for reading.
    async fn reading(&self) -> Result<Arc<Handle>, Refusal> {
        self.need(self.rights.read, "reading")?;
        self.app.documents.open(&self.name, false).await
    }

    /// Opens the document for writing.
    async fn writing(&self) -> Result<Arc<Handle>, Refusal> {
        self.need(self.rights.write, "writing")?;
        self.app.documents.open(&self.name, true).await
    }

    /// Opens the document for calls of mutators.
    async fn calling(&self) -> Result<Arc<Handle>, Refusal> {
        self.need(self.rights.mutate, "calling mutators of")?;
        self.app.documents.open(&self.name, true).await
    }

    /// Reads the body of a request.
    async fn body(&self, body: Body) -> Result<Bytes, Refusal> {
        let max = self.app.settings.max_body_bytes;
        let read = timeout(self.app.settings.slow_timeout, axum::body::to_bytes(body, max)).await;
        let read = read.map_err(|_| Refusal::new(Reason::Slow, "the body did not arrive in time"))?;
        read.map_err(|error| {
            let is_long =
                std::error::Error::source(&error).is_some_and(|source| source.is::<http_body_util::LengthLimitError>());
            match is_long {
                true => Refusal::new(Reason::TooLarge, format!("the body is longer than {max} bytes")),
                false => Refusal::new(Reason::Malformed, format!("the body cannot be read: {error}")),
            }
        })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.reason.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = Json(serde_json::json!({ "error": self.why, "reason": self.reason.name() }));
        let retry =
            self.reason.retry_after().map(|[_, latest]: [Duration; 2]| [(RETRY_AFTER, latest.as_secs().to_string())]);
        match self.reason {
            Reason::Token => (status, [("www-authenticate", "Bearer")], body).into_response(),
            _ => (status, retry.map(axum::response::AppendHeaders), body).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn the_host_of_a_server_without_keys_is_this_machine() {
        for host in ["localhost", "localhost:4747", "LOCALHOST:1", "127.0.0.1:4747", "127.9.9.9", "[::1]:4747", "[::1]"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "example.com", "localhost.example.com:4747", "192.168.0.1:4747", "[::2]:1", "127.0.0.1.nip.io"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
