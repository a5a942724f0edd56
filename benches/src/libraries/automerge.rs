//! automerge: a map of maps in an `AutoCommit`, synchronized by its own protocol.

use super::{Contents, NAME, Replica, Result, SHARE, Traffic, id};
use automerge::sync::{State, SyncDoc};
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ChangeHash, ObjId, ObjType, ROOT, ReadDoc};
use std::collections::HashMap;
use std::ops::Range;

pub struct Automerge {
    doc: AutoCommit,
    table: ObjId,
    /// Handles of updated rows, which save the next update a lookup.
    rows: HashMap<usize, ObjId>,
}

impl Automerge {
    fn row(&self, row: usize) -> Result<ObjId> {
        Ok(self.doc.get(&self.table, id(row))?.ok_or_else(|| format!("no row {row}"))?.1)
    }

    fn cells(&self, row: &ObjId) -> Result<(String, i64, f64)> {
        let value =
            |column: &str| -> Result<_> { Ok(self.doc.get(row, column)?.ok_or_else(|| format!("no {column}"))?.0) };
        let (name, number, share) = (value("name")?, value("number")?, value("share")?);
        let name = name.as_str().ok_or("name is not a text")?.to_owned();
        Ok((name, number.as_i64().ok_or("number is not an integer")?, share.as_f64().ok_or("share is not a real")?))
    }
}

impl Replica for Automerge {
    type Version = Vec<ChangeHash>;

    fn create(peer: u64) -> Result<Self> {
        let mut doc = AutoCommit::new().with_actor(ActorId::from(peer.to_be_bytes()));
        let table = doc.put_object(ROOT, "table", ObjType::Map)?;
        doc.commit();
        Ok(Self { doc, table, rows: HashMap::new() })
    }

    fn insert(&mut self, rows: Range<usize>) -> Result<()> {
        for row in rows {
            let map = self.doc.put_object(&self.table, id(row), ObjType::Map)?;
            self.doc.put(&map, "name", NAME)?;
            self.doc.put(&map, "number", row as i64)?;
            self.doc.put(&map, "share", SHARE)?;
        }
        self.doc.commit();
        Ok(())
    }

    fn update(&mut self, updates: impl Iterator<Item = (usize, i64)>) -> Result<()> {
        for (row, number) in updates {
            if !self.rows.contains_key(&row) {
                self.rows.insert(row, self.row(row)?);
            }
            self.doc.put(&self.rows[&row], "number", number)?;
        }
        self.doc.commit();
        Ok(())
    }

    fn get(&self, row: usize) -> Result<i64> {
        Ok(self.cells(&self.row(row)?)?.1)
    }

    fn read(&self) -> Result<Contents> {
        let mut contents = Contents::default();
        for item in self.doc.map_range(&self.table, ..) {
            let (name, number, share) = self.cells(&item.id())?;
            contents.add((&name, number, share));
        }
        Ok(contents)
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        Ok(self.doc.save())
    }

    fn load(peer: u64, saved: &[u8]) -> Result<Self> {
        let doc = AutoCommit::load(saved)?.with_actor(ActorId::from(peer.to_be_bytes()));
        let table = doc.get(ROOT, "table")?.ok_or("no table")?.1;
        Ok(Self { doc, table, rows: HashMap::new() })
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

    fn sync(&mut self, other: &mut Self) -> Result<Traffic> {
        let (mut here, mut there) = (State::new(), State::new());
        let mut traffic = Traffic::default();
        loop {
            let before = traffic.messages;
            if let Some(message) = self.doc.sync().generate_sync_message(&mut here) {
                traffic.messages += 1;
                traffic.bytes += message.clone().encode().len();
                other.doc.sync().receive_sync_message(&mut there, message)?;
            }
            if let Some(message) = other.doc.sync().generate_sync_message(&mut there) {
                traffic.messages += 1;
                traffic.bytes += message.clone().encode().len();
                self.doc.sync().receive_sync_message(&mut here, message)?;
            }
            if traffic.messages == before {
                return Ok(traffic);
            }
        }
    }
}
