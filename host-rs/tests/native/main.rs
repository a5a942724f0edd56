//! The tests of `../host` that do not depend on the component, with the backend that calls the
//! engine directly, and the tests of what is special about that backend.

use converge::Backend;

#[path = "../host/backend.rs"]
mod backend;
#[path = "../host/cells.rs"]
mod cells;
#[path = "../host/exchange.rs"]
mod exchange;
#[path = "../host/presence.rs"]
mod presence;
#[path = "../host/saved.rs"]
mod saved;
#[path = "../host/session.rs"]
mod session;
#[path = "../host/texts.rs"]
mod texts;
#[path = "../host/transaction.rs"]
mod transaction;
#[path = "../host/undo.rs"]
mod undo;
#[path = "../host/watchers.rs"]
mod watchers;

mod unlimited;

use backend::{create, instance, load};

/// The backend of all tests of this program.
const BACKEND: Backend = Backend::Native;
