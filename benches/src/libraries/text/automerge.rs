//! automerge: a text object in an `AutoCommit`. Positions count code points, its default.

use super::{Result, TextReplica};
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ChangeHash, ObjId, ObjType, ROOT, ReadDoc};
use converge_traces::Patch;

pub struct AutomergeText {
    doc: AutoCommit,
}

impl AutomergeText {
    fn text(&self) -> Result<ObjId> {
        Ok(self.doc.get(ROOT, "text")?.ok_or("no text")?.1)
    }
}

impl TextReplica for AutomergeText {
    type Version = Vec<ChangeHash>;

    fn create(peer: u64) -> Result<Self> {
        Ok(Self { doc: AutoCommit::new().with_actor(ActorId::from(peer.to_be_bytes())) })
    }

    fn begin(&mut self) -> Result<()> {
        self.doc.put_object(ROOT, "text", ObjType::Text)?;
        self.doc.commit();
        Ok(())
    }

    fn edit(&mut self, patches: &[Patch]) -> Result<()> {
        let text = self.text()?;
        for Patch { at, remove, insert } in patches {
            self.doc.splice_text(&text, *at as usize, *remove as isize, insert)?;
        }
        self.doc.commit();
        Ok(())
    }

    fn read(&self) -> Result<String> {
        Ok(self.doc.text(&self.text()?)?)
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        Ok(self.doc.save())
    }

    fn load(peer: u64, saved: &[u8]) -> Result<Self> {
        Ok(Self { doc: AutoCommit::load(saved)?.with_actor(ActorId::from(peer.to_be_bytes())) })
    }

    fn version(&mut self) -> Result<Vec<ChangeHash>> {
        Ok(self.doc.get_heads())
    }

    fn changes_since(&mut self, version: &Vec<ChangeHash>) -> Result<Vec<u8>> {
        Ok(self.doc.save_after(version))
    }

    fn merge(&mut self, changes: &[u8]) -> Result<()> {
        self.doc.load_incremental(changes)?;
        Ok(())
    }
}
