//! Replicas, and links between them on which messages travel one by one.

use crate::seeds::{Checked, ensure, same};
use converge_engine::{Acceptance, Cell, Doc, Error, Received, Session, SessionOptions, Store, StoreOptions, Value};
use std::collections::VecDeque;

/// A document and a store of one peer.
pub(crate) struct Replica {
    pub(crate) doc: Doc,
    pub(crate) store: Store,
}

/// One end of a link: a session, and the messages on their way to it.
pub(crate) struct End {
    pub(crate) replica: usize,
    pub(crate) session: Session,
    pub(crate) inbox: VecDeque<Vec<u8>>,
    options: SessionOptions,
}

/// Two sessions that talk.
pub(crate) struct Link {
    pub(crate) ends: [End; 2],
}

/// Counts of what the sessions carried.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
    pub(crate) largest: usize,
    pub(crate) applied: u32,
    pub(crate) duplicate: u32,
    pub(crate) entries: usize,
    pub(crate) refused: u32,
}

pub(crate) struct Net {
    pub(crate) replicas: Vec<Replica>,
    pub(crate) links: Vec<Link>,
    pub(crate) now: f64,
    pub(crate) carried: Carried,
    /// The number of the last session. No two sessions of a net have the same number.
    pub(crate) last_nonce: u64,
}

/// Longer than any test runs.
const TIME_TO_LIVE_MS: f64 = 1e9;

impl Replica {
    pub(crate) fn new(peer: &str) -> Self {
        let options = StoreOptions { time_to_live_ms: TIME_TO_LIVE_MS, max_skew_ms: 1_000.0 };
        let store = Store::create(peer, options).expect("a valid name");
        Self { doc: Doc::create(peer).expect("a valid name"), store }
    }

    /// Sets one cell of a row, in a commit of its own.
    pub(crate) fn put(&mut self, row: &str, value: impl Into<Value>) {
        self.doc.insert("table", row, vec![Cell::new("x", value)]).expect("a valid row");
    }

    pub(crate) fn shown(&self) -> Vec<(String, String, Option<Value>)> {
        let namespaces = self.store.namespaces();
        let entries = namespaces.iter().flat_map(|namespace| self.store.get_all(namespace));
        entries.map(|entry| (entry.namespace, entry.key, entry.value)).collect()
    }
}

/// Returns options for a session with this maximum size of messages. `Net` chooses the number.
pub(crate) fn options(max_message_bytes: u32) -> SessionOptions {
    SessionOptions {
        document: "doc".to_owned(),
        max_message_bytes,
        namespaces: Vec::new(),
        read_only: false,
        nonce: 0,
        accept: Acceptance::ALL,
        writers: Vec::new(),
    }
}

impl Net {
    pub(crate) fn new(peers: &[&str]) -> Self {
        let replicas = peers.iter().map(|peer| Replica::new(peer)).collect();
        Self { replicas, links: Vec::new(), now: 1_000.0, carried: Carried::default(), last_nonce: 0 }
    }

    /// Links two replicas, each end with its own options, and returns the number of the link.
    pub(crate) fn link(&mut self, replicas: [usize; 2], options: [SessionOptions; 2]) -> usize {
        let link = Link { ends: self.ends(replicas, options) };
        self.links.push(link);
        self.links.len() - 1
    }

    fn ends(&mut self, replicas: [usize; 2], options: [SessionOptions; 2]) -> [End; 2] {
        let [first, second] = options;
        [(replicas[0], first), (replicas[1], second)].map(|(replica, options)| {
            self.last_nonce += 1;
            let options = SessionOptions { nonce: self.last_nonce, ..options };
            let Replica { doc, store } = &mut self.replicas[replica];
            let session = Session::open(doc, store, options.clone()).expect("valid options");
            End { replica, session, inbox: VecDeque::new(), options }
        })
    }

    /// Loses all messages on the link and opens new sessions.
    pub(crate) fn cut(&mut self, link: usize) {
        let ends = &self.links[link].ends;
        let (replicas, options) =
            ([ends[0].replica, ends[1].replica], [ends[0].options.clone(), ends[1].options.clone()]);
        self.links[link].ends = self.ends(replicas, options);
    }

    /// Polls an end once and returns whether it sent a message.
    pub(crate) fn poll(&mut self, link: usize, end: usize) -> Checked<bool> {
        let End { replica, session, .. } = &mut self.links[link].ends[end];
        let Replica { doc, store } = &mut self.replicas[*replica];
        let polled = session.poll(doc, store, self.now).map_err(|error| format!("poll: {error}"))?;
        let Some(message) = polled else { return Ok(false) };
        self.carried.messages += 1;
        self.carried.bytes += message.len();
        self.carried.largest = self.carried.largest.max(message.len());
        self.links[link].ends[1 - end].inbox.push_back(message);
        Ok(true)
    }

    /// Delivers the next message to an end, if there is one.
    pub(crate) fn deliver(&mut self, link: usize, end: usize) -> Checked<bool> {
        let Some(message) = self.links[link].ends[end].inbox.pop_front() else { return Ok(false) };
        let received = self.receive(link, end, &message).map_err(|error| format!("receive: {error}"))?;
        let report = received.durable.unwrap_or_default();
        self.carried.applied += report.applied;
        self.carried.duplicate += report.duplicate;
        self.carried.entries += received.ephemeral.len();
        self.carried.refused += received.refused;
        Ok(true)
    }

    /// Delivers a message to an end.
    pub(crate) fn receive(&mut self, link: usize, end: usize, message: &[u8]) -> Result<Received, Error> {
        let End { replica, session, .. } = &mut self.links[link].ends[end];
        let Replica { doc, store } = &mut self.replicas[*replica];
        session.receive(doc, store, message, self.now)
    }

    /// Returns the address of messages to an end that never started over; `docs/protocol.md`
    /// specifies it.
    pub(crate) fn address(&self, link: usize, end: usize) -> [u8; 4] {
        let mut conversation = [0; 16];
        conversation[..8].copy_from_slice(&self.links[link].ends[end].options.nonce.to_le_bytes());
        crc32fast::hash(&conversation).max(1).to_le_bytes()
    }

    /// Compacts some replicas at the history that they share with the replica of this summary.
    pub(crate) fn compact(&mut self, horizon: &[u8], mut is_one: impl FnMut(usize) -> bool) -> Checked {
        for (number, replica) in self.replicas.iter_mut().enumerate().filter(|(number, _)| is_one(*number)) {
            replica.doc.compact(&[horizon.to_vec()]).map_err(|error| format!("compact {number}: {error}"))?;
        }
        Ok(())
    }

    /// Polls and delivers until no end has anything to send, and returns what was carried
    /// meanwhile. Fails after `max_messages` messages.
    pub(crate) fn settle(&mut self, max_messages: usize) -> Checked<Carried> {
        let before = std::mem::take(&mut self.carried);
        loop {
            let mut is_quiet = true;
            for link in 0..self.links.len() {
                for end in [0, 1] {
                    is_quiet &= !self.poll(link, end)? & !self.deliver(link, 1 - end)?;
                }
            }
            ensure!(self.carried.messages <= max_messages, "not quiet after {:?}", self.carried);
            if is_quiet {
                break;
            }
        }
        let carried = self.carried;
        self.carried.add(before);
        Ok(carried)
    }

    /// Checks that all replicas save the same bytes, and that all sessions report that they are in
    /// sync.
    pub(crate) fn check_same(&self) -> Checked {
        let first = &self.replicas[0];
        for other in &self.replicas {
            other.doc.dbg_check();
            other.store.dbg_check();
            same("versions", &other.doc.version(), &first.doc.version())?;
            same("digests", &other.doc.digest(), &first.doc.digest())?;
            ensure!(other.doc.save() == first.doc.save(), "the saved documents differ");
            same("entries", &other.shown(), &first.shown())?;
        }
        for End { replica, session, .. } in self.links.iter().flat_map(|link| &link.ends) {
            let progress = session.progress(&self.replicas[*replica].doc);
            ensure!(progress.in_sync, "{progress:?}");
            same("known there", &progress.known_there, &first.doc.version())?;
        }
        Ok(())
    }
}

impl Carried {
    fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.largest = self.largest.max(other.largest);
        self.applied += other.applied;
        self.duplicate += other.duplicate;
        self.entries += other.entries;
        self.refused += other.refused;
    }
}
