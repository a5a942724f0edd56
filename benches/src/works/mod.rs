//! The works that are measured. A work runs in its own process, for one library.

mod composition;
mod growth;
pub mod live;
pub mod memory;
mod rows;
mod start;
mod text;

#[cfg(feature = "peers")]
use crate::libraries::text::{AutomergeText, DiamondText, LoroText, YrsText};
#[cfg(feature = "peers")]
use crate::libraries::{Automerge, Loro, LoroPresence, Yrs};
use crate::libraries::{Native, Result, Wasmtime, text::NativeText, text::WasmtimeText};
use crate::results::Figure;

/// The amount of work.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub rows: usize,
    pub updated_rows: usize,
    pub updates: usize,
    /// The numbers of rows at which costs are compared.
    pub scale: &'static [usize],
    /// The numbers of events at which costs are compared.
    pub histories: &'static [usize],
    /// The sizes of the memories to fill, in bytes.
    pub memories: &'static [usize],
    pub sets: usize,
    pub peers: usize,
    pub rounds: usize,
    /// The number of events, of which one is missing.
    pub events: usize,
    /// Whether texts of all traces are typed, and those of several authors to their end.
    pub has_all_traces: bool,
    /// The lines that each of two peers inserts at one place.
    pub lines: usize,
    /// The peers that insert at one place.
    pub crowd: usize,
}

impl Size {
    /// Returns the size named `full` or `small`.
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
            has_all_traces: true,
            lines: 10_000,
            crowd: 4_000,
        }
    }

    /// The size of a smoke test.
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
            has_all_traces: false,
            lines: 200,
            crowd: 50,
        }
    }
}

/// The names of the Rust libraries, followed by those in Node, the servers and the clients in
/// browsers, as in the tables.
pub const LIBRARIES: [&str; 16] = [
    "converge",
    "converge in wasmtime",
    "loro",
    "yrs",
    "automerge",
    "diamond-types",
    "converge in Node",
    "yjs",
    "loro-crdt",
    "automerge in Node",
    "diamond-types-node",
    "converge serve",
    "hocuspocus",
    "y-websocket",
    "converge client",
    "y-websocket client",
];

/// Where the libraries in Node, the servers and the clients begin in [`LIBRARIES`].
pub const SIDES: [usize; 3] = [6, 11, 14];

/// The libraries with texts.
const WITH_TEXTS: &[&str] = LIBRARIES.split_at(SIDES[1]).0;
/// The servers.
const SERVERS: &[&str] = LIBRARIES.split_at(SIDES[2]).0.split_at(SIDES[1]).1;
/// The clients.
const CLIENTS: &[&str] = LIBRARIES.split_at(SIDES[2]).1;
/// The libraries with rows.
const WITH_ROWS: &[&str] = &[
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
/// The libraries with rows except one that would take minutes.
const ALL_BUT_ONE: &[&str] =
    &["converge", "converge in wasmtime", "loro", "yrs", "automerge", "converge in Node", "yjs", "loro-crdt"];
/// The libraries with rows that do not take minutes.
const FASTER: &[&str] = &["converge", "converge in wasmtime", "loro", "yrs", "converge in Node", "yjs", "loro-crdt"];
const CONVERGE: &[&str] = &["converge", "converge in wasmtime", "converge in Node"];
/// The libraries with registers for presence.
const PRESENCE: &[&str] = &["converge", "converge in wasmtime", "loro", "converge in Node", "loro-crdt"];

/// The works on one text, except that on memory.
const TEXTS: [&str; 4] = ["text", "text-concurrent", "text-prepend", "text-crowd"];

/// A work, with the libraries that are measured.
pub struct Work {
    pub name: &'static str,
    pub about: &'static str,
    pub libraries: &'static [&'static str],
}

impl Work {
    /// Returns the libraries to measure; without the feature `peers`, only converge.
    pub fn measured(&self) -> impl Iterator<Item = &'static str> {
        self.libraries.iter().copied().filter(|library| cfg!(feature = "peers") || library.starts_with("converge"))
    }
}

pub const WORKS: [Work; 22] = [
    Work { name: "insert", about: "rows of three cells, by one peer", libraries: WITH_ROWS },
    Work { name: "update", about: "one integer cell of a row, round robin", libraries: WITH_ROWS },
    Work {
        name: "concurrent",
        about: "two replicas update the same cells concurrently, then exchange the updates",
        libraries: ALL_BUT_ONE,
    },
    Work { name: "saved", about: "the document of `insert`, saved, loaded and read", libraries: WITH_ROWS },
    Work { name: "saved-updates", about: "the document of `update`, saved, loaded and read", libraries: ALL_BUT_ONE },
    Work { name: "history", about: "real histories, merged and synchronized", libraries: CONVERGE },
    Work { name: "catch-up", about: "synchronizing one missing event", libraries: FASTER },
    Work { name: "memory", about: "the memory that a replica uses", libraries: ALL_BUT_ONE },
    Work { name: "scale", about: "inserts and reads, by number of rows", libraries: FASTER },
    Work {
        name: "events",
        about: "updates in long histories, one per transaction, and loading them",
        libraries: &["converge", "converge in wasmtime"],
    },
    Work { name: "frames", about: "the longest calls", libraries: CONVERGE },
    Work { name: "fill", about: "inserts until the memory is full", libraries: &["converge in wasmtime"] },
    Work { name: "presence", about: "registers that change many times a second", libraries: PRESENCE },
    Work { name: "text", about: "published texts of one author, typed, exchanged and saved", libraries: WITH_TEXTS },
    Work {
        name: "text-concurrent",
        about: "published texts of several authors, exchanged and saved",
        // automerge takes minutes.
        libraries: &[
            "converge",
            "converge in wasmtime",
            "loro",
            "yrs",
            "diamond-types",
            "converge in Node",
            "yjs",
            "loro-crdt",
            "diamond-types-node",
        ],
    },
    Work { name: "text-prepend", about: "two peers insert lines at the start of a text", libraries: WITH_TEXTS },
    Work {
        name: "text-crowd",
        about: "many peers insert a word at the start of a text",
        // loro and diamond-types take minutes.
        libraries: &[
            "converge",
            "converge in wasmtime",
            "yrs",
            "automerge",
            "converge in Node",
            "yjs",
            "automerge in Node",
        ],
    },
    Work { name: "text-memory", about: "the memory of a replica with a text", libraries: WITH_TEXTS },
    Work {
        name: "composition",
        about: "rows of four cells, through components around the engine",
        libraries: &["converge in wasmtime", "converge in Node"],
    },
    Work {
        name: "start",
        about: "compiling and instantiating WebAssembly",
        libraries: &["converge in wasmtime", "converge in Node", "loro-crdt", "automerge in Node"],
    },
    Work { name: "server", about: "clients of a server, on one machine", libraries: SERVERS },
    Work { name: "client", about: "clients in Chromium, with a server on the same machine", libraries: CLIENTS },
];

/// Runs a work with a Rust library.
pub fn run(work: &str, library: &str, size: Size) -> Result<Vec<Figure>> {
    if TEXTS.contains(&work) {
        return match library {
            "converge" => text::run::<NativeText>(work, size, true),
            "converge in wasmtime" => text::run::<WasmtimeText>(work, size, true),
            #[cfg(feature = "peers")]
            "loro" => text::run::<LoroText>(work, size, false),
            #[cfg(feature = "peers")]
            "yrs" => text::run::<YrsText>(work, size, false),
            #[cfg(feature = "peers")]
            "automerge" => text::run::<AutomergeText>(work, size, false),
            #[cfg(feature = "peers")]
            "diamond-types" => text::run::<DiamondText>(work, size, true),
            other => Err(format!("unknown library {other}").into()),
        };
    }
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
        other => Err(format!("unknown library {other}").into()),
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
