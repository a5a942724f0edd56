//! Measures the memory of replicas. A separate program, because counting slows down every
//! allocation.

use converge_benches::works::Size;
use converge_benches::works::memory::{self, Meter};
use peak_alloc::PeakAlloc;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

struct Allocated;

impl Meter for Allocated {
    fn now(&self) -> usize {
        ALLOCATOR.current_usage()
    }

    fn peak(&self) -> usize {
        ALLOCATOR.peak_usage()
    }

    fn reset_peak(&self) {
        ALLOCATOR.reset_peak_usage();
    }
}

/// Takes the arguments of the other program's `case`: library, work, size.
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [_, library, work, size] = &arguments[..] else { return ExitCode::FAILURE };
    let figures = memory::run(work, library, Size::named(size), &Allocated);
    match figures.and_then(|figures| Ok(serde_json::to_string(&figures)?)) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
