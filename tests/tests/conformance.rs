//! Runs all cases on the Rust hosts, whose transcripts must be equal.

use converge_tests::Host;
use converge_tests::case::{Case, read_all};
use converge_tests::host_rs::{HostRs, Native};
use converge_tests::run::run_all;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const TESTS: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn every_rust_host_runs_every_case() {
    let folder = Path::new(TESTS).join("conformance");
    let cases = read_all(&folder).unwrap_or_else(|failure| panic!("{failure}"));
    let (native, host_rs) = match (transcript(&Native, &cases), transcript(&HostRs::default(), &cases)) {
        (Ok(native), Ok(host_rs)) => (native, host_rs),
        (native, host_rs) => panic!("\n{}{}", native.err().unwrap_or_default(), host_rs.err().unwrap_or_default()),
    };
    for (native, host_rs) in native.lines().zip(host_rs.lines()) {
        assert_eq!(native, host_rs, "native and host-rs differ");
    }
    assert_eq!(native, host_rs);

    // The last line is the summary.
    let steps = native.lines().rev().skip(1);
    let run: BTreeSet<&str> = steps.filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(run.len(), count_files(&folder), "not all files were run");
}

/// Runs all cases on a host, and writes the transcript to the folder for all hosts.
fn transcript<H: Host + Sync>(host: &H, cases: &[Case]) -> Result<String, String> {
    let transcript = run_all(host, cases)?;
    let folder = Path::new(TESTS).join("../target/conformance");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{}.txt", H::NAME)), &transcript).unwrap();
    Ok(transcript)
}

fn count_files(folder: &Path) -> usize {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let count = |path: PathBuf| match path.extension() {
        Some(extension) => usize::from(extension == "json"),
        None => count_files(&path),
    };
    paths.map(count).sum()
}
