//! yrs: a map of maps. Updates of version 2 are stored, updates of version 1 exchanged.

use super::{Contents, NAME, Replica, Result, SHARE, Traffic, id};
use std::collections::HashMap;
use std::ops::Range;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Any, Doc, Map, MapPrelim, MapRef, Out, ReadTxn, StateVector, Transact, Update};

pub struct Yrs {
    doc: Doc,
    table: MapRef,
    /// Handles of updated rows, which save the next update a lookup.
    rows: HashMap<usize, MapRef>,
}

fn cells(map: &MapRef, txn: &impl ReadTxn) -> Result<(String, i64, f64)> {
    let any = |column| match map.get(txn, column) {
        Some(Out::Any(any)) => Ok(any),
        other => Err(format!("{column} is {other:?}")),
    };
    let Any::String(name) = any("name")? else { return Err("no name".into()) };
    let number: i64 = any("number")?.cast().map_err(|other| format!("{other:?}"))?;
    let share: f64 = any("share")?.cast().map_err(|other| format!("{other:?}"))?;
    Ok((name.as_ref().to_owned(), number, share))
}

impl Yrs {
    fn of(doc: Doc) -> Self {
        let table = doc.get_or_insert_map("table");
        Self { doc, table, rows: HashMap::new() }
    }

    fn row(&self, txn: &impl ReadTxn, row: usize) -> Result<MapRef> {
        match self.table.get(txn, &id(row)) {
            Some(Out::YMap(map)) => Ok(map),
            other => Err(format!("row {row} is {other:?}").into()),
        }
    }
}

impl Replica for Yrs {
    type Version = Vec<u8>;

    fn create(peer: u64) -> Result<Self> {
        Ok(Self::of(Doc::with_client_id(peer)))
    }

    fn insert(&mut self, rows: Range<usize>) -> Result<()> {
        let mut txn = self.doc.transact_mut();
        for row in rows {
            let cells = [("name", Any::from(NAME)), ("number", Any::from(row as i64)), ("share", Any::from(SHARE))];
            self.table.insert(&mut txn, id(row), MapPrelim::from(cells));
        }
        Ok(())
    }

    fn update(&mut self, updates: impl Iterator<Item = (usize, i64)>) -> Result<()> {
        let mut txn = self.doc.transact_mut();
        for (row, number) in updates {
            let map = match self.rows.get(&row) {
                Some(map) => map.clone(),
                None => self.row(&txn, row)?,
            };
            map.insert(&mut txn, "number", Any::from(number));
            self.rows.insert(row, map);
        }
        Ok(())
    }

    fn get(&self, row: usize) -> Result<i64> {
        let txn = self.doc.transact();
        Ok(cells(&self.row(&txn, row)?, &txn)?.1)
    }

    fn read(&self) -> Result<Contents> {
        let txn = self.doc.transact();
        let mut contents = Contents::default();
        for (_, value) in self.table.iter(&txn) {
            let Out::YMap(map) = value else { return Err("a row is not a map".into()) };
            let (name, number, share) = cells(&map, &txn)?;
            contents.add((&name, number, share));
        }
        Ok(contents)
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        Ok(self.doc.transact().encode_state_as_update_v2(&StateVector::default()))
    }

    fn load(peer: u64, saved: &[u8]) -> Result<Self> {
        let this = Self::of(Doc::with_client_id(peer));
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

    fn sync(&mut self, other: &mut Self) -> Result<Traffic> {
        let versions = [self.version()?, other.version()?];
        let changes = [other.changes_since(&versions[0])?, self.changes_since(&versions[1])?];
        self.merge(&changes[0])?;
        other.merge(&changes[1])?;
        let bytes = versions.iter().chain(&changes).map(Vec::len).sum();
        Ok(Traffic { messages: 4, bytes })
    }
}
