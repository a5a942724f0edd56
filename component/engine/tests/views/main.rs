//! Views of texts, anchors, and what undoes events: random editors against naive models.

mod anchors;
mod random;
mod runs;
#[path = "../rule/seeds.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod seeds;
mod undo;
