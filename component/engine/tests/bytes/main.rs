//! Hostile bytes. Whatever the bytes, a document accepts valid ones, or rejects them and is
//! unchanged. No call panics, and none allocates more than a small multiple of its input.
//!
//! `attempt` is the check, which the fuzz targets in `component/engine/fuzz` share, and `allowance`
//! the memory that a call may allocate. `bases` makes valid bytes; `frame` splits and joins them,
//! with a correct checksum; `by_hand` and `edits_by_hand` write bytes that no engine would write;
//! `mutate` changes valid ones. `hostile` runs all of these, `expand` bytes that expand to much
//! more, and `crashers` the files of `tests/crashers`, most of which `make` and `make_edits` make.

mod allowance;
mod attempt;
mod bases;
mod by_hand;
mod crashers;
mod edits_by_hand;
mod expand;
mod frame;
mod hostile;
mod make;
mod make_edits;
mod mutate;
#[path = "../rule/seeds.rs"]
mod seeds;
