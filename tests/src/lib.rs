//! The conformance suite: reads the cases of `conformance/`, and runs them on hosts in Rust.
//!
//! A host is a type that implements [`Host`], with the types of the crate `converge`:
//! [`host_rs::Native`] is the crate with the engine as a library, [`host_rs::HostRs`] with the
//! component in wasmtime.
//! `conformance/README.md` specifies the notation of cases and transcripts. The JavaScript host has
//! a runner of its own.

mod abbreviations;
pub mod case;
pub mod damage;
pub mod form;
pub mod host;
pub mod host_rs;
pub mod live;
pub mod reader;
pub mod run;
pub mod transaction;
pub mod view;

pub use host::{Document, Host, Session, Store, UpdateReader};
