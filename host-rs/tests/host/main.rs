//! The tests of the Rust host, in one program: each program of its own would link the WebAssembly runtime again.

mod cells;
mod exchange;
mod files;
mod limits;
#[cfg(feature = "mutators")]
mod mutators;
mod presence;
mod saved;
mod session;
mod transaction;
mod types;
mod watchers;
