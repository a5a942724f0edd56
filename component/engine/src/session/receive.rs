//! What a side takes in: messages in their order, and what their content does.

use super::hello::Hello;
use super::message::{Head, KINDS_WITH_CONTENT, Kind};
use super::send::SavedDocument;
use super::{Other, Received, Session};
use crate::codec::Reader;
use crate::doc::{Doc, PageStart};
use crate::ephemeral::Store;
use crate::error::{Error, SessionRule, Time};
use crate::id::SharedText;
use crate::limits;
use crate::memory;

/// What came, and what is still to come.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// How many messages with content were taken.
    taken: u64,
    /// How many of them the other side was told that they were.
    acknowledged: u64,
    /// The other side waits to be told.
    has_news: bool,
    /// What arrived on the other side since it began the hello of which more is to come, which does not tell of it.
    arrived: Vec<(SharedText, u32)>,
    /// By kind, content of which more is to come.
    parts: [Vec<u8>; KINDS_WITH_CONTENT],
    /// The other side's horizon, where this one was below it, until it is not any more.
    awaited: Vec<(SharedText, u32)>,
    /// The other side gave up history, and may send its document.
    may_take_document: bool,
}

impl Incoming {
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Acknowledges what was taken.
    pub(super) fn acknowledge(&mut self) -> u64 {
        self.acknowledged = self.taken;
        self.has_news = false;
        self.taken
    }

    /// Whether an acknowledgement goes out though there is nothing else to say: at once for events, whose author wants to
    /// know, and before the other side may not send any more.
    pub(super) fn acknowledgement_is_due(&self) -> bool {
        self.has_news || self.taken - self.acknowledged >= limits::MESSAGES_IN_FLIGHT.most / 2
    }

    /// Whether this side is still below the other's horizon. O(peers × log n) while it is, else O(1).
    pub(super) fn awaits_document(&mut self, doc: &Doc) -> bool {
        if self.awaited.iter().all(|(peer, count)| doc.count_of(peer) >= *count) {
            self.awaited.clear();
        }
        !self.awaited.is_empty()
    }

    fn note_arrival(&mut self, peer: SharedText, count: u32) {
        if !self.parts[Kind::Hello.index()].is_empty() {
            self.arrived.push((peer, count));
        }
    }

    /// Frees what a session that is over does not need.
    pub(super) fn let_go(&mut self) {
        self.parts = Default::default();
        self.arrived.clear();
    }

    /// Counts a message with content, which must be the next one.
    fn count(&mut self, number: u64) -> Result<(), Error> {
        if number != self.taken {
            return Err(SessionRule::OutOfOrder { expected: self.taken, given: number }.into());
        }
        self.taken += 1;
        if self.taken - self.acknowledged > limits::MESSAGES_IN_FLIGHT.most {
            return Err(SessionRule::TooManyInFlight.into());
        }
        Ok(())
    }

    /// Puts a part behind the earlier ones; gives them all where it is the last, and they are several.
    fn join(&mut self, head: Head, part: &mut Reader<'_>) -> Result<Option<Vec<u8>>, Error> {
        let parts = &mut self.parts[head.kind.index()];
        head.kind.limit().check((parts.len() + part.left()) as u64)?;
        if parts.is_empty() && !head.has_more {
            return Ok(None);
        }
        if part.left() == 0 {
            return Err(part.damage("a part is empty"));
        }
        parts.extend_from_slice(part.take(part.left() as u64)?);
        Ok(Some(if head.has_more { Vec::new() } else { std::mem::take(parts) }))
    }
}

impl Session {
    pub(super) fn take_message(
        &mut self,
        doc: &mut Doc,
        store: &mut Store,
        message: &[u8],
        now: f64,
    ) -> Result<Received, Error> {
        Time::Now.check(now)?;
        let (head, mut content) = Head::read(message)?;
        let arrived = self.outgoing.acknowledge(head.acknowledged).ok_or(SessionRule::NotSent)?;
        for (peer, count) in arrived.flatten() {
            self.known.raise_there(&peer, count);
            self.incoming.note_arrival(peer, count);
        }
        if head.kind == Kind::Acknowledgement {
            return Ok(Received::default());
        }
        self.incoming.count(head.number)?;
        self.check_kind(head.kind)?;
        match self.incoming.join(head, &mut content)? {
            None => self.take_content(doc, store, head.kind, content, now),
            Some(_) if head.has_more => Ok(Received::default()),
            Some(whole) => self.take_content(doc, store, head.kind, Reader::new(&whole), now),
        }
    }

    /// What `take_message` would merge or rebase on.
    pub(super) fn update_in(&self, message: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let (head, mut content) = Head::read(message)?;
        if head.has_more || !matches!(head.kind, Kind::Events | Kind::Document) {
            return Ok(None);
        }
        let earlier = &self.incoming.parts[head.kind.index()];
        head.kind.limit().check((earlier.len() + content.left()) as u64)?;
        memory::spend(earlier.len() as u64 * memory::SPENT_PER_BYTE)?;
        let whole = [earlier, content.take(content.left() as u64)?].concat();
        if head.kind == Kind::Events { Doc::update_of_page(Reader::new(&whole)).map(Some) } else { Ok(Some(whole)) }
    }

    /// Refuses what the other side has no reason to send.
    fn check_kind(&self, kind: Kind) -> Result<(), Error> {
        let Some(other) = &self.other else {
            return if kind == Kind::Hello { Ok(()) } else { Err(SessionRule::NoHello.into()) };
        };
        match kind {
            Kind::Events | Kind::Document if other.read_only => Err(SessionRule::ReadOnly.into()),
            Kind::Document if !self.incoming.may_take_document => Err(SessionRule::DocumentNotNeeded.into()),
            _ => Ok(()),
        }
    }

    fn take_content(
        &mut self,
        doc: &mut Doc,
        store: &mut Store,
        kind: Kind,
        mut content: Reader<'_>,
        now: f64,
    ) -> Result<Received, Error> {
        let mut received = Received::default();
        match kind {
            Kind::Hello => self.take_hello(doc, content)?,
            Kind::Events => {
                let (report, ends) = doc.merge_page(content)?;
                for (peer, count) in ends {
                    self.known.raise_there(&doc.shared_name(&peer), count);
                }
                self.incoming.has_news = true;
                received.durable = Some(report);
            }
            Kind::Entries => {
                (received.ephemeral, received.refused) = store.merge_from(self.source, &mut content, now)?;
            }
            Kind::Document => {
                received.durable = Some(doc.rebase(content.take(content.left() as u64)?)?);
                self.incoming.has_news = true;
            }
            Kind::Acknowledgement => {}
        }
        Ok(received)
    }

    /// A hello replaces all that was known of the other side, but for what is on the way to it.
    fn take_hello(&mut self, doc: &Doc, content: Reader<'_>) -> Result<(), Error> {
        let mut hello = Hello::read(doc, content)?;
        if hello.document != self.options.document {
            let here = self.options.document.clone();
            return Err(SessionRule::OtherDocument { here, there: hello.document }.into());
        }
        self.known.restart(std::mem::take(&mut hello.version));
        for (peer, count) in self.incoming.arrived.drain(..) {
            self.known.raise_there(&peer, count);
        }
        for (peer, count) in self.outgoing.on_the_way() {
            self.known.raise_sent(peer, *count);
        }
        let is_below = hello.given_up.iter().any(|(peer, count)| doc.count_of(peer) < *count);
        let other_is_below = self.other_is_below(doc);
        if other_is_below && (is_below || self.options.read_only) {
            return Err(doc.compacted());
        }
        if is_below && hello.read_only {
            let given_up = hello.given_up.iter().map(|(peer, count)| (String::from(&**peer), *count));
            return Err(Error::Compacted(given_up.collect()));
        }
        // A rebase may replace events of one name by others.
        if !is_below && !other_is_below {
            hello.check_events(doc)?;
        }
        let Hello { most_message_bytes, namespaces, read_only, given_up, .. } = hello;
        self.incoming.may_take_document = !given_up.is_empty();
        self.incoming.awaited = if is_below { given_up } else { Vec::new() };
        self.outgoing.document = if other_is_below { SavedDocument::Due } else { SavedDocument::NotNeeded };
        self.outgoing.next = PageStart::Version;
        self.other = Some(Other { most_message_bytes, namespaces, read_only });
        Ok(())
    }
}
