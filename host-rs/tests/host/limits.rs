//! Tests of the limits on memory and time: a call that exceeds a limit fails, and other instances
//! are not affected.

use converge::{Component, Doc, Error, Instance, InstanceOptions, RowOp, ScanOptions, StoreOptions, Value};
use std::time::{Duration, Instant};

type Tested = Result<(), Error>;

/// Returns options with little memory.
fn small() -> InstanceOptions {
    InstanceOptions::default().memory_bytes(8 << 20)
}

/// Returns an instance and its document after a call whose argument did not fit into the memory.
/// The instance is gone.
fn exhausted() -> Result<(Instance, Doc), Error> {
    let instance = Instance::new(small())?;
    let doc = instance.doc("ann")?;
    doc.insert("t", "0", [("x", 1)])?;
    let error = doc.insert("t", "1", [("x", vec![7_u8; 12 << 20])]);
    assert!(matches!(error, Err(Error::OutOfMemory)), "{error:?}");
    Ok((instance, doc))
}

/// Returns whether a call failed with the limit `memory-bytes`. The call must not fail with another
/// error.
fn is_full<T>(result: &Result<T, Error>) -> bool {
    match result {
        Ok(_) => false,
        Err(Error::LimitExceeded { limit, .. }) if limit == "memory-bytes" => true,
        Err(other) => panic!("unexpected error: {other:?}"),
    }
}

#[test]
fn a_call_that_exceeds_the_memory_fails_and_keeps_the_document() -> Tested {
    for (memory_bytes, blob) in [(8 << 20, 0), (8 << 20, 3_000), (64 << 20, 0), (64 << 20, 100_000)] {
        let instance = Instance::new(InstanceOptions::default().memory_bytes(memory_bytes))?;
        let doc = instance.doc("ann")?;
        // All blobs differ, because loading stores equal values once.
        let bytes = |row: u32| row.to_le_bytes().into_iter().cycle().take(blob).collect::<Vec<u8>>();
        let insert = |row: u32| doc.insert("t", &row.to_string(), [("x", bytes(row))]);
        let rows = (0..).find(|&row| is_full(&insert(row))).unwrap_or(0);
        let held = (rows as usize) * (blob + 100);
        assert!(held > memory_bytes / 4, "{rows} rows with blobs of {blob} bytes fill {memory_bytes} bytes");
        // Repeated calls fail in the same way, and nothing changes.
        let before = doc.digest()?;
        for row in rows..rows + 100 {
            assert!(is_full(&insert(row)), "{row}");
        }
        assert_eq!(doc.digest()?, before);
        // All rows can be read in small pages.
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
            // The saved bytes are about as large as the document, so they do not fit in addition to
            // it.
            continue;
        }
        let saved = doc.save()?;
        let loaded = Doc::load("ben", &saved)?;
        assert_eq!(loaded.digest()?, before);
        // Loading and merging a document that does not fit fail with the limit. The instance is not
        // affected.
        let less = Instance::new(InstanceOptions::default().memory_bytes(memory_bytes / 2 + saved.len()))?;
        let other = less.doc("ben")?;
        other.insert("t", "0", [("x", 1)])?;
        assert!(is_full(&less.load("cid", &saved)) && is_full(&other.merge_update(&saved)));
        assert!(other.get("t", "0")?.is_some());
    }
    Ok(())
}

#[test]
fn a_full_document_can_be_saved_and_read_in_large_pages() -> Tested {
    for mebibytes in [5, 6, 9, 13, 17, 21, 24, 31, 40, 57] {
        for batch in [1, 100, 1_000] {
            let instance = Instance::new(InstanceOptions::default().memory_bytes(mebibytes << 20))?;
            let doc = instance.doc("ann")?;
            let op = |row: usize| {
                let cells = [("name", Value::from("Alice")), ("number", (row as i64).into()), ("share", 1.5.into())];
                RowOp::insert("table", format!("{row:08x}"), cells)
            };
            let batches = (0..).find(|&at| is_full(&doc.commit((at * batch..(at + 1) * batch).map(op)))).unwrap_or(0);
            let (rows, page) = (batches * batch, doc.scan("table", &ScanOptions::default().limit(1_000))?);
            assert_eq!(page.rows.len(), rows.min(1_000), "{mebibytes} MiB, batches of {batch}");
            doc.save()?;
            assert!(rows * 600 > mebibytes << 20, "{rows} rows fill {mebibytes} MiB");
            // An argument that takes an eighth of the memory fits.
            let argument = instance.inspect(&vec![0; mebibytes << 17]);
            assert!(matches!(argument, Err(Error::Corrupt(_))), "{mebibytes} MiB, {rows} rows: {argument:?}");
        }
    }
    Ok(())
}

#[test]
fn an_instance_without_memory_is_gone_and_others_are_not_affected() -> Tested {
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
fn iterators_end_if_the_instance_is_gone() -> Tested {
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
fn an_argument_larger_than_the_memory_fails_with_out_of_memory() -> Tested {
    let doc = Instance::new(small())?.doc("ann")?;
    // The engine's limit for a text is larger than the memory of this instance.
    let error = doc.insert("t", "r", [("x", "x".repeat(15 << 20))]);
    assert!(matches!(error, Err(Error::OutOfMemory)), "{error:?}");
    Ok(())
}

#[test]
fn an_instance_without_memory_for_the_engine_is_out_of_memory() {
    let nothing = Instance::new(InstanceOptions::default().memory_bytes(0));
    assert!(matches!(nothing, Err(Error::OutOfMemory)), "{nothing:?}");
}

/// Runs this test again in a child process with little address space and an environment variable.
/// The child process creates documents until that fails.
#[cfg(target_os = "linux")]
#[test]
#[expect(clippy::print_stdout, reason = "the parent process reads the output")]
fn creating_too_many_instances_fails_with_no_room() {
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
        // Existing instances are not affected, and one of them holds many more documents.
        let more: Vec<Doc> = (0..1_000)
            .map(|_| docs[0].instance().doc("ben").expect("the instance has room for the document"))
            .collect();
        more[999].insert("t", "r", [("x", 1)]).expect("the document can be written");
        println!("{} instances", docs.len());
        return;
    }
    let program = std::env::current_exe().expect("the path of this program is known");
    let test = "limits::creating_too_many_instances_fails_with_no_room";
    // 64 GiB, in units of 1,024 bytes.
    let script = format!("ulimit -v {}; exec \"$0\" --exact --nocapture {test}", 64 << 20);
    let child = std::process::Command::new("sh").args(["-c", &script]).arg(program).env(VARIABLE, "1").output();
    let child = child.expect("the shell starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success(), "{stdout}{stderr}");
    let count =
        stdout.lines().find_map(|line| line.strip_suffix(" instances")?.trim().rsplit(' ').next()?.parse::<u32>().ok());
    assert!(count.is_some_and(|count| count >= 12), "{stdout}");
}

#[test]
fn a_call_that_exceeds_its_time_ends_and_its_instance_is_gone() -> Tested {
    let call_time = Duration::from_millis(20);
    let doc = Instance::new(InstanceOptions::default().call_time(call_time))?.doc("ann")?;
    let other = Doc::create("ben")?;
    // One call that takes seconds, because a commit is atomic.
    let ops: Vec<RowOp> = (0..900_000).map(|row| RowOp::insert("t", row.to_string(), [("x", row)])).collect();
    let error = doc.commit(ops);
    assert!(matches!(error, Err(Error::OutOfTime)), "{error:?}");
    assert!(matches!(doc.digest(), Err(Error::Gone)));
    other.insert("t", "r", [("x", 1)])?;
    Ok(())
}

#[test]
fn the_time_limit_applies_to_each_call() -> Tested {
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
fn without_a_time_limit_long_calls_succeed() -> Tested {
    let doc = Instance::new(InstanceOptions::default().call_time(None))?.doc("ann")?;
    let ops: Vec<RowOp> = (0..100_000).map(|row| RowOp::insert("t", row.to_string(), [("x", row)])).collect();
    doc.commit(ops)?;
    assert_eq!(doc.tables()?[0].rows, 100_000);
    Ok(())
}

/// The limits of the engine apply, not smaller limits of wasmtime.
#[test]
fn a_commit_of_60_mib_is_an_argument_and_a_result() -> Tested {
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
fn components_that_do_not_implement_the_contract_are_rejected() {
    let error = |bytes: &[u8]| Component::new(bytes).unwrap_err().to_string();
    assert!(error(b"nothing").starts_with("the engine cannot be started: "));
    // The smallest component: a header without sections.
    let text = error(b"\0asm\x0d\0\x01\0");
    assert!(text.contains("converge:sync/"), "{text}");
}

#[test]
fn bytes_larger_than_the_memory_fail_with_out_of_memory() -> Tested {
    let doc = Doc::create("ann")?;
    doc.insert("t", "r", [("x", vec![7_u8; 10 << 20])])?;
    let saved = doc.save()?;
    let small = Instance::new(InstanceOptions::default().memory_bytes(8 << 20))?;
    assert!(matches!(small.load("ann", &saved), Err(Error::OutOfMemory)));
    assert!(matches!(small.load("ann", &saved), Err(Error::Gone)));
    Ok(())
}

#[test]
fn a_store_ends_with_its_instance() -> Result<(), Error> {
    let options = InstanceOptions::default().memory_bytes(4 << 20);
    let instance = Instance::new(options)?;
    let store = instance.store("ann", StoreOptions::default())?;
    let other = Instance::new(options)?.store("ben", StoreOptions::default())?;
    let fill = || -> Result<(), Error> {
        for key in 0..1_000 {
            store.set("n", &key.to_string(), "x".repeat(65_536), 0.0)?;
        }
        Ok(())
    };
    // An entry that does not fit is refused. An argument that is larger than the memory ends the
    // instance.
    assert!(matches!(fill(), Err(Error::LimitExceeded { limit, .. }) if limit == "memory-bytes"));
    assert!(store.get("n", "0")?.is_some());
    assert!(matches!(store.set("n", "k", "x".repeat(6 << 20), 0.0), Err(Error::OutOfMemory)));
    assert!(matches!(store.get("n", "0"), Err(Error::Gone)));
    assert_eq!(other.set("n", "k", 1, 0.0)?.key, "k");
    Ok(())
}
