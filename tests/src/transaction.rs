//! Transactions in cases: their calls, in the notation of `conformance/README.md`.

use crate::form::{Cells, Integer, Options};
use serde::Deserialize;

type Nothing = [(); 0];

/// A function of a transaction, or the call that drops one, with its argument.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "conformance/README.md documents them")]
pub enum TransactionCall {
    Get(String, String),
    Scan(String, Options),
    Insert(String, String, Cells),
    Update(String, String, Cells),
    Delete(String, String),
    Unset(String, String, Vec<String>),
    Splice(String, String, String, u32, u32, String),
    Add(String, String, String, Integer),
    Touched(Nothing),
    Drop(Nothing),
}
