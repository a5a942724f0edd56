//! Identity by content: replicas that are copied, restored and run side by side under one name, against an oracle that
//! reads the rule literally.
//!
//! `oracle` is the rule: a tree of events for each author, the names of its branches, forks, and the order of execution.
//! `world` is replicas whose documents are compared with the oracle; `ways` lets two of them exchange in every way there
//! is. `exhaustive` plays all small histories, `random` large ones, `matrix` every kind of a name that was used twice.
//! `examples` tell one story each; `names` is about names that applications hold, `waiting` about events that come early,
//! `sessions` and `hostile` about what is said in sessions.

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
