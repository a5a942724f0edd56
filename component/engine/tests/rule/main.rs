//! Tests of the one rule over the engine's public face.
//!
//! > The tables are what executing every known event, one at a time, in the order of (lamport, peer), would give.
//!
//! `random` plays random histories of several replicas, `exhaustive` and `small_compactions` all small ones, `hostile` mutates runs, and `since`
//! asks for parts of histories; `compaction` gives histories up, `rebase` leads on from below, `history` looks back, and
//! `size` weighs what is left; `transactions` reads what is written before it is committed. All of them compare the engine with `oracle`, which is the rule word for word, and with
//! `model`, a naive replica. A failure prints its seed and the shortest history that the shrinking found.

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
mod storage;
mod transactions;
mod world;
