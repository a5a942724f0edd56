//! Hostile bytes: whatever comes, a document takes it validly or refuses it and is as it was; never a panic, and never
//! more memory than a small factor of what came.
//!
//! `attempt` is the check, which the fuzz targets in `component/engine/fuzz` share; `bases` what is valid, to begin with;
//! `frame` takes bytes apart and puts them together, with a checksum that is right; `by_hand` writes what nobody would, and
//! `mutate` makes others of what is valid. `hostile` runs all of that, `expand` what stands for much more than it is, and
//! `crashers` the files of `tests/crashers`, most of which `make` makes.

mod attempt;
mod bases;
mod by_hand;
mod crashers;
mod expand;
mod frame;
mod hostile;
mod make;
mod mutate;
#[path = "../rule/seeds.rs"]
mod seeds;
