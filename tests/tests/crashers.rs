//! Runs the files of `crashers` on the component in wasmtime. Each call must return the verdict in
//! `verdicts.txt`, and a call that fails must change nothing. The native engine
//! (`component/engine/tests/bytes`) and the JavaScript host run them, too.

use converge_tests::host_rs::HostRs;
use converge_tests::{Document, Host, Refusal};
use std::fs;
use std::path::Path;

#[test]
fn every_call_returns_its_verdict() {
    run(&HostRs::default());
}

fn run(host: &impl Host) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crashers");
    let read = |name: &str| fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let text = String::from_utf8(read("verdicts.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (mut wrong, mut count) = (Vec::new(), 0);
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[file, call, into, expected] = words.as_slice() else { panic!("{line:?} is not four words") };
        let bytes = read(file);
        let mut doc = if into == "-" { host.create("nobody") } else { host.load("nobody", &read(into)) }.unwrap();
        let before = state(&mut doc);
        let result = match call {
            "load" => host.load("nobody", &bytes).map(drop),
            "merge-update" => doc.merge_update(&bytes).map(drop),
            "rebase" => doc.rebase(&bytes).map(drop),
            _ => panic!("{line:?} contains an unknown call"),
        };
        if verdict(&result) != expected {
            wrong.push(format!("{line}: the host returns {result:?}"));
        }
        assert!(result.is_ok() || state(&mut doc) == before, "{line}: a failed call changed the document");
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 200, "only {count} verdicts were read");
}

fn state<D: Document>(doc: &mut D) -> impl PartialEq + use<D> {
    (doc.digest(), doc.heads(), doc.version(), doc.save())
}

fn verdict(result: &Result<(), Refusal>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(Refusal::InvalidArgument(_)) => "invalid-argument",
        Err(Refusal::LimitExceeded { .. }) => "limit-exceeded",
        Err(Refusal::NoSuchRow(..)) => "no-such-row",
        Err(Refusal::Corrupt(_)) => "corrupt",
        Err(Refusal::UnsupportedVersion(_)) => "unsupported-version",
        Err(Refusal::UnsupportedFeature(_)) => "unsupported-feature",
        Err(Refusal::Compacted(_)) => "compacted",
        Err(Refusal::Protocol(_)) => "protocol",
        Err(Refusal::SessionEnded) => "session-ended",
        Err(Refusal::Other(_)) => "other",
    }
}
