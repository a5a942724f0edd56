//! Loads the input: as it is, and with a correct checksum.

#![no_main]

#[allow(dead_code)]
#[path = "../../tests/bytes/allowance.rs"]
mod allowance;
#[allow(dead_code)]
#[path = "../../tests/bytes/attempt.rs"]
mod attempt;
#[allow(dead_code)]
#[path = "../../tests/bytes/frame.rs"]
mod frame;

use attempt::{Call, Victim};
use converge_engine::Doc;
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

thread_local! {
    static VICTIM: RefCell<Victim> = RefCell::new(victim());
}

fn victim() -> Victim {
    let saved = Doc::create("nobody").expect("a valid name").save();
    Victim::new("nobody", &saved).expect("a valid document")
}

fuzz_target!(|bytes: &[u8]| {
    VICTIM.with_borrow_mut(|victim| {
        for bytes in [bytes, &frame::resealed(bytes)] {
            let _ = victim.attempt(Call::Load, bytes, |run| run());
        }
    });
});
