//! Sessions over simulated links: replicas that write, talk, are cut off and come back, at random and by design; and sides
//! that are given what nobody honest sends.
//!
//! `net` is replicas and links between them; `random` lets everything happen in any order; `relay`, `pages`, `horizon` and
//! `presence` tell one story each; `hostile` is about messages that no session made.

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
