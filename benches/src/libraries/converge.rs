//! The crate for Rust programs, with each of its backends.

use super::{Contents, NAME, Replica, Result, SHARE, Traffic, id};
use crate::works::live::{FOREVER_MS, Live, Side, talk};
use converge::{
    Backend, Cell, Doc, EventRun, Instance, InstanceOptions, RowOp, ScanOptions, Session, SessionOptions, Store,
    StoreOptions, Value,
};
use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

/// The engine as a Rust library.
pub type Native = Converge<true>;

/// The component in wasmtime.
pub type Wasmtime = Converge<false>;

pub struct Converge<const NATIVE: bool> {
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

impl<const NATIVE: bool> Converge<NATIVE> {
    fn instance() -> Result<Instance> {
        let backend = if NATIVE { Backend::Native } else { Backend::Component };
        Ok(Instance::new(InstanceOptions::default().backend(backend))?)
    }

    fn of(doc: Doc) -> Result<Self> {
        let options = StoreOptions::default().time_to_live_ms(FOREVER_MS).max_skew_ms(FOREVER_MS);
        let store = doc.instance().store(&doc.peer()?, options)?;
        Ok(Self { doc, store, session: None })
    }
}

impl<const NATIVE: bool> Replica for Converge<NATIVE> {
    /// A summary.
    type Version = Vec<u8>;

    fn create(peer: u64) -> Result<Self> {
        Self::of(Self::instance()?.doc(&peer.to_string())?)
    }

    fn insert(&mut self, rows: Range<usize>) -> Result<()> {
        let op = |row: usize| {
            let cells = [Cell::new("name", NAME), Cell::new("number", row as i64), Cell::new("share", SHARE)];
            RowOp::insert("table", id(row), cells)
        };
        self.doc.commit(rows.map(op))?;
        Ok(())
    }

    fn update(&mut self, updates: impl Iterator<Item = (usize, i64)>) -> Result<()> {
        let op = |(row, number): (usize, i64)| RowOp::update("table", id(row), [Cell::new("number", number)]);
        self.doc.commit(updates.map(op))?;
        Ok(())
    }

    fn get(&self, row: usize) -> Result<i64> {
        let row = self.doc.get("table", &id(row))?.ok_or("no such row")?;
        Ok(cells(&row)?.1)
    }

    fn read(&self) -> Result<Contents> {
        let mut contents = Contents::default();
        for row in self.doc.rows("table", ScanOptions::default()) {
            contents.add(cells(&row?.cells)?);
        }
        Ok(contents)
    }

    fn pages(&self, rows: usize, mut tell: impl FnMut(f64)) -> Result<()> {
        let mut options = ScanOptions::default().limit(rows as u32);
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
        Ok(self.doc.save()?)
    }

    fn load(peer: u64, saved: &[u8]) -> Result<Self> {
        Self::of(Self::instance()?.load(&peer.to_string(), saved)?)
    }

    fn open(saved: &[u8], row: usize) -> Result<i64> {
        Ok(cells(&Self::instance()?.peek(saved, "table", &id(row))?.ok_or("no such row")?)?.1)
    }

    fn version(&mut self) -> Result<Vec<u8>> {
        Ok(self.doc.summary()?)
    }

    fn changes_since(&mut self, version: &Vec<u8>) -> Result<Vec<u8>> {
        Ok(self.doc.update_since(version)?)
    }

    fn merge(&mut self, changes: &[u8]) -> Result<()> {
        self.doc.merge_update(changes)?;
        Ok(())
    }

    fn compacted(self) -> Result<Option<Self>> {
        self.doc.compact(&[self.doc.summary()?])?;
        if NATIVE {
            return Ok(Some(self));
        }
        // In an instance of its own: memory of WebAssembly does not shrink.
        Self::load(1, &self.doc.save()?).map(Some)
    }

    fn sync(&mut self, other: &mut Self) -> Result<Traffic> {
        talk(self, other)
    }

    fn memory_bytes(&self, allocated: usize) -> usize {
        if NATIVE { allocated } else { self.doc.instance().memory_bytes() }
    }
}

impl<const NATIVE: bool> Live for Converge<NATIVE> {
    fn set(&mut self, key: &str, number: i64, now: f64) -> Result<()> {
        self.store.set("cursors", key, number, now)?;
        Ok(())
    }

    fn take_update(&mut self) -> Result<Vec<u8>> {
        self.store.take_update()?.ok_or_else(|| "nothing changed".into())
    }

    fn merge_update(&mut self, update: &[u8], now: f64) -> Result<()> {
        black_box(self.store.merge_update(update, now)?);
        Ok(())
    }

    fn shown(&self) -> Result<usize> {
        Ok(self.store.get_all("cursors")?.len())
    }
}

impl<const NATIVE: bool> Side for Converge<NATIVE> {
    fn merge_events(&mut self, events: Vec<EventRun>) -> Result<()> {
        self.doc.merge_events(events)?;
        Ok(())
    }

    fn open_session(&mut self) -> Result<()> {
        self.session = Some(Session::open(&self.doc, &self.store, &SessionOptions::new("bench"))?);
        Ok(())
    }

    fn poll(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(self.session.as_ref().ok_or("no session")?.poll(0.0)?)
    }

    fn receive(&mut self, message: &[u8]) -> Result<()> {
        self.session.as_ref().ok_or("no session")?.receive(message, 0.0)?;
        Ok(())
    }

    fn digest(&self) -> Result<[u8; 32]> {
        Ok(self.doc.digest()?.0)
    }
}
