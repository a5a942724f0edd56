//! The tests of the Rust host. They are one program, because each further program would have to
//! link the WebAssembly runtime, too.

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
