//! Published editing histories of texts, as the events of replicas.
//!
//! `history` reads the files. `replay` merges their events in many ways, all of which must result
//! in the published text and in the same saved bytes. `live` commits them on replicas of their
//! authors. `versions` checks older versions: forks, differences and compacted documents.
//! `sessions` exchanges them in messages.
//!
//! With `--nocapture`, the tests show what takes how long. `CONVERGE_SEEDS` is the number of random
//! orders of each history.

mod history;
mod live;
#[path = "../session/net.rs"]
#[allow(dead_code, reason = "the tests of sessions use the rest")]
mod net;
mod replay;
#[path = "../rule/seeds.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod seeds;
mod sessions;
mod versions;
