//! The ephemeral store: random schedules against a naive model, and hostile bytes.

mod hostile;
mod model;
mod random;
#[path = "../rule/seeds.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod seeds;
