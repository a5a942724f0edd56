//! Bounds of an instance: a call beyond one fails, its instance is gone, and others go on.

use converge::{Component, Doc, Error, Instance, InstanceOptions, RowOp, ScanOptions, Value};
use std::time::{Duration, Instant};

type Tested = Result<(), Error>;

fn small() -> InstanceOptions {
    InstanceOptions::default().memory_bytes(8 << 20)
}

/// An instance with its document, lost by a call whose argument its memory did not hold.
fn exhausted() -> Result<(Instance, Doc), Error> {
    let instance = Instance::new(small())?;
    let doc = instance.doc("ann")?;
    doc.insert("t", "0", [("x", 1)])?;
    let error = doc.insert("t", "1", [("x", vec![7_u8; 12 << 20])]);
    assert!(matches!(error, Err(Error::OutOfMemory)), "{error:?}");
    Ok((instance, doc))
}

/// Whether a call was refused because the memory does not hold what it would bring. It must not fail otherwise.
fn is_full<T>(result: &Result<T, Error>) -> bool {
    match result {
        Ok(_) => false,
        Err(Error::LimitExceeded { limit, .. }) if limit == "memory-bytes" => true,
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn what_would_not_fit_into_the_memory_is_refused_and_the_document_lives() -> Tested {
    for (memory_bytes, blob) in [(8 << 20, 0), (8 << 20, 3_000), (64 << 20, 0), (64 << 20, 100_000)] {
        let instance = Instance::new(InstanceOptions::default().memory_bytes(memory_bytes))?;
        let doc = instance.doc("ann")?;
        // No two alike: equal ones are kept once when they are read.
        let bytes = |row: u32| row.to_le_bytes().into_iter().cycle().take(blob).collect::<Vec<u8>>();
        let insert = |row: u32| doc.insert("t", &row.to_string(), [("x", bytes(row))]);
        let rows = (0..).find(|&row| is_full(&insert(row))).unwrap_or(0);
        let held = (rows as usize) * (blob + 100);
        assert!(held > memory_bytes / 4, "{rows} rows with blobs of {blob} bytes fill {memory_bytes} bytes");
        // Again and again it is the same, and nothing changes.
        let before = doc.digest()?;
        for row in rows..rows + 100 {
            assert!(is_full(&insert(row)), "{row}");
        }
        assert_eq!(doc.digest()?, before);
        // In small pages everything can be read.
        let (mut read, mut options) = (0, ScanOptions::default().limit(16));
        loop {
            let page = doc.scan("t", &options)?;
            read += page.rows.len();
            options.after = page.rows.last().map(|row| row.id.clone());
            if !page.more {
                break;
            }
        }
        assert_eq!(read, rows as usize);
        assert_eq!(doc.get("t", "0")?.map(|cells| cells.len()), Some(1));

        if blob > 0 {
            // What is mostly contents does not fit a second time.
            continue;
        }
        let saved = doc.save()?;
        let loaded = Doc::load("ben", &saved)?;
        assert_eq!(loaded.digest()?, before);
        // Where a document does not fit, reading it says so, and so does merging it; the instance goes on.
        let less = Instance::new(InstanceOptions::default().memory_bytes(memory_bytes / 2 + saved.len()))?;
        let other = less.doc("ben")?;
        other.insert("t", "0", [("x", 1)])?;
        assert!(is_full(&less.load("cid", &saved)) && is_full(&other.merge_update(&saved)));
        assert!(other.get("t", "0")?.is_some());
    }
    Ok(())
}

#[test]
fn beyond_its_memory_an_instance_is_gone_and_others_go_on() -> Tested {
    let other = Doc::create("ben")?;
    let (instance, doc) = exhausted()?;
    assert!(matches!(doc.get("t", "0"), Err(Error::Gone)));
    assert!(matches!(doc.insert("t", "r", [("x", 1)]), Err(Error::Gone)));
    assert!(matches!(instance.doc("ann"), Err(Error::Gone)));
    assert!(matches!(instance.version(), Err(Error::Gone)));
    drop((doc, instance));

    other.insert("t", "r", [("x", 1)])?;
    Instance::new(small())?.doc("ann")?.insert("t", "r", [("x", 1)])?;
    Ok(())
}

#[test]
fn an_iteration_over_a_gone_instance_ends() -> Tested {
    let instance = Instance::new(small())?;
    let doc = instance.doc("ann")?;
    let mut watcher = doc.watch(&[], true)?;
    assert!(matches!(doc.insert("t", "r", [("x", vec![7_u8; 12 << 20])]), Err(Error::OutOfMemory)));
    let mut ops = watcher.ops();
    assert!(matches!(ops.next(), Some(Err(Error::Gone))));
    assert!(ops.next().is_none());
    let mut rows = doc.rows("t", Default::default());
    assert!(matches!(rows.next(), Some(Err(Error::Gone))));
    assert!(rows.next().is_none());
    Ok(())
}

#[test]
fn an_argument_larger_than_the_memory_is_told() -> Tested {
    let doc = Instance::new(small())?.doc("ann")?;
    // The engine's own limit for a text is above what this instance can even take in.
    let error = doc.insert("t", "r", [("x", "x".repeat(15 << 20))]);
    assert!(matches!(error, Err(Error::OutOfMemory)), "{error:?}");
    Ok(())
}

#[test]
fn an_instance_that_cannot_start_says_so() {
    let nothing = Instance::new(InstanceOptions::default().memory_bytes(0));
    assert!(matches!(nothing, Err(Error::OutOfMemory)), "{nothing:?}");
}

/// A child process with few addresses runs this test again, with a variable set, and creates documents until it cannot.
#[cfg(target_os = "linux")]
#[test]
#[expect(clippy::print_stdout, reason = "the process that starts this one reads it")]
fn a_document_too_many_says_that_the_system_has_no_room() {
    const VARIABLE: &str = "CONVERGE_TEST_FEW_ADDRESSES";
    if std::env::var_os(VARIABLE).is_some() {
        let mut docs = Vec::new();
        let error = loop {
            match Doc::create("ann") {
                Ok(doc) => docs.push(doc),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::NoRoom(_)), "{error:?}");
        assert!(error.to_string().contains("`Instance::doc`"), "{error}");
        // What there is goes on, and one instance takes many more documents.
        let more: Vec<Doc> = (0..1_000).map(|_| docs[0].instance().doc("ben").expect("a document")).collect();
        more[999].insert("t", "r", [("x", 1)]).expect("a row");
        println!("{} instances", docs.len());
        return;
    }
    let program = std::env::current_exe().expect("this program");
    let test = "limits::a_document_too_many_says_that_the_system_has_no_room";
    // 64 GiB, in units of 1,024 bytes.
    let script = format!("ulimit -v {}; exec \"$0\" --exact --nocapture {test}", 64 << 20);
    let child = std::process::Command::new("sh").args(["-c", &script]).arg(program).env(VARIABLE, "1").output();
    let child = child.expect("a shell");
    let (stdout, stderr) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success(), "{stdout}{stderr}");
    let count =
        stdout.lines().find_map(|line| line.strip_suffix(" instances")?.trim().rsplit(' ').next()?.parse::<u32>().ok());
    assert!(count.is_some_and(|count| count >= 12), "{stdout}");
}

#[test]
fn beyond_its_time_a_call_ends_and_its_instance_is_gone() -> Tested {
    let call_time = Duration::from_millis(20);
    let doc = Instance::new(InstanceOptions::default().call_time(call_time))?.doc("ann")?;
    let bystander = Doc::create("ben")?;
    // Work of seconds, in one call: a commit is not half-made.
    let ops: Vec<RowOp> = (0..900_000).map(|row| RowOp::insert("t", row.to_string(), [("x", row)])).collect();
    let error = doc.commit(ops);
    assert!(matches!(error, Err(Error::OutOfTime)), "{error:?}");
    assert!(matches!(doc.digest(), Err(Error::Gone)));
    bystander.insert("t", "r", [("x", 1)])?;
    Ok(())
}

#[test]
fn many_short_calls_are_not_one_long_one() -> Tested {
    let doc = Instance::new(InstanceOptions::default().call_time(Duration::from_secs(1)))?.doc("ann")?;
    let start = Instant::now();
    let mut row = 0;
    while start.elapsed() < Duration::from_millis(1_500) {
        doc.insert("t", &row.to_string(), [("x", row)])?;
        row += 1;
    }
    Ok(())
}

#[test]
fn without_a_time_limit_calls_end_when_they_end() -> Tested {
    let doc = Instance::new(InstanceOptions::default().call_time(None))?.doc("ann")?;
    let ops: Vec<RowOp> = (0..100_000).map(|row| RowOp::insert("t", row.to_string(), [("x", row)])).collect();
    doc.commit(ops)?;
    assert_eq!(doc.tables()?[0].rows, 100_000);
    Ok(())
}

/// The engine's own limits are the ones to meet, not bounds of what carries the calls.
#[test]
fn a_commit_of_60_mib_passes_in_both_directions() -> Tested {
    let (ann, ben) = (Doc::create("ann")?, Doc::create("ben")?);
    let blob = vec![7_u8; 15 << 20];
    let ops: Vec<RowOp> =
        (0..4).map(|row| RowOp::insert("t", row.to_string(), [("x", Value::from(blob.as_slice()))])).collect();
    ann.commit(ops.clone())?;
    let batch = ann.events_since(&ben.summary()?, u32::MAX)?;
    assert_eq!(batch.runs[0].commits[0], ops);
    assert_eq!(ben.merge_events(batch.runs)?.applied, 1);
    assert_eq!(ann.digest()?, ben.digest()?);

    let more: Vec<RowOp> = ops.iter().cycle().take(5).cloned().collect();
    let error = ann.commit(more);
    assert!(matches!(&error, Err(Error::LimitExceeded { limit, .. }) if limit == "commit-bytes"), "{error:?}");
    ann.insert("t", "small", [("x", 1)])?;
    Ok(())
}

#[test]
fn a_component_of_another_contract_is_refused() {
    let refused = |bytes: &[u8]| Component::new(bytes).unwrap_err().to_string();
    assert!(refused(b"nothing").starts_with("the engine cannot be started: "));
    // The smallest component: it has a version, and nothing else.
    let text = refused(b"\0asm\x0d\0\x01\0");
    assert!(text.contains("converge:sync/"), "{text}");
}
