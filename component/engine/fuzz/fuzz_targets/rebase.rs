//! Rebases documents onto the input: as it is, and with a correct checksum.

#![no_main]

#[path = "../victims.rs"]
mod victims;

use libfuzzer_sys::fuzz_target;
use victims::{Call, attempt_all};

fuzz_target!(|bytes: &[u8]| attempt_all(Call::Rebase, bytes));
