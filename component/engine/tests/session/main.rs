//! Sessions over simulated links. Replicas write, exchange messages, lose their links and
//! reconnect, at random and by design. Some sides receive messages that no honest peer sends.
//!
//! `net` contains replicas and the links between them. `random` mixes all steps in any order.
//! `relay`, `pages`, `horizon` and `presence` test one situation each. `hostile` tests messages
//! that no session wrote.

mod horizon;
mod hostile;
mod net;
mod pages;
mod presence;
mod random;
mod relay;
#[path = "../rule/seeds.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod seeds;
