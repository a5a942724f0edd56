//! A person with two replicas: one to type in, and one that is synchronized.

use super::script::{Keystroke, Script};
use crate::Failure;
use converge::{Doc, Instance, InstanceOptions, Session, SessionOptions, Side, Store, StoreOptions};
use converge::{TextChange, TextView, Value, now};
use serde_json::{Map, Value as Json, json};
use std::collections::VecDeque;

/// The name of the document in all sessions.
const DOCUMENT: &str = "typing";
/// The table, the row and the column of the text.
const CELL: (&str, &str, &str) = ("texts", "text", "body");
/// The peer that inserts the row, before the session.
const SETUP: &str = "setup";
/// The namespace with the anchor of each person's cursor.
const CURSORS: &str = "cursors";
/// The time to live of entries, longer than any run.
const TIME_TO_LIVE_MS: f64 = 3_600_000.0;
/// How many characters before and after the cursor a person sees.
const SEEN: (usize, usize) = (400, 200);

pub(super) struct Person {
    pub(super) peer: String,
    other: String,
    keystrokes: VecDeque<Keystroke>,
    of_other: u32,
    typed: Doc,
    view: TextView,
    /// The editor's copy of the text.
    copy: Vec<char>,
    synced: Doc,
    store: Store,
    /// The number of keystrokes that the person has typed.
    pub(super) count: u32,
    /// The number of keystrokes of the other person in `synced`.
    received: u32,
    /// The number of keystrokes of the other person in `typed`.
    pub(super) merged: u32,
    /// Where the person typed last.
    anchor: Option<Vec<u8>>,
}

impl Person {
    pub(super) fn new(peer: &str, script: Script) -> Result<Self, Failure> {
        let Script { keystrokes, other, of_other } = script;
        let (table, row, column) = CELL;
        let instance = Instance::new(InstanceOptions::default())?;
        // The same event in both processes: a session begins with an empty text.
        let setup = instance.doc(SETUP)?;
        setup.insert(table, row, Vec::<converge::Cell>::new())?;
        let saved = setup.save()?;
        let (typed, synced) = (instance.load(peer, &saved)?, instance.load(peer, &saved)?);
        let view = typed.open_text(table, row, column)?;
        let store = instance.store(peer, StoreOptions::default().time_to_live_ms(TIME_TO_LIVE_MS))?;
        let (peer, copy, anchor) = (peer.to_owned(), Vec::new(), None);
        let (count, received, merged) = (0, 0, 0);
        Ok(Self {
            peer,
            other,
            keystrokes,
            of_other,
            typed,
            view,
            copy,
            synced,
            store,
            count,
            received,
            merged,
            anchor,
        })
    }

    pub(super) fn session(&self) -> Result<Session, Failure> {
        Ok(Session::open(&self.synced, &self.store, &SessionOptions::new(DOCUMENT))?)
    }

    /// Passes a message to a session of this person. Returns whether it contained keystrokes.
    pub(super) fn receive(&mut self, session: &Session, message: &[u8]) -> Result<bool, Failure> {
        if session.receive(message, now())?.durable.is_none() {
            return Ok(false);
        }
        let version = self.synced.version()?;
        self.received = version.iter().find(|known| known.peer == self.other).map_or(0, |known| known.count);
        self.take_over()?;
        Ok(true)
    }

    /// Returns whether the next keystroke can be typed now.
    pub(super) fn can_type(&self) -> bool {
        self.can_type_alone(1)
    }

    /// Returns whether the person can type this many keystrokes without receiving any.
    pub(super) fn can_type_alone(&self, count: usize) -> bool {
        self.keystrokes.iter().take(count).filter(|key| key.needs <= self.received).count() == count
    }

    /// Returns whether everything is typed and received.
    pub(super) fn has_all(&self) -> bool {
        self.keystrokes.is_empty() && self.merged == self.of_other
    }

    /// Types the next keystroke, which must be possible.
    pub(super) fn type_next(&mut self) -> Result<(), Failure> {
        let Some(Keystroke { changes, .. }) = self.keystrokes.pop_front() else { return Ok(()) };
        self.view.edit(changes.iter().cloned())?;
        self.apply(&changes);
        self.count += 1;
        if let Some(TextChange { at, insert, .. }) = changes.last() {
            let cursor = *at as usize + insert.chars().count();
            self.anchor = Some(self.view.anchor(u32::try_from(cursor)?, Side::Before)?);
        }
        pass_on(&self.typed, &self.synced, 1)?;
        self.take_over()
    }

    /// Takes over what was received into the text, as far as the next keystroke builds on it.
    fn take_over(&mut self) -> Result<(), Failure> {
        let needed = self.keystrokes.front().map_or(self.of_other, |next| next.needs);
        let until = needed.min(self.received);
        if until > self.merged {
            pass_on(&self.synced, &self.typed, until - self.merged)?;
            self.merged = until;
            let changes = self.view.take()?.ok_or("the text is gone")?;
            self.apply(&changes);
        }
        Ok(())
    }

    fn apply(&mut self, changes: &[TextChange]) {
        for TextChange { at, remove, insert } in changes {
            let (start, end) = (*at as usize, (at + remove) as usize);
            self.copy.splice(start..end, insert.chars());
        }
    }

    /// Shows the other person where this one typed last.
    pub(super) fn show_cursor(&self) -> Result<(), Failure> {
        if let Some(anchor) = &self.anchor {
            self.store.set(CURSORS, &self.peer, anchor.clone(), now())?;
        }
        Ok(())
    }

    /// Returns the part of the text around the cursor, and the cursors in it.
    pub(super) fn screen(&self) -> Result<(String, Json), Failure> {
        let mut cursors = Vec::new();
        for entry in self.store.get_all(CURSORS)? {
            let Some(Value::Blob(anchor)) = entry.value else { continue };
            // The other person's text can have a character that is not here yet.
            cursors.extend(self.view.position(&anchor)?.map(|at| (entry.key, at as usize)));
        }
        let own = cursors.iter().find(|(peer, _)| *peer == self.peer).map_or(self.copy.len(), |(_, at)| *at);
        let (start, end) = (own.saturating_sub(SEEN.0), (own + SEEN.1).min(self.copy.len()));
        let inside = cursors.into_iter().filter(|(_, at)| (start..=end).contains(at));
        let cursors: Map<String, Json> = inside.map(|(peer, at)| (peer, json!(at - start))).collect();
        Ok((self.copy[start..end].iter().collect(), cursors.into()))
    }

    /// Returns the text and the digest at the end, which must be the same in both replicas and in
    /// the editor.
    pub(super) fn end(&self) -> Result<(String, String), Failure> {
        let text: String = self.copy.iter().collect();
        if self.view.read()?.unwrap_or_default() != text {
            return Err("the editor's copy differs from the text".into());
        }
        let digest = self.typed.digest()?;
        if self.synced.digest()? != digest {
            return Err("the two replicas of the person differ".into());
        }
        Ok((text, digest.to_string()))
    }
}

/// Merges this many events of a document, which the other one lacks, into the other one.
fn pass_on(from: &Doc, to: &Doc, count: u32) -> Result<(), Failure> {
    let events = from.events_since(&to.summary()?, count)?;
    let report = to.merge_events(events.runs)?;
    if report.applied == count { Ok(()) } else { Err(format!("{count} events were passed on: {report:?}").into()) }
}
