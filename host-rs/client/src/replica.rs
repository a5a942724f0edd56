//! The document of a client with its file, its store and its session: everything but the network.
//!
//! Always holds: a session is polled only when everything that the document contains is kept, so
//! nothing is sent, or acknowledged, that a crash could take back.

use crate::error::Error;
use crate::options::Options;
use converge::{
    Commit, Content, Doc, Instance, InstanceOptions, MergeReport, PeerVersion, RowOp, Session, SessionOptions, Store,
    StoreOptions, Watcher, now,
};
use converge_frames::Welcome;
use converge_storage::{StoredDoc, Update};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::mem;
use std::path::{Path, PathBuf};

/// The number of messages that are encoded before the first one is sent.
const MESSAGES: usize = 16;
/// The maximum size of a message in bytes that a client accepts and sends.
const MAX_MESSAGE_BYTES: u32 = 16 << 20;
/// The ending of the file that a reset leaves.
const FORMER: &str = ".former";
/// The ending of the file that is locked while a client uses the document.
const LOCK: &str = ".lock";
/// The subject of the updates in the file.
const SUBJECT: &str = "";
/// Separates the name of a peer from that of a branch.
const BRANCH: char = '~';

/// The keys of what a client remembers in addition to the document.
const INCARNATION: &str = "incarnation";
const ACKNOWLEDGED: &str = "acknowledged";
const PEERS: &str = "peers";

/// Where the document is kept.
enum Place {
    File(Box<StoredDoc>),
    Memory(Doc, Watcher),
}

/// What a step returns.
#[derive(Debug, Default)]
pub(crate) struct Stepped {
    /// The messages to send, in order.
    pub(crate) messages: Vec<Vec<u8>>,
    /// Whether there can be more messages.
    pub(crate) has_more: bool,
    /// Whether both sides have all events of the other one.
    pub(crate) is_in_sync: bool,
    /// The number of events that the server announced and that have not arrived.
    pub(crate) awaited: u32,
}

pub(crate) struct Replica {
    name: String,
    options: Options,
    instance: Instance,
    place: Place,
    store: Store,
    session: Option<Session>,
    /// The summary of what is kept.
    kept: Vec<u8>,
    /// Whether the last write to the file failed.
    is_behind: bool,
    /// Whether a message of the session arrived: the first one says what the server has.
    has_received: bool,
    /// Locked as long as this replica uses the file.
    lock: Option<File>,
    /// The number of waiting events after the last merge.
    waiting: u32,
    /// What the server is known to have.
    acknowledged: BTreeMap<String, u32>,
    /// What of it is noted in the file.
    noted: BTreeMap<String, u32>,
    incarnation: Option<String>,
    /// The names that this client has written as.
    peers: BTreeSet<String>,
    changes: Vec<RowOp>,
}

impl Replica {
    /// Opens the file, or creates it. Costs loading the document.
    pub(crate) fn open(name: &str, options: &Options) -> Result<Self, Error> {
        let lock = options.file.as_deref().map(lock).transpose()?;
        let mut replica = Self::open_unlocked(name, options)?;
        replica.lock = lock;
        Ok(replica)
    }

    fn open_unlocked(name: &str, options: &Options) -> Result<Self, Error> {
        let instance = Instance::new(InstanceOptions::default().memory_bytes(options.memory_bytes))?;
        let place = match &options.file {
            None => {
                let doc = instance.doc(&format!(
                    "{}{}",
                    options.peer_prefix,
                    converge_storage::random_letters().map_err(Error::Random)?
                ))?;
                let watcher = doc.watch(&[], false)?;
                Place::Memory(doc, watcher)
            }
            Some(file) => Place::File(Box::new(open_file(file, name, &instance, options)?)),
        };
        let doc = place.doc();
        // So that the additions of a copy of the file are other events than those of this client.
        let mut salt = [0; size_of::<u64>()];
        getrandom::fill(&mut salt).map_err(|error| Error::Random(error.into()))?;
        doc.distinguish(u64::from_le_bytes(salt))?;
        let peer = doc.peer()?;
        let (store, kept) = (instance.store(&peer, StoreOptions::default())?, doc.summary()?);
        let waiting = doc.merge_events([])?.waiting;
        let mut replica = Self {
            name: name.to_owned(),
            options: options.clone(),
            instance,
            place,
            store,
            session: None,
            kept,
            is_behind: false,
            has_received: false,
            lock: None,
            waiting,
            acknowledged: BTreeMap::new(),
            noted: BTreeMap::new(),
            incarnation: None,
            peers: BTreeSet::new(),
            changes: Vec::new(),
        };
        replica.read_notes(&peer)?;
        Ok(replica)
    }

    fn read_notes(&mut self, peer: &str) -> Result<(), Error> {
        if let Place::File(stored) = &mut self.place {
            let texts = [INCARNATION, ACKNOWLEDGED, PEERS].map(|key| stored.noted(key));
            let [incarnation, acknowledged, peers] = texts;
            self.incarnation = incarnation?.and_then(|text| String::from_utf8(text).ok());
            // A note that another program damaged is left out: then more counts as not acknowledged.
            self.acknowledged = acknowledged?.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
            self.peers = peers?.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
            if self.peers.insert(peer.to_owned()) {
                stored.note(PEERS, &serde_json::to_vec(&self.peers).unwrap_or_default())?;
            }
        }
        self.peers.insert(peer.to_owned());
        self.noted = self.acknowledged.clone();
        Ok(())
    }

    pub(crate) fn doc(&self) -> &Doc {
        self.place.doc()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Returns whether everything that the document contains is on disk.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self.place, Place::File(_)) && !self.is_behind
    }

    /// Takes the changes of the rows since the last call.
    pub(crate) fn take_changes(&mut self) -> Vec<RowOp> {
        mem::take(&mut self.changes)
    }

    /// Writes what the document contains and the file does not. After a write failed, opens the
    /// file again first.
    pub(crate) fn keep(&mut self) -> Result<(), Error> {
        if self.is_behind {
            return self.catch_up();
        }
        let summary = self.doc().summary()?;
        if summary == self.kept {
            return Ok(());
        }
        let update = self.doc().update_since(&self.kept)?;
        self.append(&update)
    }

    /// Writes an update that the document contains.
    fn append(&mut self, update: &[u8]) -> Result<(), Error> {
        self.record(|stored| {
            let done = stored.store(&[Update::new(SUBJECT, update)])?;
            // The file has everything, but must be read again before the next write.
            Ok((done.changes, done.snapshot_failed.is_some()))
        })
    }

    /// Writes a snapshot, after the document was rebased.
    fn replace_log(&mut self) -> Result<(), Error> {
        self.record(|stored| Ok((stored.snapshot()?, false)))
    }

    /// Lets `write` bring the file up to date. It returns the changes of the rows, and whether the
    /// file must be opened again.
    fn record(
        &mut self,
        write: impl FnOnce(&mut StoredDoc) -> Result<(Vec<RowOp>, bool), converge_storage::Error>,
    ) -> Result<(), Error> {
        let summary = self.doc().summary()?;
        let changes = match &mut self.place {
            Place::File(stored) => {
                let written = write(stored);
                self.is_behind = !matches!(written, Ok((_, false)));
                written?.0
            }
            Place::Memory(_, watcher) => watcher.ops().collect::<Result<Vec<_>, _>>()?,
        };
        self.changes.extend(changes);
        self.kept = summary;
        Ok(())
    }

    /// Opens the file again, and writes what it lacks.
    fn catch_up(&mut self) -> Result<(), Error> {
        let Place::File(stored) = &self.place else { return Ok(()) };
        let path = stored.path().to_owned();
        let mut opened = open_file(&path, &self.name, &self.instance, &self.options)?;
        let (changes, is_behind) = match stored.doc().update_since(&opened.doc().summary()?) {
            Ok(update) => {
                opened.doc().merge_update(&update)?;
                let done = opened.store(&[Update::new(SUBJECT, &update)])?;
                (done.changes, done.snapshot_failed.is_some())
            }
            // The write that failed was that of a rebased document.
            Err(converge::Error::Compacted(_)) => {
                opened.doc().rebase(&stored.doc().save()?)?;
                (opened.snapshot()?, false)
            }
            Err(error) => return Err(error.into()),
        };
        self.session = None;
        self.kept = opened.doc().summary()?;
        self.changes.extend(changes);
        self.is_behind = is_behind;
        // After a fork, the file has another name.
        self.peers.insert(opened.doc().peer()?);
        self.place = Place::File(Box::new(opened));
        Ok(())
    }

    /// Opens a session with the server. Fails if its document is another one than before.
    pub(crate) fn connect(&mut self, welcome: &Welcome) -> Result<(), Error> {
        self.keep()?;
        match &self.incarnation {
            Some(known) if *known != welcome.incarnation => return Err(Error::Replaced),
            Some(_) => {}
            None => {
                if let Place::File(stored) = &mut self.place {
                    stored.note(INCARNATION, welcome.incarnation.as_bytes())?;
                }
                self.incarnation = Some(welcome.incarnation.clone());
            }
        }
        let max = u32::try_from(welcome.max_message_bytes).unwrap_or(u32::MAX).min(MAX_MESSAGE_BYTES);
        let options = SessionOptions::new(&*self.name).max_message_bytes(max).read_only(!welcome.write);
        self.session = Some(Session::open(self.doc(), &self.store, &options)?);
        self.has_received = false;
        Ok(())
    }

    /// Ends the session.
    pub(crate) fn disconnect(&mut self) {
        self.session = None;
    }

    /// Merges and keeps a message, keeps local writes, and returns the messages to send.
    pub(crate) fn step(&mut self, message: Option<&[u8]>) -> Result<Stepped, Error> {
        self.keep()?;
        if let Some(message) = message {
            self.receive(message)?;
        }
        let Some(session) = &self.session else { return Err(Error::Disconnected) };
        let mut stepped = Stepped::default();
        while stepped.messages.len() < MESSAGES
            && let Some(message) = session.poll(now())?
        {
            stepped.messages.push(message);
        }
        stepped.has_more = stepped.messages.len() == MESSAGES;
        let progress = session.progress()?;
        stepped.is_in_sync = progress.in_sync;
        stepped.awaited = progress.awaited;
        if self.has_received {
            self.acknowledged = progress.known_there.into_iter().map(|known| (known.peer, known.count)).collect();
        }
        Ok(stepped)
    }

    fn receive(&mut self, message: &[u8]) -> Result<(), Error> {
        let Some(session) = &self.session else { return Err(Error::Disconnected) };
        let update = session.update_of(message)?;
        let received = session.receive(message, now())?;
        self.has_received = true;
        let (Some(update), Some(report)) = (update, received.durable) else { return Ok(()) };
        self.merged(&update, &report)
    }

    /// Keeps an update, or a document, that was merged.
    fn merged(&mut self, update: &[u8], report: &MergeReport) -> Result<(), Error> {
        if self.instance.inspect(update)?.content == Content::Document {
            self.replace_log()?;
        } else if report.applied > 0 || report.waiting != self.waiting {
            self.append(update)?;
        }
        self.waiting = report.waiting;
        self.rename_if_forked(report)
    }

    /// Rebases on a saved document whose history was compacted past this replica.
    pub(crate) fn rebase(&mut self, saved: &[u8]) -> Result<(), Error> {
        self.keep()?;
        let report = self.doc().rebase(saved)?;
        self.replace_log()?;
        self.waiting = report.waiting;
        self.rename_if_forked(&report)
    }

    /// If another replica wrote in this one's name, because a file was copied, takes a new name for
    /// the next start. Until then, this replica continues its branch, so that no further fork
    /// arises.
    fn rename_if_forked(&mut self, report: &MergeReport) -> Result<(), Error> {
        let peer = self.doc().peer()?;
        match &mut self.place {
            Place::File(stored) if report.forked.contains(&peer) => Ok(stored.renew_peer(&self.options.peer_prefix)?),
            _ => Ok(()),
        }
    }

    /// Notes what the server has acknowledged, so that a reset after the next start knows it.
    pub(crate) fn note_acknowledged(&mut self) -> Result<(), Error> {
        if self.noted != self.acknowledged
            && !self.is_behind
            && let Place::File(stored) = &mut self.place
        {
            stored.note(ACKNOWLEDGED, &serde_json::to_vec(&self.acknowledged).unwrap_or_default())?;
            self.noted = self.acknowledged.clone();
        }
        Ok(())
    }

    /// Returns the number of events that the server is not known to have.
    pub(crate) fn unsent(&self) -> Result<u32, Error> {
        let missing = |known: PeerVersion| {
            known.count.saturating_sub(self.acknowledged.get(&known.peer).copied().unwrap_or_default())
        };
        Ok(self.doc().version()?.into_iter().map(missing).fold(0, u32::saturating_add))
    }

    /// Moves the file away, and starts again with an empty document. Returns the commits of this
    /// client that the server is not known to have.
    pub(crate) fn reset(&mut self) -> Result<Vec<Commit>, Error> {
        let commits = self.unsent_commits()?;
        let empty = Self::open_unlocked(&self.name, &Options { file: None, ..self.options.clone() })?;
        let former = mem::replace(&mut self.place, empty.place);
        self.session = None;
        if let Place::File(stored) = former {
            let mut former = stored.path().to_owned().into_os_string();
            former.push(FORMER);
            stored.move_to(Path::new(&former))?;
        }
        let lock = self.lock.take();
        *self = Self::open_unlocked(&self.name, &self.options)?;
        self.lock = lock;
        Ok(commits)
    }

    fn unsent_commits(&self) -> Result<Vec<Commit>, Error> {
        let doc = self.doc();
        let known: Vec<PeerVersion> =
            self.acknowledged.iter().map(|(peer, &count)| PeerVersion::new(&**peer, count)).collect();
        let since = |version: &[PeerVersion]| doc.update_since(&self.instance.summary_of(version)?);
        let update = match since(&known) {
            Err(converge::Error::Compacted(horizon)) => since(&horizon)?,
            other => other?,
        };
        let is_own = |peer: &str| self.peers.contains(peer.split(BRANCH).next().unwrap_or(peer));
        let (mut reader, mut commits) = (self.instance.read_update(&update)?, Vec::new());
        loop {
            let page = reader.next(u32::MAX)?;
            commits.extend(page.runs.into_iter().filter(|run| is_own(&run.peer)).flat_map(|run| run.commits));
            if !page.more {
                return Ok(commits);
            }
        }
    }

    /// Closes the file, and removes it if `destroy` is set.
    pub(crate) fn close(mut self, destroy: bool) -> Result<(), Error> {
        if destroy {
            if let Place::File(stored) = self.place {
                let lock = lock_path(stored.path());
                stored.remove()?;
                std::fs::remove_file(&lock).map_err(|source| converge_storage::Error::Io { path: lock, source })?;
            }
            return Ok(());
        }
        self.keep()?;
        self.note_acknowledged()
    }

    /// Sets the entries of this replica again, so that they do not expire, and removes those of
    /// others that did.
    pub(crate) fn renew_presence(&self) -> Result<(), Error> {
        let (peer, now) = (self.store.peer()?, now());
        self.store.expire(now)?;
        for namespace in self.store.namespaces()? {
            for entry in self.store.get_all(&namespace)? {
                if let (true, Some(value)) = (entry.peer == peer, entry.value) {
                    self.store.set(&namespace, &entry.key, value, now)?;
                }
            }
        }
        Ok(())
    }

    /// Removes the entries of this replica.
    pub(crate) fn leave(&self) -> Result<(), Error> {
        self.store.leave(now())?;
        Ok(())
    }
}

impl Place {
    fn doc(&self) -> &Doc {
        match self {
            Self::File(stored) => stored.doc(),
            Self::Memory(doc, _) => doc,
        }
    }
}

/// Locks a file against other clients, also those of this program.
fn lock(file: &Path) -> Result<File, Error> {
    let path = lock_path(file);
    let failed = |source| converge_storage::Error::Io { path: path.clone(), source };
    let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(converge_storage::Error::InUse { path: file.to_owned() }.into()),
        Err(TryLockError::Error(source)) => Err(failed(source).into()),
    }
}

fn lock_path(file: &Path) -> PathBuf {
    let mut path = file.to_owned().into_os_string();
    path.push(LOCK);
    path.into()
}

fn open_file(file: &Path, name: &str, instance: &Instance, options: &Options) -> Result<StoredDoc, Error> {
    let storage = converge_storage::Options::default().peer_prefix(options.peer_prefix.clone());
    let stored = match file.try_exists() {
        Ok(false) => StoredDoc::create(file, name, instance, &storage)?,
        _ => StoredDoc::open(file, instance, &storage)?,
    };
    match stored.name() == name {
        true => Ok(stored),
        false => Err(Error::OtherDocument { file: PathBuf::from(file), name: stored.name().to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, Replica};
    use converge::Doc;

    #[test]
    fn a_rebased_document_that_could_not_be_written_is_written_later() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("d.db");
        let options = Options::default().file(&file);
        let compacted = Doc::create("other")?;
        compacted.insert("t", "of the other", [("x", 1)])?;
        compacted.compact(&[compacted.summary()?])?;

        let mut replica = Replica::open("d", &options)?;
        replica.doc().insert("t", "own", [("x", 1)])?;
        replica.keep()?;
        let blocker = rusqlite::Connection::open(&file)?;
        blocker.execute_batch("BEGIN IMMEDIATE")?;
        assert!(replica.rebase(&compacted.save()?).is_err());
        assert!(!replica.is_kept());
        blocker.execute_batch("ROLLBACK")?;
        replica.keep()?;
        assert!(replica.is_kept());
        let digest = replica.doc().digest()?;
        assert_eq!(replica.doc().scan("t", &Default::default())?.rows.len(), 2);
        replica.close(false)?;
        assert_eq!(Replica::open("d", &options)?.doc().digest()?, digest);
        Ok(())
    }
}
