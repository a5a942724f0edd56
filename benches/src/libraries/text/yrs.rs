//! yrs: a text. Updates of version 2 are stored, updates of version 1 exchanged. yrs keeps no text
//! that was removed, so that its saved documents have no history.

use super::{Result, TextReplica};
use converge_traces::Patch;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    ClientID, Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Text, TextRef, Transact, TransactionMut,
    Update,
};

pub struct YrsText {
    doc: Doc,
    text: TextRef,
}

impl YrsText {
    fn patch(&self, txn: &mut TransactionMut, patches: &[Patch]) {
        for Patch { at, remove, insert } in patches {
            if *remove > 0 {
                self.text.remove_range(txn, *at, *remove);
            }
            if !insert.is_empty() {
                self.text.insert(txn, *at, insert);
            }
        }
    }
}

impl TextReplica for YrsText {
    type Version = Vec<u8>;

    fn create(peer: u64) -> Result<Self> {
        let mut options = Options::with_client_id(ClientID::new(peer));
        // The texts of the traces have no characters beyond U+FFFF.
        options.offset_kind = OffsetKind::Utf16;
        let doc = Doc::with_options(options);
        let text = doc.get_or_insert_text("text");
        Ok(Self { doc, text })
    }

    fn edit(&mut self, patches: &[Patch]) -> Result<()> {
        self.patch(&mut self.doc.transact_mut(), patches);
        Ok(())
    }

    fn edit_and_encode(&mut self, patches: &[Patch]) -> Result<Vec<u8>> {
        let mut txn = self.doc.transact_mut();
        self.patch(&mut txn, patches);
        Ok(txn.encode_update_v1())
    }

    fn read(&self) -> Result<String> {
        Ok(self.text.get_string(&self.doc.transact()))
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        Ok(self.doc.transact().encode_state_as_update_v2(&StateVector::default()))
    }

    fn load(peer: u64, saved: &[u8]) -> Result<Self> {
        let this = Self::create(peer)?;
        this.doc.transact_mut().apply_update(Update::decode_v2(saved)?)?;
        Ok(this)
    }

    fn version(&mut self) -> Result<Vec<u8>> {
        Ok(self.doc.transact().state_vector().encode_v1())
    }

    fn changes_since(&mut self, version: &Vec<u8>) -> Result<Vec<u8>> {
        Ok(self.doc.transact().encode_state_as_update_v1(&StateVector::decode_v1(version)?))
    }

    fn merge(&mut self, changes: &[u8]) -> Result<()> {
        Ok(self.doc.transact_mut().apply_update(Update::decode_v1(changes)?)?)
    }
}
