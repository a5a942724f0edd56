//! Tests of `converge log`: all events, in the order of their execution.

use super::{document, folder, history, odd, run, stderr_of, stdout_of};
use converge::Error;

#[test]
fn log_prints_every_event_in_the_order_of_execution() -> Result<(), Error> {
    let folder = folder();
    let events = history("yjs.history.tsv.gz");
    document(&events).save_file(folder.path().join("doc"))?;
    let shown = stdout_of(folder.path(), &["log", "doc"]);
    let mut expected: Vec<(u32, String)> = events
        .iter()
        .map(|event| {
            let deps: Vec<_> = event.deps.iter().map(|dep| format!("{}:{}", dep.peer, dep.counter)).collect();
            let deps = if deps.is_empty() { "-".to_owned() } else { deps.join(",") };
            let lamport = event.lamport.unwrap_or_default();
            (lamport, format!("{}:{}  lamport {lamport}  on {deps}  ", event.peer, event.start))
        })
        .collect();
    // A stable order: equal lamport times by peer.
    expected.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    assert_eq!(shown.lines().count(), expected.len());
    for (line, (_, begins)) in shown.lines().zip(&expected) {
        assert!(line.starts_with(begins), "{line}, not {begins}");
    }

    let last: Vec<&str> = shown.lines().skip(expected.len() - 3).collect();
    assert_eq!(stdout_of(folder.path(), &["log", "doc", "--limit", "3"]).lines().collect::<Vec<_>>(), last);
    let of_peer = stdout_of(folder.path(), &["log", "doc", "--peer=p0216"]);
    let expected: Vec<&str> = shown.lines().filter(|line| line.starts_with("p0216:")).collect();
    assert!(!expected.is_empty());
    assert_eq!(of_peer.lines().collect::<Vec<_>>(), expected);
    let error = stderr_of(folder.path(), &["log", "doc", "--peer", "nobody"]);
    assert!(error.contains("there are no events of \"nobody\""), "{error}");
    Ok(())
}

#[test]
fn log_escapes_special_characters_and_starts_at_the_horizon() -> Result<(), Error> {
    let folder = folder();
    let doc = odd()?;
    doc.compact(&[doc.summary()?])?;
    doc.save_file(folder.path().join("doc"))?;
    assert_eq!(stdout_of(folder.path(), &["log", "doc"]), "");
    doc.commit(vec![])?;
    doc.delete("odd", "r\n1")?;
    doc.save_file(folder.path().join("doc"))?;
    let peer = "ann%2C%20%22the%22%20first";
    let expected =
        format!("{peer}:2  lamport 3  on {peer}:1  nothing\n{peer}:3  lamport 4  on {peer}:2  delete odd \"r\\n1\"\n");
    assert_eq!(stdout_of(folder.path(), &["log", "doc"]), expected);
    // The printed names are valid arguments.
    let heads = format!("{peer}:2");
    let (code, stdout, _) = run(folder.path(), &["diff", "doc", "--from", &heads]);
    assert_eq!((code, stdout.as_str()), (Some(1), "delete odd \"r\\n1\"\n"));
    Ok(())
}
