mod op;
pub use op::{Cell, Commit, RowOp, Value};
