//! Serves documents to many clients, over WebSocket and HTTP.
//!
//! `docs/server.md` of the sources specifies the protocol. [`hub::Hub`] is one document with its
//! connections, without input and output other than its file; [`Server`] is the rest.

mod app;
pub mod auth;
mod connection;
mod documents;
mod http;
pub mod hub;
mod metrics;
mod mutators;
mod refusal;
mod server;
mod settings;
mod webhooks;

pub use http::Page;
pub use mutators::{MutatorError, MutatorFile};
pub use refusal::{Reason, Refusal};
pub use server::{Reloader, Server, StartError};
pub use settings::{Log, OPTIONS, ServerOption, Settings};
