//! Stores, as the crate gives them: what the contract's cases become in Rust, and what the crate adds.

use converge::{Entry, Error, Instance, InstanceOptions, StoreOptions, Value, now};

#[test]
fn entries_go_from_store_to_store() -> Result<(), Error> {
    let instance = Instance::new(InstanceOptions::default())?;
    let (ann, ben) = (instance.store("ann", StoreOptions::default())?, instance.store("ben", StoreOptions::default())?);
    let values = [Value::Null, true.into(), 7.into(), 1.5.into(), "text".into(), Value::Blob(vec![0, 255])];
    for (key, value) in values.iter().enumerate() {
        let entry = ann.set("pos", &key.to_string(), value.clone(), 10.0)?;
        assert_eq!((entry.value.as_ref(), entry.timestamp, entry.peer.as_str()), (Some(value), 10.0, "ann"));
    }
    let shown = ben.merge_update(&ann.take_update()?.expect("there are changes"), 10.0)?;
    assert_eq!(shown, ann.get_all("pos")?);
    assert_eq!((ann.take_update()?, ben.namespaces()?), (None, vec!["pos".to_owned()]));
    assert_eq!(ben.peer()?, "ben");

    let removal = ann.remove("pos", "0", 11.0)?.expect("it was there");
    assert_eq!(removal.value, None);
    assert_eq!(ben.merge_entries([removal], 11.0)?.len(), 1);
    assert_eq!((ben.get("pos", "0")?, ann.remove("pos", "0", 12.0)?), (None, None));
    assert_eq!(ann.leave(20.0)?.len(), 5);
    assert_eq!(ben.expire(30_010.0)?.len(), 5);
    assert_eq!(ben.merge_update(&ann.snapshot(&["pos"])?, 30_020.0)?, []);
    // Ben's clock is far behind now.
    ann.set("pos", "late", 1, 900_000.0)?;
    assert_eq!((ben.merge_update(&ann.snapshot(&["pos"])?, 30_020.0)?, ben.refused()?), (vec![], 1));
    Ok(())
}

#[test]
fn what_is_refused_has_its_case() -> Result<(), Error> {
    let instance = Instance::new(InstanceOptions::default())?;
    let store = instance.store("ann", StoreOptions::default().max_skew_ms(5.0))?;
    assert!(matches!(store.set("", "k", 1, 0.0), Err(Error::InvalidArgument(what)) if what.contains("namespace")));
    assert!(matches!(store.set("n", "k", 1, f64::NAN), Err(Error::InvalidArgument(what)) if what.contains("NaN")));
    let large = "x".repeat(65_537);
    assert!(
        matches!(store.set("n", "k", large, 0.0), Err(Error::LimitExceeded { limit, .. }) if limit == "entry-value-bytes")
    );
    let ahead = Entry { namespace: "n".into(), key: "k".into(), value: None, timestamp: 10.0, peer: "ben".into() };
    assert!(matches!(store.merge_entries([ahead], 1.0), Err(Error::InvalidArgument(what)) if what.contains("beyond")));
    assert!(matches!(store.merge_update(b"nothing", 1.0), Err(Error::Corrupt(_))));
    let no_time = StoreOptions::default().time_to_live_ms(0.0);
    assert!(matches!(instance.store("ann", no_time), Err(Error::InvalidArgument(_))));
    assert!(store.snapshot(&[])?.len() < 20, "nothing was taken in");
    Ok(())
}

#[test]
fn the_clock_is_that_of_the_system() {
    // After 2026, and before 2100: milliseconds, not seconds or nanoseconds.
    assert!((1.76e12..4.1e12).contains(&now()));
}

#[test]
fn a_store_goes_with_its_instance() -> Result<(), Error> {
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
    // What does not fit is refused; an argument that does not even get in ends the instance.
    assert!(matches!(fill(), Err(Error::LimitExceeded { limit, .. }) if limit == "memory-bytes"));
    assert!(store.get("n", "0")?.is_some());
    assert!(matches!(store.set("n", "k", "x".repeat(6 << 20), 0.0), Err(Error::OutOfMemory)));
    assert!(matches!(store.get("n", "0"), Err(Error::Gone)));
    assert_eq!(other.set("n", "k", 1, 0.0)?.key, "k");
    Ok(())
}
