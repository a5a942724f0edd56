//! Runs cases on all cores.

use super::{Outcome, run};
use crate::case::Case;
use crate::host::Host;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Runs all cases. Returns the outcome of each, in their order.
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
                    outcomes.lock().expect("no thread panics while it holds the lock").insert(place, outcome);
                }
            });
        }
    });
    outcomes.into_inner().expect("no thread panics while it holds the lock").into_values().collect()
}
