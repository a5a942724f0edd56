//! The tests of the Rust host, in one program: each program of its own would link the WebAssembly runtime again.

mod cells;
mod exchange;
mod history;
mod limits;
mod program;
mod watchers;
