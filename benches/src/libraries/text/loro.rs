//! loro: a text container, with a commit per transaction. Snapshots are stored, updates exchanged.

use super::{Result, TextReplica};
use converge_traces::Patch;
use loro::{ExportMode, LoroDoc, LoroText as Text, VersionVector};

pub struct LoroText {
    doc: LoroDoc,
    text: Text,
}

impl LoroText {
    fn of(doc: LoroDoc, peer: u64) -> Result<Self> {
        doc.set_peer_id(peer)?;
        let text = doc.get_text("text");
        Ok(Self { doc, text })
    }
}

impl TextReplica for LoroText {
    type Version = VersionVector;

    fn create(peer: u64) -> Result<Self> {
        Self::of(LoroDoc::new(), peer)
    }

    fn edit(&mut self, patches: &[Patch]) -> Result<()> {
        for Patch { at, remove, insert } in patches {
            if *remove > 0 {
                self.text.delete(*at as usize, *remove as usize)?;
            }
            if !insert.is_empty() {
                self.text.insert(*at as usize, insert)?;
            }
        }
        self.doc.commit();
        Ok(())
    }

    fn read(&self) -> Result<String> {
        Ok(self.text.to_string())
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        Ok(self.doc.export(ExportMode::Snapshot)?)
    }

    fn load(peer: u64, saved: &[u8]) -> Result<Self> {
        Self::of(LoroDoc::from_snapshot(saved)?, peer)
    }

    fn compacted(&mut self) -> Result<Option<Vec<u8>>> {
        let frontiers = self.doc.oplog_frontiers();
        Ok(Some(self.doc.export(ExportMode::shallow_snapshot(&frontiers))?))
    }

    fn version(&mut self) -> Result<VersionVector> {
        Ok(self.doc.oplog_vv())
    }

    fn changes_since(&mut self, version: &VersionVector) -> Result<Vec<u8>> {
        Ok(self.doc.export(ExportMode::updates(version))?)
    }

    fn merge(&mut self, changes: &[u8]) -> Result<()> {
        self.doc.import(changes)?;
        Ok(())
    }
}
