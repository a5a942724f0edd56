//! loro: a map of maps, with a commit per transaction. Snapshots are stored, updates exchanged.

use super::{Contents, NAME, Replica, Result, SHARE, Traffic, id};
use crate::works::live::{FOREVER_MS, Live, MakeLive};
use loro::awareness::EphemeralStore;
use loro::{Container, ExportMode, LoroDoc, LoroMap, LoroValue, ValueOrContainer, VersionVector};
use std::collections::HashMap;
use std::ops::Range;

pub struct Loro {
    doc: LoroDoc,
    table: LoroMap,
    /// Handles of updated rows, which save the next update a lookup.
    rows: HashMap<usize, LoroMap>,
}

fn cells(map: &LoroMap) -> Result<(String, i64, f64)> {
    let value = |column| match map.get(column) {
        Some(ValueOrContainer::Value(value)) => Ok(value),
        other => Err(format!("{column} is {other:?}")),
    };
    match (value("name")?, value("number")?, value("share")?) {
        (LoroValue::String(name), LoroValue::I64(number), LoroValue::Double(share)) => {
            Ok((name.as_str().to_owned(), number, share))
        }
        other => Err(format!("a row is {other:?}").into()),
    }
}

impl Loro {
    fn of(doc: LoroDoc) -> Self {
        let table = doc.get_map("table");
        Self { doc, table, rows: HashMap::new() }
    }

    fn row(&self, row: usize) -> Result<LoroMap> {
        match self.table.get(&id(row)) {
            Some(ValueOrContainer::Container(Container::Map(map))) => Ok(map),
            other => Err(format!("row {row} is {other:?}").into()),
        }
    }
}

impl Replica for Loro {
    type Version = VersionVector;

    fn create(peer: u64) -> Result<Self> {
        let doc = LoroDoc::new();
        doc.set_peer_id(peer)?;
        Ok(Self::of(doc))
    }

    fn insert(&mut self, rows: Range<usize>) -> Result<()> {
        for row in rows {
            let map = self.table.insert_container(&id(row), LoroMap::new())?;
            map.insert("name", NAME)?;
            map.insert("number", row as i64)?;
            map.insert("share", SHARE)?;
        }
        self.doc.commit();
        Ok(())
    }

    fn update(&mut self, updates: impl Iterator<Item = (usize, i64)>) -> Result<()> {
        for (row, number) in updates {
            if !self.rows.contains_key(&row) {
                self.rows.insert(row, self.row(row)?);
            }
            self.rows[&row].insert("number", number)?;
        }
        self.doc.commit();
        Ok(())
    }

    fn get(&self, row: usize) -> Result<i64> {
        Ok(cells(&self.row(row)?)?.1)
    }

    fn read(&self) -> Result<Contents> {
        let mut contents = Contents::default();
        for value in self.table.values() {
            let ValueOrContainer::Container(Container::Map(map)) = value else {
                return Err("a row is not a map".into());
            };
            let (name, number, share) = cells(&map)?;
            contents.add((&name, number, share));
        }
        Ok(contents)
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        Ok(self.doc.export(ExportMode::Snapshot)?)
    }

    fn load(peer: u64, saved: &[u8]) -> Result<Self> {
        let doc = LoroDoc::from_snapshot(saved)?;
        doc.set_peer_id(peer)?;
        Ok(Self::of(doc))
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

    fn compacted(self) -> Result<Option<Self>> {
        let frontiers = self.doc.oplog_frontiers();
        let saved = self.doc.export(ExportMode::shallow_snapshot(&frontiers))?;
        drop(self);
        Self::load(1, &saved).map(Some)
    }

    fn sync(&mut self, other: &mut Self) -> Result<Traffic> {
        let versions = [self.version()?.encode(), other.version()?.encode()];
        let changes = [
            other.changes_since(&VersionVector::decode(&versions[0])?)?,
            self.changes_since(&VersionVector::decode(&versions[1])?)?,
        ];
        self.merge(&changes[0])?;
        other.merge(&changes[1])?;
        let bytes = versions.iter().chain(&changes).map(Vec::len).sum();
        Ok(Traffic { messages: 4, bytes })
    }
}

/// loro's registers. Each set is sent as the documentation shows: as the encoding of its key.
pub struct LoroPresence {
    store: EphemeralStore,
    set: Vec<String>,
}

impl MakeLive for LoroPresence {
    fn make(_peer: u64) -> Result<Self> {
        Ok(Self { store: EphemeralStore::new(FOREVER_MS as i64), set: Vec::new() })
    }
}

impl Live for LoroPresence {
    fn set(&mut self, key: &str, number: i64, _now: f64) -> Result<()> {
        self.store.set(key, number);
        self.set.push(key.to_owned());
        Ok(())
    }

    /// Encodes the register that was set, or all registers if several were: loro cannot encode
    /// some.
    fn take_update(&mut self) -> Result<Vec<u8>> {
        let set = std::mem::take(&mut self.set);
        Ok(if let [key] = &set[..] { self.store.encode(key) } else { self.store.encode_all() })
    }

    fn merge_update(&mut self, update: &[u8], _now: f64) -> Result<()> {
        self.store.apply(update).map_err(|error| error.to_string().into())
    }

    fn shown(&self) -> Result<usize> {
        Ok(self.store.keys().len())
    }
}
