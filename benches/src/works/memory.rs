//! Memory of replicas.

use super::Size;
use super::rows::{apply, inserted, updated, updates};
use super::text::traces_alone;
#[cfg(feature = "peers")]
use crate::libraries::text::{AutomergeText, DiamondText, LoroText, YrsText};
use crate::libraries::text::{NativeText, TextReplica, WasmtimeText};
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

pub fn run(work: &str, library: &str, size: Size, meter: &dyn Meter) -> Result<Vec<Figure>> {
    let is_text = work == "text-memory";
    match library {
        "converge" if is_text => measure_texts::<NativeText>(size, meter),
        "converge" => measure::<Native>(size, meter),
        "converge in wasmtime" if is_text => measure_texts::<WasmtimeText>(size, meter),
        "converge in wasmtime" => measure::<Wasmtime>(size, meter),
        #[cfg(feature = "peers")]
        "loro" if is_text => measure_texts::<LoroText>(size, meter),
        #[cfg(feature = "peers")]
        "loro" => measure::<Loro>(size, meter),
        #[cfg(feature = "peers")]
        "yrs" if is_text => measure_texts::<YrsText>(size, meter),
        #[cfg(feature = "peers")]
        "yrs" => measure::<Yrs>(size, meter),
        #[cfg(feature = "peers")]
        "automerge" if is_text => measure_texts::<AutomergeText>(size, meter),
        #[cfg(feature = "peers")]
        "automerge" => measure::<Automerge>(size, meter),
        #[cfg(feature = "peers")]
        "diamond-types" if is_text => measure_texts::<DiamondText>(size, meter),
        other => Err(format!("unknown library {other}").into()),
    }
}

fn measure_texts<R: TextReplica>(size: Size, meter: &dyn Meter) -> Result<Vec<Figure>> {
    // Allocates what all replicas share.
    let mut doc = R::create(1)?;
    doc.begin()?;
    drop(doc);
    let mut figures = Vec::new();
    for (trace, _) in traces_alone(size) {
        let mut report = |what: &str, bytes: usize| {
            figures.push(Figure::new(&format!("{}, {what}", trace.name), bytes as f64, Unit::Bytes));
        };
        let before = meter.now();
        let mut doc = R::create(1)?;
        doc.begin()?;
        trace.events.iter().try_for_each(|event| doc.edit(&event.patches))?;
        report("after typing", doc.memory_bytes(meter.now() - before));
        let saved = doc.save()?;
        drop(doc);
        let before = meter.now();
        let doc = R::load(2, &saved)?;
        drop(doc.read()?);
        report("after loading and reading", doc.memory_bytes(meter.now() - before));
    }
    Ok(figures)
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
