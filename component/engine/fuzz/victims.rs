//! Documents with no events, some events and all events. Calls on them get bytes as they are, and
//! with a correct checksum, so that they reach the decoder behind it.

#[allow(dead_code)]
#[path = "../tests/bytes/allowance.rs"]
mod allowance;
#[allow(dead_code)]
#[path = "../tests/bytes/attempt.rs"]
mod attempt;
#[allow(dead_code)]
#[path = "../tests/bytes/bases.rs"]
mod bases;
#[allow(dead_code)]
#[path = "../tests/bytes/frame.rs"]
mod frame;

pub(crate) use attempt::Call;
use attempt::Victim;
use std::cell::RefCell;

thread_local! {
    static VICTIMS: RefCell<Vec<Victim>> = RefCell::new(victims());
}

fn victims() -> Vec<Victim> {
    let readers = [bases::readers(), bases::text_readers()].into_iter().flat_map(|some| some.expect("valid documents"));
    readers.map(|reader| Victim::new(reader.peer, &reader.saved).expect("a valid document")).collect()
}

/// Passes the bytes to a call on each document.
pub(crate) fn attempt_all(call: Call, bytes: &[u8]) {
    VICTIMS.with_borrow_mut(|victims| {
        for bytes in [bytes, &frame::resealed(bytes)] {
            for victim in &mut *victims {
                let _ = victim.attempt(call, bytes, |run| run());
            }
        }
    });
}
