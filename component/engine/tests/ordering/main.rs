//! Keys for ordered lists: the properties that `between` documents, for random and for all small
//! lists, with keys of its own and with keys that were written by hand.

mod growth;
mod hand_written;
mod hostile;
mod lists;
mod runs;
#[path = "../rule/seeds.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod seeds;
