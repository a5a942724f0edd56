//! An update that may be hostile comes to documents that know nothing, a part, and everything: as it is, and with its checksum made right.

#![no_main]

#[allow(dead_code)]
#[path = "../../tests/bytes/attempt.rs"]
mod attempt;
#[allow(dead_code)]
#[path = "../../tests/bytes/bases.rs"]
mod bases;
#[allow(dead_code)]
#[path = "../../tests/bytes/frame.rs"]
mod frame;

use attempt::{Call, Victim};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

thread_local! {
    static VICTIMS: RefCell<Vec<Victim>> = RefCell::new(victims());
}

fn victims() -> Vec<Victim> {
    let readers = bases::readers().expect("valid documents");
    readers.iter().map(|reader| Victim::new(reader.peer, &reader.saved).expect("a valid document")).collect()
}

fuzz_target!(|bytes: &[u8]| {
    VICTIMS.with_borrow_mut(|victims| {
        for bytes in [bytes, &frame::resealed(bytes)] {
            for victim in &mut *victims {
                let _ = victim.attempt(Call::MergeUpdate, bytes, |run| run());
            }
        }
    });
});
