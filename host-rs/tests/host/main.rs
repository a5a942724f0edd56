//! The tests of the Rust host, with the backend that runs the component. They are one program,
//! because each further program would have to link the WebAssembly runtime, too. `../native`
//! runs those that do not depend on the component with the other backend.

use converge::Backend;

mod backend;
mod cells;
mod exchange;
mod files;
mod limits;
#[cfg(feature = "mutators")]
mod mutators;
mod presence;
mod saved;
mod session;
mod texts;
mod transaction;
mod types;
mod undo;
mod watchers;

use backend::{create, instance, load};

/// The backend of all tests of this program.
const BACKEND: Backend = Backend::Component;
