//! Memory of replicas.

use super::Size;
use super::rows::{apply, inserted, updated, updates};
#[cfg(feature = "peers")]
use crate::libraries::{Automerge, Loro, Yrs};
use crate::libraries::{Native, Replica, Result, Wasmtime};
use crate::results::{Figure, Unit};

/// Bytes that the process has allocated.
pub trait Meter {
    fn now(&self) -> usize;
    /// Returns the maximum since `reset_peak`.
    fn peak(&self) -> usize;
    fn reset_peak(&self);
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
        other => Err(format!("unknown library {other}").into()),
    }
}

fn measure<R: Replica>(size: Size, meter: &dyn Meter) -> Result<Vec<Figure>> {
    // Allocates what all replicas share.
    drop(inserted::<R>(1, 1)?);
    let mut figures = Vec::new();
    let mut report = |name: &str, bytes: usize, per: usize| {
        figures.push(Figure::new(name, bytes as f64 / per as f64, Unit::Bytes));
    };
    let before = meter.now();
    let mut doc = inserted::<R>(size.rows, 1)?;
    report("after `insert`, per row", doc.memory_bytes(meter.now() - before), size.rows);
    let saved = doc.save()?;
    drop(doc);
    let before = meter.now();
    meter.reset_peak();
    let doc = R::load(3, &saved)?;
    let peak = doc.memory_bytes(meter.peak() - before);
    report("after loading it, per row", doc.memory_bytes(meter.now() - before), size.rows);
    report("peak while loading it, per row", peak, size.rows);
    let contents = doc.read()?;
    report("after reading all rows, per row", doc.memory_bytes(meter.now() - before), size.rows);
    drop((doc, contents));
    let before = meter.now();
    let mut doc = inserted::<R>(size.updated_rows, size.updated_rows)?;
    apply(&mut doc, updates(size), 1)?;
    report("after `update`, per update", doc.memory_bytes(meter.now() - before), size.updates);
    drop(doc);
    let before = meter.now();
    if let Some(doc) = updated::<R>(size)?.compacted()? {
        report("the same, compacted, per update", doc.memory_bytes(meter.now() - before), size.updates);
    }
    Ok(figures)
}
