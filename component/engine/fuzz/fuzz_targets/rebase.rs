//! A replica rebases onto a saved document that may be hostile: as it is, and with its checksum made right.

#![no_main]

#[path = "../victims.rs"]
mod victims;

use libfuzzer_sys::fuzz_target;
use victims::{Call, attempt_all};

fuzz_target!(|bytes: &[u8]| attempt_all(Call::Rebase, bytes));
