//! The tests of the Rust host, in one program: each program of its own would link the WebAssembly runtime again.

mod cells;
mod commands;
mod exchange;
mod files;
mod history;
mod limits;
mod live;
#[cfg(feature = "mutators")]
mod mutators;
mod presence;
mod program;
mod readme;
mod saved;
mod session;
mod simulate;
mod transaction;
mod watchers;
