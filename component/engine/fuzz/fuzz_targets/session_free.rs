//! Makes a sequence of calls on one document, some of them with hostile bytes. The document must
//! stay valid.
//!
//! The input is a list of steps. A step is a byte that selects the call, a length, and that many
//! bytes. Bytes for a call are valid ones with patches: one byte selects the valid bytes, and three
//! bytes for each patch contain its offset and the new byte.

#![no_main]

#[allow(dead_code)]
#[path = "../../tests/bytes/allowance.rs"]
mod allowance;
#[allow(dead_code)]
#[path = "../../tests/bytes/attempt.rs"]
mod attempt;
#[allow(dead_code)]
#[path = "../../tests/bytes/bases.rs"]
mod bases;
#[allow(dead_code)]
#[path = "../../tests/bytes/frame.rs"]
mod frame;

use attempt::check_valid;
use converge_engine::{Cell, Doc};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static BASES: Vec<Vec<u8>> = bases::bases().expect("valid").into_iter().map(|base| base.bytes).collect();
}

/// The maximum number of steps. More steps find nothing that fewer do not find sooner.
const MAX_STEPS: usize = 16;

fuzz_target!(|input: &[u8]| {
    let mut doc = Doc::create("ann").expect("a valid name");
    let mut rest = input;
    for _ in 0..MAX_STEPS {
        let Some(&[which, length]) = rest.split_off(..2).and_then(|head| head.first_chunk()) else { break };
        let length = usize::from(length).min(rest.len());
        let part = rest.split_off(..length).expect("the length was checked");
        step(&mut doc, which, part);
        doc.dbg_check();
    }
    check_valid(&mut doc, false);
});

/// Makes one call. It may fail with any error as long as the document stays valid.
fn step(doc: &mut Doc, which: u8, part: &[u8]) {
    let name = |place: usize| format!("{}", part.get(place).copied().unwrap_or(0) % 4);
    match which % 8 {
        0 | 1 => drop(doc.merge_update(&patched(part))),
        2 => drop(doc.rebase(&patched(part))),
        3 => {
            if let Ok(loaded) = Doc::load("ann", &patched(part)) {
                *doc = loaded;
            }
        }
        4 => drop(doc.insert("people", &name(0), vec![Cell::new(name(1), i64::from(which))])),
        5 => drop(doc.delete("people", &name(0))),
        6 => {
            let mut horizon = doc.version();
            for (at, less) in horizon.iter_mut().zip(part) {
                at.count = at.count.saturating_sub((*less).into());
            }
            let _ = doc.compact(&[Doc::summary_of(&horizon).expect("a version names each peer once")]);
        }
        _ => {
            let saved = doc.save();
            *doc = Doc::load(&format!("p{}", name(0)), &saved).expect("saved bytes can be loaded");
        }
    }
}

fn patched(part: &[u8]) -> Vec<u8> {
    let Some((&which, patches)) = part.split_first() else { return Vec::new() };
    let mut bytes = BASES.with(|bases| bases[usize::from(which) % bases.len()].clone());
    for patch in patches.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([patch[0], patch[1]]));
        if let Some(byte) = bytes.get_mut(place) {
            *byte = patch[2];
        }
    }
    frame::resealed(&bytes)
}
