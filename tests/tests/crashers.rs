//! Runs the files of `crashers` on the component in wasmtime. Each call must return the verdict in
//! `verdicts.txt`, and a call that fails must change nothing. The native engine
//! (`component/engine/tests/bytes`) and the JavaScript host run them, too.

use converge::Error;
use converge_tests::host_rs::HostRs;
use converge_tests::{Document, Host};
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

fn verdict(result: &Result<(), Error>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(Error::InvalidArgument(_)) => "invalid-argument",
        Err(Error::LimitExceeded { .. }) => "limit-exceeded",
        Err(Error::NoSuchRow { .. }) => "no-such-row",
        Err(Error::Corrupt(_)) => "corrupt",
        Err(Error::UnsupportedVersion(_)) => "unsupported-version",
        Err(Error::UnsupportedFeature(_)) => "unsupported-feature",
        Err(Error::Compacted(_)) => "compacted",
        Err(Error::Protocol(_)) => "protocol",
        Err(Error::SessionEnded) => "session-ended",
        Err(_) => "other",
    }
}
