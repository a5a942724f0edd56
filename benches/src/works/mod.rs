//! What is measured. A work runs in a process of its own, for one library.

mod composition;
mod growth;
pub mod live;
pub mod memory;
mod rows;
mod start;

#[cfg(feature = "peers")]
use crate::libraries::{Automerge, Loro, LoroPresence, Yrs};
use crate::libraries::{Native, Result, Wasmtime};
use crate::results::Figure;

/// How much work is done.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub rows: usize,
    pub updated_rows: usize,
    pub updates: usize,
    /// The numbers of rows that costs are compared for.
    pub scale: &'static [usize],
    /// The numbers of events that costs are compared for.
    pub histories: &'static [usize],
    /// The sizes of the memories that are filled.
    pub memories: &'static [usize],
    pub sets: usize,
    pub peers: usize,
    pub rounds: usize,
    /// Events of which one is missing.
    pub events: usize,
}

impl Size {
    /// The size of this name: `full` or `small`.
    pub fn named(name: &str) -> Self {
        if name == "small" { Self::small() } else { Self::full() }
    }

    pub fn full() -> Self {
        Self {
            rows: 100_000,
            updated_rows: 1_000,
            updates: 200_000,
            scale: &[50_000, 100_000, 200_000, 400_000, 800_000],
            histories: &[200_000, 1_000_000, 5_000_000],
            memories: &[1 << 30, 4 << 30],
            sets: 10_000,
            peers: 100,
            rounds: 300,
            events: 1_000_000,
        }
    }

    /// For a smoke run.
    pub fn small() -> Self {
        Self {
            rows: 1_000,
            updated_rows: 100,
            updates: 2_000,
            scale: &[500, 1_000],
            histories: &[500, 1_000],
            memories: &[16 << 20],
            sets: 1_000,
            peers: 10,
            rounds: 10,
            events: 2_000,
        }
    }
}

/// The libraries of Rust, then those in Node, as tables name them.
pub const LIBRARIES: [&str; 9] = [
    "converge",
    "converge in wasmtime",
    "loro",
    "yrs",
    "automerge",
    "converge in Node",
    "yjs",
    "loro-crdt",
    "automerge in Node",
];

const TABLES: &[&str] = &LIBRARIES;
/// Without one that would take minutes for it.
const ALL_BUT_ONE: &[&str] =
    &["converge", "converge in wasmtime", "loro", "yrs", "automerge", "converge in Node", "yjs", "loro-crdt"];
/// Without those that would take minutes for it.
const FASTER: &[&str] = &["converge", "converge in wasmtime", "loro", "yrs", "converge in Node", "yjs", "loro-crdt"];
const CONVERGE: &[&str] = &["converge", "converge in wasmtime", "converge in Node"];
/// Those that have registers of this kind.
const PRESENCE: &[&str] = &["converge", "converge in wasmtime", "loro", "converge in Node", "loro-crdt"];

/// A work: its name, what it is, who does it.
pub struct Work {
    pub name: &'static str,
    pub about: &'static str,
    pub libraries: &'static [&'static str],
}

impl Work {
    /// Returns the libraries to measure: without the feature `peers`, converge alone.
    pub fn measured(&self) -> impl Iterator<Item = &'static str> {
        self.libraries.iter().copied().filter(|library| cfg!(feature = "peers") || library.starts_with("converge"))
    }
}

pub const WORKS: [Work; 15] = [
    Work { name: "insert", about: "rows of three cells, by one peer", libraries: TABLES },
    Work { name: "update", about: "one integer cell of a row, round robin", libraries: TABLES },
    Work {
        name: "concurrent",
        about: "two replicas update the same cells apart, then exchange what they did",
        libraries: ALL_BUT_ONE,
    },
    Work { name: "saved", about: "bytes of `insert`: written; read, and every row read; one row", libraries: TABLES },
    Work { name: "saved-updates", about: "the same of `update`", libraries: ALL_BUT_ONE },
    Work { name: "history", about: "the histories of real repositories", libraries: CONVERGE },
    Work { name: "catch-up", about: "one event that is missing", libraries: FASTER },
    Work { name: "memory", about: "what a replica holds", libraries: ALL_BUT_ONE },
    Work { name: "scale", about: "insert and read, by rows", libraries: FASTER },
    Work {
        name: "events",
        about: "updates, a transaction each, by events before them; and loading all of them",
        libraries: &["converge", "converge in wasmtime"],
    },
    Work { name: "frames", about: "the longest calls", libraries: CONVERGE },
    Work { name: "fill", about: "rows until the memory is full", libraries: &["converge in wasmtime"] },
    Work { name: "presence", about: "registers that change many times a second", libraries: PRESENCE },
    Work {
        name: "composition",
        about: "rows of four cells through what stands around the engine",
        libraries: &["converge in wasmtime", "converge in Node"],
    },
    Work {
        name: "start",
        about: "from nothing to an instance",
        libraries: &["converge in wasmtime", "converge in Node", "loro-crdt", "automerge in Node"],
    },
];

/// Does a work with a library of Rust.
pub fn run(work: &str, library: &str, size: Size) -> Result<Vec<Figure>> {
    match library {
        "converge" => run_side::<Native>(work, library, size),
        "converge in wasmtime" => run_side::<Wasmtime>(work, library, size),
        #[cfg(feature = "peers")]
        "loro" if work == "presence" => live::presence::<LoroPresence>(size),
        #[cfg(feature = "peers")]
        "loro" => rows::run::<Loro>(work, size),
        #[cfg(feature = "peers")]
        "yrs" => rows::run::<Yrs>(work, size),
        #[cfg(feature = "peers")]
        "automerge" => rows::run::<Automerge>(work, size),
        other => Err(format!("there is no library {other}").into()),
    }
}

fn run_side<S: live::Side>(work: &str, library: &str, size: Size) -> Result<Vec<Figure>> {
    match work {
        "presence" => live::presence::<S>(size),
        "history" => live::histories::<S>(),
        "events" => growth::events::<S>(size),
        "frames" => growth::frames(library, size),
        "fill" => growth::fill(size),
        "composition" => composition::run(size),
        "start" => start::run(),
        _ => rows::run::<S>(work, size),
    }
}
