//! A text in each library, behind one trait. Each library is used as its documentation shows.

#[cfg(feature = "peers")]
mod automerge;
mod converge;
#[cfg(feature = "peers")]
mod diamond;
#[cfg(feature = "peers")]
mod loro;
#[cfg(feature = "peers")]
mod yrs;

pub use self::converge::{NativeText, WasmtimeText};
#[cfg(feature = "peers")]
pub use automerge::AutomergeText;
#[cfg(feature = "peers")]
pub use diamond::DiamondText;
#[cfg(feature = "peers")]
pub use loro::LoroText;
#[cfg(feature = "peers")]
pub use yrs::YrsText;

use super::Result;
use converge_traces::Patch;

/// A replica of a document with one text.
pub trait TextReplica: Sized {
    /// A version of a document, in the library's representation.
    type Version;

    /// Returns a replica without events.
    fn create(peer: u64) -> Result<Self>;
    /// Creates the text, in libraries in which a text has to be created.
    fn begin(&mut self) -> Result<()> {
        Ok(())
    }
    /// Applies these patches in one transaction.
    fn edit(&mut self, patches: &[Patch]) -> Result<()>;
    /// Applies these patches in one transaction, and returns the update for the other replicas.
    fn edit_and_encode(&mut self, patches: &[Patch]) -> Result<Vec<u8>> {
        let before = self.version()?;
        self.edit(patches)?;
        self.changes_since(&before)
    }
    fn read(&self) -> Result<String>;
    fn save(&mut self) -> Result<Vec<u8>>;
    fn load(peer: u64, saved: &[u8]) -> Result<Self>;
    /// Returns a replica with the same events that writes as another peer.
    fn fork(&mut self, peer: u64) -> Result<Self> {
        Self::load(peer, &self.save()?)
    }
    /// Returns a saved document with the same text and without its history, or `None` if the
    /// library cannot drop it.
    fn compacted(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }
    fn version(&mut self) -> Result<Self::Version>;
    fn changes_since(&mut self, version: &Self::Version) -> Result<Vec<u8>>;
    fn merge(&mut self, changes: &[u8]) -> Result<()>;
    /// Returns the memory of the replica, given what the process allocated for it, in bytes.
    fn memory_bytes(&self, allocated: usize) -> usize {
        allocated
    }
}
