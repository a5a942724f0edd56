//! diamond-types: a list of characters, which is the whole document. Positions count code points.
//! Removals do not store the removed text a second time.

use super::{Result, TextReplica};
use converge_traces::Patch;
use diamond_types::AgentId;
use diamond_types::list::ListCRDT;
use diamond_types::list::encoding::{ENCODE_FULL, ENCODE_PATCH};
use diamond_types::list::remote_ids::RemoteId;

pub struct DiamondText {
    doc: ListCRDT,
    agent: AgentId,
}

impl DiamondText {
    fn of(mut doc: ListCRDT, peer: u64) -> Self {
        let agent = doc.get_or_create_agent_id(&format!("{peer:08}"));
        Self { doc, agent }
    }
}

impl TextReplica for DiamondText {
    type Version = Vec<RemoteId>;

    fn create(peer: u64) -> Result<Self> {
        Ok(Self::of(ListCRDT::new(), peer))
    }

    fn edit(&mut self, patches: &[Patch]) -> Result<()> {
        for Patch { at, remove, insert } in patches {
            let at = *at as usize;
            if *remove > 0 {
                self.doc.delete_without_content(self.agent, at..at + *remove as usize);
            }
            if !insert.is_empty() {
                self.doc.insert(self.agent, at, insert);
            }
        }
        Ok(())
    }

    fn read(&self) -> Result<String> {
        Ok(self.doc.branch.content().to_string())
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        Ok(self.doc.oplog.encode(ENCODE_FULL))
    }

    fn load(peer: u64, saved: &[u8]) -> Result<Self> {
        let doc = ListCRDT::load_from(saved).map_err(|error| format!("{error:?}"))?;
        Ok(Self::of(doc, peer))
    }

    /// Loading would apply the whole history again.
    fn fork(&mut self, peer: u64) -> Result<Self> {
        Ok(Self::of(self.doc.clone(), peer))
    }

    fn version(&mut self) -> Result<Vec<RemoteId>> {
        Ok(self.doc.oplog.remote_version().into_vec())
    }

    fn changes_since(&mut self, version: &Vec<RemoteId>) -> Result<Vec<u8>> {
        let oplog = &self.doc.oplog;
        let version = oplog.try_remote_to_local_version(version.iter()).map_err(|error| format!("{error:?}"))?;
        Ok(oplog.encode_from(ENCODE_PATCH, &version))
    }

    fn merge(&mut self, changes: &[u8]) -> Result<()> {
        self.doc.merge_data_and_ff(changes).map_err(|error| format!("{error:?}"))?;
        Ok(())
    }
}
