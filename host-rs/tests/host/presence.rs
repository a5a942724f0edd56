//! Tests of `Store`: the functions of the contract's `store` in Rust, their errors, and `now`.

use crate::instance;
use converge::{Entry, Error, StoreOptions, Value, now};

#[test]
fn stores_exchange_entries() -> Result<(), Error> {
    let instance = instance()?;
    let (ann, ben) = (instance.store("ann", StoreOptions::default())?, instance.store("ben", StoreOptions::default())?);
    let values = [Value::Null, true.into(), 7.into(), 1.5.into(), "text".into(), Value::Blob(vec![0, 255])];
    for (key, value) in values.iter().enumerate() {
        let entry = ann.set("pos", &key.to_string(), value.clone(), 10.0)?;
        assert_eq!((entry.value.as_ref(), entry.timestamp, entry.peer.as_str()), (Some(value), 10.0, "ann"));
    }
    let shown = ben.merge_update(&ann.take_update()?.expect("the store has changes"), 10.0)?;
    assert_eq!(shown, ann.get_all("pos")?);
    assert_eq!((ann.take_update()?, ben.namespaces()?), (None, vec!["pos".to_owned()]));
    assert_eq!(ben.peer()?, "ben");

    let removal = ann.remove("pos", "0", 11.0)?.expect("the register has a value");
    assert_eq!(removal.value, None);
    assert_eq!(ben.merge_entries([removal], 11.0)?.len(), 1);
    assert_eq!((ben.get("pos", "0")?, ann.remove("pos", "0", 12.0)?), (None, None));
    assert_eq!(ann.leave(20.0)?.len(), 5);
    assert_eq!(ben.expire(30_010.0)?.len(), 5);
    assert_eq!(ben.merge_update(&ann.snapshot(&["pos"])?, 30_020.0)?, []);
    // Ben's clock is far behind this timestamp.
    ann.set("pos", "late", 1, 900_000.0)?;
    assert_eq!((ben.merge_update(&ann.snapshot(&["pos"])?, 30_020.0)?, ben.refused()?), (vec![], 1));
    Ok(())
}

#[test]
fn invalid_arguments_fail_with_the_case_of_the_contract() -> Result<(), Error> {
    let instance = instance()?;
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
    assert!(store.snapshot(&[])?.len() < 20, "the store is empty");
    Ok(())
}

#[test]
fn now_is_the_time_of_the_system_in_milliseconds() {
    // From 2025 to 2100 in milliseconds, not in seconds or nanoseconds.
    assert!((1.76e12..4.1e12).contains(&now()));
}
