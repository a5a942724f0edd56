//! Identity by content: replicas are copied, restored and run concurrently under one name, and are
//! compared with an oracle that implements the rule literally.
//!
//! `oracle` is the rule: a tree of events for each author, the names of its branches, forks, and
//! the order of execution. `world` contains replicas and compares their documents with the oracle.
//! `ways` contains every way in which two replicas can exchange events.
//!
//! `exhaustive` plays all small histories, `random` large ones, and `matrix` every way in which a
//! name can be used twice. `examples` contains single situations. `names` tests names that
//! applications hold, `waiting` tests events that arrive early, and `sessions` and `hostile` test
//! the messages of sessions.

mod examples;
mod exhaustive;
mod hostile;
mod matrix;
mod names;
mod oracle;
mod random;
#[path = "../rule/oracle.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod rule;
#[path = "../rule/seeds.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod seeds;
mod sessions;
mod waiting;
mod ways;
mod world;
