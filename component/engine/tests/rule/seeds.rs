//! Random numbers from a seed, and the loop over seeds that every random test runs.
//!
//! `CONVERGE_SEEDS` is the number of seeds of each test, `CONVERGE_FIRST_SEED` the first of them.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};
use std::thread;

/// The result of a check: a value, or the reason why the check failed.
pub(crate) type Checked<T = ()> = Result<T, String>;

/// Splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `end`, which must not be 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Returns true in `of` cases out of `out_of`.
    pub(crate) fn chance(&mut self, of: usize, out_of: usize) -> bool {
        self.below(out_of) < of
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }

    /// Returns a sample of about `of` out of `out_of` of these items, in order.
    pub(crate) fn sample<T: Clone>(&mut self, items: &[T], of: usize, out_of: usize) -> Vec<T> {
        items.iter().filter(|_| self.chance(of, out_of)).cloned().collect()
    }
}

/// Runs `test` for each seed, and fails with the first failing seed and its error.
pub(crate) fn for_each_seed(usual: u64, test: impl Fn(u64) -> Checked + Sync) {
    let first = variable("CONVERGE_FIRST_SEED").unwrap_or(0);
    let end = first.saturating_add(variable("CONVERGE_SEEDS").unwrap_or(usual));
    if let Some((seed, why)) = first_failure(first..end, test) {
        panic!("seed {seed} (CONVERGE_FIRST_SEED={seed} CONVERGE_SEEDS=1): {why}");
    }
}

/// Runs `test` for each number, on all processors, and returns the smallest number that fails, with
/// its error.
pub(crate) fn first_failure(numbers: Range<u64>, test: impl Fn(u64) -> Checked + Sync) -> Option<(u64, String)> {
    let next = AtomicU64::new(numbers.start);
    let failure = Mutex::new(None::<(u64, String)>);
    let least = || failure.lock().expect("no panic while it is held");
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            // Numbers are handed out in increasing order, so when one fails, every smaller one has
            // at least started.
            if number >= numbers.end || least().is_some() {
                return;
            }
            if let Err(why) = caught(|| test(number)) {
                let mut least = least();
                if least.as_ref().is_none_or(|(other, _)| number < *other) {
                    *least = Some((number, why));
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    least().take()
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text:?} is not a number")))
}

/// Returns the result of `test`. A panic, which is a defect of the engine, becomes an error like
/// any other. The panic is not printed, because shrinking causes the same one many times.
pub(crate) fn caught<T>(test: impl FnOnce() -> Checked<T>) -> Checked<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| if CATCHING.get() { SAID.set(panic.to_string()) } else { usual(panic) }));
    });
    let outer = CATCHING.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(test));
    CATCHING.set(outer);
    result.unwrap_or_else(|_| Err(SAID.take()))
}

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Fails with a description and both values if they differ.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(what: &str, engine: &T, expected: &T) -> Checked {
    if engine == expected {
        return Ok(());
    }
    Err(format!("{what}:\n  the engine has {engine:?}\n  expected       {expected:?}"))
}

/// Fails with a formatted message if a condition does not hold.
macro_rules! ensure {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err(format!($($words)+));
        }
    };
}
pub(crate) use ensure;
