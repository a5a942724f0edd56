//! A naive model of the store: a list that is searched from end to end.

use converge_engine::{Entry, Value};

/// An entry, and how long other stores have had it.
pub(crate) type Aged = (Entry, f64);

#[derive(Clone)]
struct Slot {
    entry: Entry,
    deadline: f64,
    /// The time of this store's clock when this store wrote the entry, if it did.
    written: Option<f64>,
}

#[derive(Default)]
pub(crate) struct Model {
    peer: String,
    time_to_live: f64,
    now: f64,
    behind: f64,
    slots: Vec<Slot>,
    changed: Vec<Entry>,
    /// Timestamps of own entries that no longer exist.
    own_gone: Vec<f64>,
}

/// Returns the bytes by which `docs/semantics.md` compares values.
fn written(value: Option<&Value>) -> Vec<u8> {
    let (tag, content) = match value {
        None => return Vec::new(),
        Some(Value::Null) => (1, Vec::new()),
        Some(Value::Boolean(value)) => (2 + u8::from(*value), Vec::new()),
        Some(Value::Integer(value)) => (4, value.to_be_bytes().to_vec()),
        Some(Value::Real(value)) => (5, value.to_bits().to_be_bytes().to_vec()),
        Some(Value::Text(value)) => (6, value.as_bytes().to_vec()),
        Some(Value::Blob(value)) => (7, value.clone()),
    };
    [vec![tag], content].concat()
}

pub(crate) fn is_larger(entry: &Entry, other: &Entry) -> bool {
    let key = |entry: &Entry| (entry.timestamp.to_bits(), entry.peer.clone(), written(entry.value.as_ref()));
    key(entry) > key(other)
}

pub(crate) fn is_same_register(one: &Entry, other: &Entry) -> bool {
    (&one.namespace, &one.key) == (&other.namespace, &other.key)
}

fn sorted(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by(|one, other| (&one.namespace, &one.key).cmp(&(&other.namespace, &other.key)));
    entries
}

impl Model {
    pub(crate) fn new(peer: &str, time_to_live: f64) -> Self {
        Self { peer: peer.to_owned(), time_to_live, ..Self::default() }
    }

    pub(crate) fn elapsed(&self) -> f64 {
        self.now + self.behind
    }

    fn advance(&mut self, now: f64) {
        self.behind += (self.now - now).max(0.0);
        self.now = now;
    }

    fn find(&self, entry: &Entry) -> Option<&Slot> {
        self.slots.iter().find(|slot| is_same_register(&slot.entry, entry))
    }

    fn put(&mut self, entry: Entry, age: f64, written: Option<f64>) {
        if let Some(Slot { entry: before, .. }) = self.find(&entry).filter(|_| written.is_none()).cloned() {
            self.gone(&before);
        }
        self.slots.retain(|slot| !is_same_register(&slot.entry, &entry));
        self.changed.retain(|changed| !is_same_register(changed, &entry));
        self.changed.push(entry.clone());
        self.slots.push(Slot { entry, deadline: self.elapsed() + (self.time_to_live - age), written });
    }

    fn gone(&mut self, entry: &Entry) {
        if entry.peer == self.peer {
            self.own_gone.push(entry.timestamp);
        }
    }

    /// Sets or removes an entry as the store's own peer.
    pub(crate) fn write(&mut self, namespace: &str, key: &str, value: Option<Value>, now: f64) -> Entry {
        self.advance(now);
        let (namespace, key, peer) = (namespace.to_owned(), key.to_owned(), self.peer.clone());
        let mut entry = Entry { namespace, key, value, timestamp: now, peer };
        let known = self.find(&entry).map(|slot| slot.entry.timestamp);
        let latest = known.into_iter().chain(self.own_gone.iter().copied()).fold(-1.0, f64::max);
        if latest >= now {
            entry.timestamp = f64::from_bits(latest.to_bits() + 1);
        }
        self.put(entry.clone(), 0.0, Some(self.elapsed()));
        entry
    }

    /// Merges entries and returns those that changed what is visible.
    pub(crate) fn merge(&mut self, entries: &[Aged], now: f64) -> Vec<Entry> {
        self.advance(now);
        let before = self.shown();
        let mut touched: Vec<Entry> = Vec::new();
        for (entry, age) in entries {
            if *age >= self.time_to_live || self.find(entry).is_some_and(|slot| !is_larger(entry, &slot.entry)) {
                continue;
            }
            if self.is_former(entry, *age) {
                continue;
            }
            self.put(entry.clone(), *age, None);
            touched.retain(|touched| !is_same_register(touched, entry));
            touched.push(entry.clone());
        }
        touched.retain(|entry| entry.value.is_some() || before.iter().any(|shown| is_same_register(shown, entry)));
        sorted(touched)
    }

    /// Returns whether a larger entry of this peer's name is older than a write of this store. If
    /// so, the write gets a larger timestamp.
    fn is_former(&mut self, entry: &Entry, age: f64) -> bool {
        let now = self.elapsed();
        let is_own = |slot: &&mut Slot| is_same_register(&slot.entry, entry) && slot.entry.peer == entry.peer;
        let Some(slot) = self.slots.iter_mut().find(is_own) else { return false };
        let Some(written) = slot.written.filter(|_| entry.peer == self.peer) else { return false };
        let is_former = age > now - written || (entry.value.is_none() && slot.entry.value.is_some());
        if is_former {
            slot.entry.timestamp = f64::from_bits(entry.timestamp.to_bits() + 1);
            self.changed.retain(|changed| !is_same_register(changed, entry));
            self.changed.push(slot.entry.clone());
        }
        is_former
    }

    pub(crate) fn expire(&mut self, now: f64) -> Vec<Entry> {
        self.advance(now);
        let elapsed = self.elapsed();
        let (due, left) = std::mem::take(&mut self.slots).into_iter().partition(|slot| slot.deadline <= elapsed);
        self.slots = left;
        let due: Vec<Entry> = Vec::<Slot>::into_iter(due).map(|slot| slot.entry).collect();
        self.changed.retain(|changed| !due.iter().any(|due| is_same_register(due, changed)));
        due.iter().for_each(|entry| self.gone(entry));
        sorted(due.into_iter().filter(|entry| entry.value.is_some()).collect())
    }

    pub(crate) fn leave(&mut self, now: f64) -> Vec<Entry> {
        let own: Vec<Entry> = self.shown().into_iter().filter(|entry| entry.peer == self.peer).collect();
        own.iter().map(|entry| self.write(&entry.namespace, &entry.key, None, now)).collect()
    }

    /// Returns the live entries, sorted.
    pub(crate) fn shown(&self) -> Vec<Entry> {
        sorted(self.slots.iter().map(|slot| slot.entry.clone()).filter(|entry| entry.value.is_some()).collect())
    }

    /// Returns all entries with their ages, as a snapshot contains them.
    pub(crate) fn snapshot(&self) -> Vec<Aged> {
        let age = |slot: &Slot| (self.time_to_live - (slot.deadline - self.elapsed())).max(0.0).ceil();
        self.slots.iter().map(|slot| (slot.entry.clone(), age(slot))).collect()
    }

    /// Returns the changes since the last call.
    pub(crate) fn take_update(&mut self) -> Vec<Aged> {
        let changed = std::mem::take(&mut self.changed);
        let is_changed = |(entry, _): &Aged| changed.iter().any(|changed| is_same_register(changed, entry));
        self.snapshot().into_iter().filter(is_changed).collect()
    }
}
