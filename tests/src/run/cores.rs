//! Runs cases on every core.

use super::{Outcome, run};
use crate::case::Case;
use crate::host::Host;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Returns the results of each case.
pub(super) fn outcomes<H: Host + Sync>(host: &H, cases: &[Case]) -> Vec<Result<Outcome, String>> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(BTreeMap::new());
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(place) else { return };
                    let outcome = run(host, case);
                    outcomes.lock().expect("no panic while it is held").insert(place, outcome);
                }
            });
        }
    });
    outcomes.into_inner().expect("no panic while it is held").into_values().collect()
}
