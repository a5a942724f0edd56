//! What every host of converge must do: the cases of `conformance/`, and the runner that runs them
//! on a Rust host.
//!
//! A host is a type that implements [`Host`], in the types of the crate `converge`:
//! [`native::Native`] is the engine itself, [`host_rs::HostRs`] the component in wasmtime.
//! `conformance/README.md` alone defines the form of the cases and of the transcripts. The
//! JavaScript host has a runner of its own.

mod abbreviations;
pub mod case;
pub mod convert;
pub mod damage;
pub mod form;
pub mod host;
pub mod host_rs;
pub mod live;
pub mod native;
pub mod reader;
pub mod run;
pub mod transaction;

pub use host::{Document, Host, Session, Store, UpdateReader};
