//! Runs each work of each library in its own process, in an order that a seed shuffles.

use crate::libraries::Result;
use crate::results::{Figure, Results};
use crate::works::{LIBRARIES, SIDES, Work};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The time limit of a process. A work that takes longer is left out and not tried again.
const MAX_TIME: Duration = Duration::from_secs(150);

/// The work of servers, which runs several loads one after the other, and its time limit.
const SERVER: &str = "server";
const MAX_SERVER_TIME: Duration = Duration::from_secs(400);

/// The work of clients in a browser.
const CLIENT: &str = "client";

/// A work without timings. Its result is the same in every round, so it runs once.
const EXACT: &str = "fill";

pub struct Options {
    pub works: Vec<&'static Work>,
    pub is_small: bool,
    pub rounds: usize,
    pub seed: u64,
    pub out: PathBuf,
    /// The command line.
    pub arguments: String,
}

/// Runs all works. Calls `keep` with the results so far after each case, so that an interrupted run
/// leaves results.
pub fn run(options: &Options, keep: impl Fn(&Results) -> Result<()>) -> Result<Results> {
    let empty = Results {
        machine: machine(),
        versions: versions()?,
        command: format!("just bench {}", options.arguments).trim_end().to_owned(),
        date: stdout(Command::new("date").args(["-u", "+%F"])).unwrap_or_default(),
        rounds: options.rounds,
        seed: options.seed,
        ..Results::default()
    };
    let mut random = StdRng::seed_from_u64(options.seed);
    let cases: Vec<(&str, &str)> =
        options.works.iter().flat_map(|work| work.measured().map(|library| (work.name, library))).collect();
    let exact = cases.iter().filter(|&&(work, _)| work == EXACT).count();
    let count = cases.len() * options.rounds - exact * (options.rounds - 1);
    eprintln!("{count} cases, order of seed {}", options.seed);
    let (mut results, mut done) = (empty.clone(), 0);
    let (mut measured, mut left_out) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let mut shuffled = cases.clone();
        shuffled.retain(|&(work, _)| round == 0 || work != EXACT);
        shuffled.shuffle(&mut random);
        for case @ (work, library) in shuffled {
            done += 1;
            if left_out.contains(&case) {
                continue;
            }
            let start = Instant::now();
            let figures = measure(case, options.is_small).map_err(|error| format!("{work}, {library}: {error}"))?;
            let seconds = start.elapsed().as_secs_f64();
            eprintln!("{done:>4} of {count}: {work}, {library}: {seconds:.1} s");
            match figures {
                Some(figures) => measured.push((case, figures)),
                None => left_out.push(case),
            }
            // Sort by work and library, because tables do not show the order of a run.
            measured.sort_by_key(|(case, _)| cases.iter().position(|known| known == case));
            results = empty.clone();
            measured.iter().for_each(|((work, library), figures)| results.add(work, library, figures.clone()));
            keep(&results)?;
        }
    }
    Ok(results)
}

/// Runs a case in its own process. Returns `None` if it exceeds the time limit.
fn measure((work, library): (&str, &str), is_small: bool) -> Result<Option<Vec<Figure>>> {
    let size = if is_small { "small" } else { "full" };
    let is_in_node = LIBRARIES[SIDES[0]..SIDES[1]].contains(&library);
    let node = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
    let mut command = if work == SERVER || work == CLIENT {
        let mut command = Command::new("node");
        command.arg(node.join(work).join("run.js"));
        command
    } else if is_in_node {
        let mut command = Command::new("node");
        command.arg("--expose-gc").arg(node.join("case.js"));
        command
    } else {
        let this = std::env::current_exe()?;
        let mut command =
            Command::new(if work.ends_with("memory") { this.with_file_name("converge-benches-memory") } else { this });
        command.arg("case");
        command
    };
    let mut child = command.args([library, work, size]).stdout(Stdio::piped()).spawn()?;
    let max_time = if work == SERVER { MAX_SERVER_TIME } else { MAX_TIME };
    // The output is one line, which fits into the buffer of a pipe.
    let start = Instant::now();
    while child.try_wait()?.is_none() {
        if start.elapsed() > max_time {
            child.kill()?;
            child.wait()?;
            eprintln!("     {work}, {library}: left out: it takes more than {} s", max_time.as_secs());
            return Ok(None);
        }
        sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(output.status.to_string().into());
    }
    Ok(Some(serde_json::from_slice(&output.stdout)?))
}

fn stdout(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
}

fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let system = stdout(Command::new("uname").arg("-sr")).unwrap_or_else(|| std::env::consts::OS.to_owned());
    format!("{}, {cores} cores, {system}", model.unwrap_or(std::env::consts::ARCH))
}

/// Returns the versions of the libraries, from the two lockfiles, and of the compilers.
fn versions() -> Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut versions = Vec::new();
    versions.extend(stdout(Command::new("rustc").arg("--version")));
    versions.extend(stdout(Command::new("node").arg("--version")).map(|version| format!("node {version}")));
    let lock = fs::read_to_string(folder.join("../Cargo.lock"))?;
    for name in ["wasmtime", "loro", "yrs", "automerge", "diamond-types"] {
        let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("\nname = \"{name}\"\n")));
        let version = entry.and_then(|entry| entry.split("version = \"").nth(1)?.split('"').next());
        versions.push(format!("{name} {}", version.ok_or("Cargo.lock has no version of a library")?));
    }
    let lock: serde_json::Value = serde_json::from_str(&fs::read_to_string(folder.join("../package-lock.json"))?)?;
    for name in [
        "yjs",
        "loro-crdt",
        "@automerge/automerge",
        "diamond-types-node",
        "@hocuspocus/server",
        "@y/websocket-server",
        "y-websocket",
        "y-indexeddb",
    ] {
        let version = lock["packages"][format!("node_modules/{name}")]["version"].as_str();
        versions.push(format!("{name} {}", version.ok_or("package-lock.json has no version of a library")?));
    }
    Ok(versions)
}
