//! The conformance suite: reads the cases of `conformance/`, and runs them on hosts in Rust.
//!
//! A host is a type that implements [`Host`], with the types of the crate `converge`:
//! [`native::Native`] is the engine itself, [`host_rs::HostRs`] the component in wasmtime.
//! `conformance/README.md` specifies the notation of cases and transcripts. The JavaScript host has
//! a runner of its own.

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
