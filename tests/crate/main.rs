//! Ten lines with the packaged crate.

use converge::{Doc, Error};

fn main() -> Result<(), Error> {
    let (ann, ben) = (Doc::create("ann")?, Doc::create("ben")?);
    ann.insert("people", "p1", [("name", "Alice")])?;
    ben.insert("people", "p1", [("town", "Oslo")])?;
    ben.merge_update(&ann.update_since(&ben.summary()?)?)?;
    ann.merge_update(&ben.update_since(&ann.summary()?)?)?;
    assert_eq!(ann.get("people", "p1")?.map(|cells| cells.len()), Some(2));
    assert_eq!(ann.digest()?, ben.digest()?);
    Ok(())
}
