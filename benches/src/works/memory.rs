//! What replicas hold.

use super::Size;
use super::rows::{apply, inserted, updated, updates};
#[cfg(feature = "peers")]
use crate::libraries::{Automerge, Loro, Yrs};
use crate::libraries::{Native, Replica, Result, Wasmtime};
use crate::results::{Figure, Unit};

/// Bytes that the process has allocated.
pub trait Meter {
    fn now(&self) -> usize;
    /// The most since `forget_most`.
    fn most(&self) -> usize;
    fn forget_most(&self);
}

pub fn run(library: &str, size: Size, meter: &dyn Meter) -> Result<Vec<Figure>> {
    match library {
        "converge" => measure::<Native>(size, meter),
        "converge in wasmtime" => measure::<Wasmtime>(size, meter),
        #[cfg(feature = "peers")]
        "loro" => measure::<Loro>(size, meter),
        #[cfg(feature = "peers")]
        "yrs" => measure::<Yrs>(size, meter),
        #[cfg(feature = "peers")]
        "automerge" => measure::<Automerge>(size, meter),
        other => Err(format!("there is no library {other}").into()),
    }
}

fn measure<R: Replica>(size: Size, meter: &dyn Meter) -> Result<Vec<Figure>> {
    // What is allocated once is not a replica's.
    drop(inserted::<R>(1, 1)?);
    let mut figures = Vec::new();
    let mut tell = |name: &str, bytes: usize, per: usize| {
        figures.push(Figure::new(name, bytes as f64 / per as f64, Unit::Bytes));
    };
    let before = meter.now();
    let mut doc = inserted::<R>(size.rows, 1)?;
    tell("after `insert`, a row", doc.memory_bytes(meter.now() - before), size.rows);
    let saved = doc.save()?;
    drop(doc);
    let before = meter.now();
    meter.forget_most();
    let doc = R::load(3, &saved)?;
    let most = doc.memory_bytes(meter.most() - before);
    tell("after loading it, a row", doc.memory_bytes(meter.now() - before), size.rows);
    tell("most while loading it, a row", most, size.rows);
    let contents = doc.read()?;
    tell("after reading every row, a row", doc.memory_bytes(meter.now() - before), size.rows);
    drop((doc, contents));
    let before = meter.now();
    let mut doc = inserted::<R>(size.updated_rows, size.updated_rows)?;
    apply(&mut doc, updates(size), 1)?;
    tell("after `update`, an update", doc.memory_bytes(meter.now() - before), size.updates);
    drop(doc);
    let before = meter.now();
    if let Some(doc) = updated::<R>(size)?.compacted()? {
        tell("the same, its history given up", doc.memory_bytes(meter.now() - before), size.updates);
    }
    Ok(figures)
}
