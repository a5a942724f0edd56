//! The engine itself, as a Rust program would use it.

use super::{Contents, NAME, Replica, Result, SHARE, Traffic, id};
use crate::works::live::{FOREVER_MS, Live, MAX_MESSAGE_BYTES, Side, talk};
use converge_engine::{Acceptance, Cell, Doc, RowOp, ScanOptions, Session, SessionOptions, Store, StoreOptions, Value};
use converge_tests::convert::Convert;
use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

pub struct Native {
    doc: Doc,
    store: Store,
    session: Option<Session>,
}

fn cells(cells: &[Cell]) -> Result<(&str, i64, f64)> {
    match cells {
        [
            Cell { value: Value::Text(name), .. },
            Cell { value: Value::Integer(number), .. },
            Cell { value: Value::Real(share), .. },
        ] => Ok((name, *number, *share)),
        other => Err(format!("a row is {other:?}").into()),
    }
}

impl Native {
    fn of(doc: Doc) -> Result<Self> {
        let forever = FOREVER_MS;
        let options = StoreOptions { time_to_live_ms: forever, max_skew_ms: forever };
        let store = Store::create(doc.peer(), options)?;
        Ok(Self { doc, store, session: None })
    }
}

impl Replica for Native {
    /// A summary.
    type Version = Vec<u8>;

    fn create(peer: u64) -> Result<Self> {
        Self::of(Doc::create(&peer.to_string())?)
    }

    fn insert(&mut self, rows: Range<usize>) -> Result<()> {
        let op = |row: usize| RowOp::Insert {
            table: "table".to_owned(),
            row: id(row),
            cells: vec![Cell::new("name", NAME), Cell::new("number", row as i64), Cell::new("share", SHARE)],
        };
        self.doc.commit(rows.map(op).collect())?;
        Ok(())
    }

    fn update(&mut self, updates: impl Iterator<Item = (usize, i64)>) -> Result<()> {
        let op = |(row, number): (usize, i64)| RowOp::Update {
            table: "table".to_owned(),
            row: id(row),
            cells: vec![Cell::new("number", number)],
        };
        self.doc.commit(updates.map(op).collect())?;
        Ok(())
    }

    fn get(&self, row: usize) -> Result<i64> {
        let row = self.doc.get("table", &id(row)).ok_or("no such row")?;
        Ok(cells(&row)?.1)
    }

    fn read(&self) -> Result<Contents> {
        let mut contents = Contents::default();
        let mut options = ScanOptions { limit: 1_000, ..ScanOptions::default() };
        loop {
            let page = self.doc.scan("table", &options)?;
            for row in &page.rows {
                contents.add(cells(&row.cells)?);
            }
            if !page.more {
                return Ok(contents);
            }
            options.after = page.rows.into_iter().last().map(|row| row.id);
        }
    }

    fn pages(&self, rows: usize, mut tell: impl FnMut(f64)) -> Result<()> {
        let mut options = ScanOptions { limit: rows as u32, ..ScanOptions::default() };
        loop {
            let start = Instant::now();
            let page = self.doc.scan("table", &options)?;
            tell(start.elapsed().as_secs_f64() * 1e3);
            if !page.more {
                return Ok(());
            }
            options.after = page.rows.into_iter().last().map(|row| row.id);
        }
    }

    fn save(&mut self) -> Result<Vec<u8>> {
        Ok(self.doc.save())
    }

    fn load(peer: u64, saved: &[u8]) -> Result<Self> {
        Self::of(Doc::load(&peer.to_string(), saved)?)
    }

    fn open(saved: &[u8], row: usize) -> Result<i64> {
        let row = Doc::peek(saved, "table", &id(row))?.ok_or("no such row")?;
        Ok(cells(&row)?.1)
    }

    fn version(&mut self) -> Result<Vec<u8>> {
        Ok(self.doc.summary())
    }

    fn changes_since(&mut self, version: &Vec<u8>) -> Result<Vec<u8>> {
        Ok(self.doc.update_since(version)?)
    }

    fn merge(&mut self, changes: &[u8]) -> Result<()> {
        self.doc.merge_update(changes)?;
        Ok(())
    }

    fn compacted(mut self) -> Result<Option<Self>> {
        let summary = self.doc.summary();
        self.doc.compact(&[summary])?;
        Ok(Some(self))
    }

    fn sync(&mut self, other: &mut Self) -> Result<Traffic> {
        talk(self, other)
    }
}

impl Live for Native {
    fn set(&mut self, key: &str, number: i64, now: f64) -> Result<()> {
        self.store.set("cursors", key, number.into(), now)?;
        Ok(())
    }

    fn take_update(&mut self) -> Result<Vec<u8>> {
        self.store.take_update().ok_or_else(|| "nothing changed".into())
    }

    fn merge_update(&mut self, update: &[u8], now: f64) -> Result<()> {
        black_box(self.store.merge_update(update, now)?);
        Ok(())
    }

    fn shown(&self) -> Result<usize> {
        Ok(self.store.get_all("cursors").len())
    }
}

impl Side for Native {
    fn merge_events(&mut self, events: Vec<converge::EventRun>) -> Result<()> {
        self.doc.merge_events(events.convert())?;
        Ok(())
    }

    fn open_session(&mut self) -> Result<()> {
        let options = SessionOptions {
            document: "bench".to_owned(),
            nonce: 1,
            max_message_bytes: MAX_MESSAGE_BYTES,
            namespaces: Vec::new(),
            read_only: false,
            accept: Acceptance::ALL,
            writers: Vec::new(),
        };
        self.session = Some(Session::open(&self.doc, &mut self.store, options)?);
        Ok(())
    }

    fn poll(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(self.session.as_mut().ok_or("no session")?.poll(&self.doc, &mut self.store, 0.0)?)
    }

    fn receive(&mut self, message: &[u8]) -> Result<()> {
        self.session.as_mut().ok_or("no session")?.receive(&mut self.doc, &mut self.store, message, 0.0)?;
        Ok(())
    }

    fn digest(&self) -> Result<[u8; 32]> {
        Ok(self.doc.digest())
    }
}
