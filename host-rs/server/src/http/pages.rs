//! The files of a web application that the server carries.

use crate::app::App;
use crate::refusal::{Reason, Refusal};
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use std::borrow::Cow;
use std::sync::Arc;

/// A file of a web application.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Page {
    /// The path, such as `app.js`. `index.html` is also the page of `/`.
    pub path: String,
    /// The content.
    pub content: Cow<'static, [u8]>,
}

impl Page {
    /// Creates a file.
    pub fn new(path: impl Into<String>, content: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { path: path.into(), content: content.into() }
    }
}

/// What a page may load: its own files, and the routes of this server.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; \
    form-action 'none'";

/// Returns the file of a path, or refuses.
pub(super) async fn page(State(app): State<Arc<App>>, method: Method, uri: Uri) -> Result<Response, Refusal> {
    let path = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    let page = app.settings.pages.iter().find(|page| page.path == path && matches!(method, Method::GET | Method::HEAD));
    let page = page.ok_or_else(|| Refusal::new(Reason::NotFound, "there is no such route"))?;
    let headers = [
        (CONTENT_TYPE, content_type(path)),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        // The names of the files stay the same when the program is replaced.
        (CACHE_CONTROL, "no-cache"),
    ];
    Ok((headers, page.content.clone()).into_response())
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}
