//! Update readers in cases: their calls, in the notation of `conformance/README.md`.

use crate::form::Bytes;
use serde::Deserialize;

type Nothing = [(); 0];

/// A function of an update reader, or the call that drops one, with its argument.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "conformance/README.md documents them")]
pub enum ReaderCall {
    Open(Bytes),
    Next(u32),
    Drop(Nothing),
}
