//! converge: a text cell of a row, edited as an editor does it, through a view.

use super::{Result, TextReplica};
use converge::{Backend, Doc, Instance, InstanceOptions, TextChange, TextView};
use converge_traces::Patch;

/// The engine as a Rust library.
pub type NativeText = ConvergeText<true>;

/// The component in wasmtime.
pub type WasmtimeText = ConvergeText<false>;

/// The table, the row and the column of the text.
const CELL: (&str, &str, &str) = ("texts", "text", "body");

pub struct ConvergeText<const NATIVE: bool> {
    doc: Doc,
    /// Opened by the first edit.
    view: Option<TextView>,
}

impl<const NATIVE: bool> ConvergeText<NATIVE> {
    fn instance() -> Result<Instance> {
        let backend = if NATIVE { Backend::Native } else { Backend::Component };
        Ok(Instance::new(InstanceOptions::default().backend(backend))?)
    }

    fn open(&self) -> Result<TextView> {
        let (table, row, column) = CELL;
        Ok(self.doc.open_text(table, row, column)?)
    }
}

impl<const NATIVE: bool> TextReplica for ConvergeText<NATIVE> {
    /// A summary.
    type Version = Vec<u8>;

    fn create(peer: u64) -> Result<Self> {
        // Characters that are inserted at one place are sorted by the names of their peers.
        Ok(Self { doc: Self::instance()?.doc(&format!("{peer:08}"))?, view: None })
    }

    fn begin(&mut self) -> Result<()> {
        let (table, row, _) = CELL;
        self.doc.insert(table, row, [] as [(&str, &str); 0])?;
        Ok(())
    }

    fn edit(&mut self, patches: &[Patch]) -> Result<()> {
        let view = match &self.view {
            Some(view) => view,
            None => self.view.insert(self.open()?),
        };
        let change = |patch: &Patch| TextChange::new(patch.at, patch.remove, patch.insert.as_str());
        view.edit(patches.iter().map(change))?;
        Ok(())
    }

    fn read(&self) -> Result<String> {
        Ok(self.open()?.read()?.unwrap_or_default())
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        Ok(self.doc.save()?)
    }

    fn load(peer: u64, saved: &[u8]) -> Result<Self> {
        Ok(Self { doc: Self::instance()?.load(&format!("{peer:08}"), saved)?, view: None })
    }

    fn compacted(&mut self) -> Result<Option<Vec<u8>>> {
        self.doc.compact(&[self.doc.summary()?])?;
        Ok(Some(self.doc.save()?))
    }

    fn version(&mut self) -> Result<Vec<u8>> {
        Ok(self.doc.summary()?)
    }

    fn changes_since(&mut self, version: &Vec<u8>) -> Result<Vec<u8>> {
        Ok(self.doc.update_since(version)?)
    }

    fn merge(&mut self, changes: &[u8]) -> Result<()> {
        self.doc.merge_update(changes)?;
        // An editor takes what others changed before it edits again.
        if let Some(view) = &self.view {
            view.take()?;
        }
        Ok(())
    }

    fn memory_bytes(&self, allocated: usize) -> usize {
        if NATIVE { allocated } else { self.doc.instance().memory_bytes() }
    }
}
