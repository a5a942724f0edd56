//! What every host of converge must do: the cases of `conformance/`, and the runner that puts them to a Rust host.
//!
//! A host is anything that implements [`Host`]: [`native::Native`] is the engine itself, [`host_rs::HostRs`] the component
//! in wasmtime. The form of the cases and of the transcripts is defined by `conformance/README.md` alone. The JavaScript
//! host has a runner of its own.

pub mod case;
pub mod damage;
pub mod form;
pub mod host;
pub mod host_rs;
pub mod live;
pub mod native;
pub mod reader;
pub mod run;
pub mod transaction;

pub use host::{Document, Host, Refusal, Session, Store, UpdateReader};
