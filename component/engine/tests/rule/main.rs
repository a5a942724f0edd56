//! Tests the rule of execution through the engine's public interface.
//!
//! > The tables are the result of executing every known event, one at a time, in the order of
//! > (lamport, author).
//!
//! `random` plays random histories of several replicas, `exhaustive` and `small_compactions` all
//! small ones. `hostile` mutates runs, `since` asks for parts of histories, `compaction` compacts
//! histories, `splices` makes splices that no honest replica commits, `rebase` rebases replicas
//! from below a horizon, and `history` tests differences and forks. `size` measures compacted
//! documents. `transactions` reads writes before they are committed.
//!
//! All of them compare the engine with `oracle`, which implements the rule literally, and with
//! `model`, a naive replica. A failure prints its seed and the shortest failing history that was
//! found.

mod check;
mod compaction;
mod exhaustive;
mod history;
mod hostile;
mod model;
mod oracle;
mod past;
mod prints;
mod random;
mod rebase;
mod reserved;
mod rules;
mod seeds;
mod since;
mod size;
mod small_compactions;
mod splices;
mod storage;
mod transactions;
mod world;
