//! Handles received messages: their order, and the effects of their content.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions, clippy::unwrap_used)]

use super::conversation::Conversation;
use super::hello::Hello;
use super::inbox::Inbox;
use super::known::Known;
use super::message::{Head, MessageKind};
use super::outbox::SavedDocument;
use super::{Other, Received, Session, trace};
use crate::codec::Reader;
use crate::convert::u64_of;
use crate::doc::{Doc, Merged, PageStart, Proven, Summary};
use crate::ephemeral::Store;
use crate::error::{Error, SessionRule, Time};
use crate::id::PeerNumber;
use crate::memory;

/// How this side relates to the horizon of the other side.
struct HorizonGap {
    /// Whether this side lacks events that the other side compacted.
    is_below: bool,
    /// Whether this side lacks such events, or has events that do not build on them, so that it
    /// must replace its content by the other side's document.
    must_rebase: bool,
}

impl HorizonGap {
    fn of(doc: &Doc, summary: &Summary, proven: &Proven) -> Self {
        let is_below = !summary.horizon.iter().all(|head| doc.knows_or_compacted(head));
        Self { is_below, must_rebase: is_below || doc.some_outside(summary, proven, &proven.counts) }
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
        let (mut head, mut content) = Head::read(message)?;
        if self.is_stale(&mut head, content)? {
            return Ok(Received::default());
        }
        let arrived = self.outbox.acknowledge(head.acknowledged).ok_or(SessionRule::NotSent)?;
        for end in arrived.flatten() {
            self.known.raise_there(doc, &end);
            self.inbox.note_arrival(end);
        }
        if head.kind == MessageKind::Acknowledgement {
            return Ok(Received::default());
        }
        self.inbox.count(head.number)?;
        self.check_kind(head.kind)?;
        match self.inbox.join(head, &mut content)? {
            None => self.take_content(doc, store, head.kind, content, now),
            Some(_) if head.has_more => Ok(Received::default()),
            Some(whole) => self.take_content(doc, store, head.kind, Reader::new(&whole), now),
        }
    }

    /// Returns whether a message is of an earlier conversation. Begins a new conversation if the
    /// message does.
    fn is_stale(&mut self, head: &mut Head, content: Reader<'_>) -> Result<bool, Error> {
        let is_to_this = head.to == self.conversation.address();
        let is_open = head.to == 0 && head.kind == MessageKind::Hello;
        if !is_to_this {
            // The message acknowledges messages of another conversation.
            head.acknowledged = 0;
        }
        if head.kind != MessageKind::Hello || head.number > 0 {
            // The later parts of a first hello were written before their sender knew this side.
            let is_part = head.kind == MessageKind::Hello
                && head.number == self.inbox.taken
                && !self.inbox.parts_of(MessageKind::Hello).is_empty();
            if is_to_this && self.inbox.from.is_none() {
                // The other side sent its hello to an earlier session of this side, and must send
                // it again.
                self.start_over();
                return Ok(true);
            }
            return Ok(!is_to_this && !is_part);
        }
        let there = Conversation::read(&mut content.clone())?;
        // If both sides begin a new conversation at once, the side with the smaller session number
        // answers.
        let is_to_former = self.conversation.is_former(head.to);
        let is_same_side = self.inbox.from.is_some_and(|from| from.nonce == there.nonce);
        if is_to_former && is_same_side && (self.inbox.from == Some(there) || self.conversation.nonce >= there.nonce) {
            return Ok(true);
        }
        if self.inbox.from.is_some_and(|from| from != there) {
            if is_to_this {
                // The other side began a new conversation, and answers this side's hello.
                self.forget_other();
                self.outbox.resend_after_hello();
            } else {
                // The other side opened a new session, which does not know this one, or only
                // messages of an earlier one.
                self.start_over();
            }
        }
        self.inbox.from = Some(there);
        // Any message shows a side that did not receive this side's hello that a conversation
        // began.
        self.inbox.has_news |= is_open && self.outbox.has_sent_hello();
        Ok(false)
    }

    /// Begins a new conversation. The other side answers its hello.
    fn start_over(&mut self) {
        self.forget_other();
        self.conversation.restarts = self.conversation.restarts.saturating_add(1);
        self.outbox.restart();
    }

    fn forget_other(&mut self) {
        self.other = None;
        self.known = Known::default();
        self.contested.clear();
        self.inbox = Inbox::default();
    }

    /// Returns the content of a message that `take_message` would merge or rebase onto.
    pub(super) fn update_in(&self, message: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let (head, mut content) = Head::read(message)?;
        let is_stale = head.to != self.conversation.address() || self.inbox.from.is_none();
        if head.has_more || is_stale || !matches!(head.kind, MessageKind::Events | MessageKind::Document) {
            return Ok(None);
        }
        let earlier = self.inbox.parts_of(head.kind);
        head.kind.limit().check(u64_of(earlier.len().saturating_add(content.left())))?;
        memory::spend_on(earlier)?;
        let whole = [earlier, content.take_rest()].concat();
        if head.kind == MessageKind::Events {
            Doc::update_of_page(Reader::new(&whole)).map(Some)
        } else {
            Ok(Some(whole))
        }
    }

    /// Fails if the other side must not send this kind of content.
    fn check_kind(&self, kind: MessageKind) -> Result<(), Error> {
        let Some(other) = &self.other else {
            return if kind == MessageKind::Hello { Ok(()) } else { Err(SessionRule::NoHello.into()) };
        };
        match kind {
            MessageKind::Events | MessageKind::Document if other.read_only => Err(SessionRule::ReadOnly.into()),
            MessageKind::Events if !self.options.accept.events => Err(SessionRule::NotAccepted.into()),
            MessageKind::Entries if !self.options.accept.entries => Err(SessionRule::NotAccepted.into()),
            MessageKind::Document if !self.options.accept.documents => Err(SessionRule::NotAccepted.into()),
            MessageKind::Document if !other.is_compacted => Err(SessionRule::DocumentNotNeeded.into()),
            _ => Ok(()),
        }
    }

    fn take_content(
        &mut self,
        doc: &mut Doc,
        store: &mut Store,
        kind: MessageKind,
        mut content: Reader<'_>,
        now: f64,
    ) -> Result<Received, Error> {
        let mut received = Received::default();
        match kind {
            MessageKind::Hello => self.take_hello(doc, content)?,
            MessageKind::Trace => self.take_trace(doc, content)?,
            MessageKind::Events => {
                let merged = doc.merge_page(content, |peer| self.may_write(peer))?;
                let Merged { report, reached } = merged.map_err(|peer| SessionRule::Writer { peer })?;
                for end in reached.into_iter().flatten().filter_map(|(lane, counter)| doc.end_at(lane, counter)) {
                    self.known.raise_there(doc, &end);
                }
                self.check_still_awaits(doc);
                self.inbox.has_news = true;
                received.durable = Some(report);
            }
            MessageKind::Entries => {
                let may_write = |peer: &str| self.may_write(peer);
                (received.ephemeral, received.refused) = store.merge_from(self.source, &mut content, may_write, now)?;
            }
            MessageKind::Document => {
                received.durable = Some(doc.rebase(content.take_rest())?);
                self.check_still_awaits(doc);
                self.inbox.has_news = true;
            }
            MessageKind::Acknowledgement => {}
        }
        Ok(received)
    }

    /// Handles a hello, which replaces everything that was known of the other side, except for
    /// pages in transit.
    fn take_hello(&mut self, doc: &Doc, content: Reader<'_>) -> Result<(), Error> {
        let hello = Hello::read(content)?;
        if hello.document != self.options.document {
            let here = self.options.document.clone();
            return Err(SessionRule::OtherDocument { here, there: hello.document }.into());
        }
        let Hello { conversation, max_message_bytes, namespaces, read_only, needs_document, accept, summary, .. } =
            hello;
        if self.other.as_ref().is_some_and(|other| other.conversation != conversation) {
            return Err(SessionRule::OtherNonce.into());
        }
        let proven = doc.proven(&summary, &[]);
        let HorizonGap { is_below, must_rebase } = HorizonGap::of(doc, &summary, &proven);
        // A side that lacks the other horizon cannot decide whether the other side lacks its own
        // one. The other side can.
        let seems_below = doc.is_below(&summary, &proven);
        let other_is_below = needs_document || (seems_below && !must_rebase);
        if other_is_below && (must_rebase || self.options.read_only || !accept.documents) {
            return Err(doc.compacted_error());
        }
        if must_rebase && (read_only || !self.options.accept.documents) {
            return Err(doc.compacted_at(&summary));
        }
        self.contested.clear();
        self.known.restart(&proven.counts, summary);
        self.assume(doc, &proven);
        for end in self.inbox.arrived.drain(..) {
            self.known.raise_there(doc, &end);
        }
        for end in self.outbox.in_transit() {
            self.known.raise_sent(end);
        }
        // The other side can see that this side lacks events. It cannot see that events here do not
        // build on its horizon, or that it lacks no events itself.
        if must_rebase && (seems_below || !is_below) && !self.inbox.awaits_document {
            self.outbox.schedule_hello();
        }
        self.inbox.awaits_document = must_rebase;
        self.outbox.document = if !other_is_below {
            SavedDocument::NotNeeded
        } else if self.outbox.document_is_in_transit(doc) {
            SavedDocument::Sent
        } else {
            SavedDocument::Due
        };
        self.outbox.next = PageStart::Version;
        let is_compacted = !self.known.summary.horizon.is_empty();
        self.other = Some(Other { conversation, max_message_bytes, namespaces, read_only, accept, is_compacted });
        Ok(())
    }

    /// Checks whether this side still needs the other side's document. The other horizon can have
    /// arrived with events, and a document can be older than the last hello.
    fn check_still_awaits(&mut self, doc: &Doc) {
        if !self.inbox.awaits_document {
            return;
        }
        let HorizonGap { is_below, must_rebase } = self.below(doc);
        self.inbox.awaits_document = must_rebase;
        if must_rebase && !is_below {
            self.outbox.schedule_hello();
        }
    }

    /// Returns how this side relates to the horizon of the other side, as far as is known now.
    fn below(&self, doc: &Doc) -> HorizonGap {
        let mut proven = doc.proven(&self.known.summary, &[]);
        for (lane, count) in (0..).map(PeerNumber).zip(&mut proven.counts) {
            *count = self.known.there(lane).max(*count);
        }
        // Traces have shown which events of these peers the other side lacks.
        proven.unknown.retain(|(author, _)| author.is_none_or(|author| !self.contested.has_arrived(author)));
        HorizonGap::of(doc, &self.known.summary, &proven)
    }

    /// Handles branches of the other side whose last events are unknown here. If this side's
    /// history of the peer is as long, traces show how much both sides share; if it is shorter, the
    /// other side is ahead, and has these events.
    fn assume(&mut self, doc: &Doc, proven: &Proven) {
        for (author, branch) in &proven.unknown {
            let Some(author) = *author else { continue };
            if doc.longest_count(author) >= branch.count {
                self.contested.add(author);
            } else if let Some(lane) = doc.only_leaf(author, branch) {
                // The other side cannot have events that were written after this side's hello.
                if doc.last_on(lane).is_none_or(|last| self.outbox.hello_contains(last)) {
                    self.known.set(lane, self.known.there(lane), doc.count_on(lane));
                } else {
                    self.contested.add(author);
                }
            }
        }
    }

    /// Handles a trace. It proves every event that is known here.
    fn take_trace(&mut self, doc: &Doc, mut content: Reader<'_>) -> Result<(), Error> {
        let trace = trace::read(&mut content)?;
        let proven = doc.proven(&self.known.summary, &trace);
        for author in doc.authors_of(&trace) {
            for &lane in doc.lanes_of(author) {
                let shown = proven.counts.get(lane.index()).copied().unwrap_or(0);
                let there = shown.max(self.known.there(lane));
                self.known.set(lane, there, there);
            }
            self.contested.take(author);
        }
        for end in self.outbox.in_transit() {
            self.known.raise_sent(end);
        }
        self.outbox.next = PageStart::Version;
        if self.inbox.awaits_document || !self.below(doc).must_rebase {
            return Ok(());
        }
        // The other side lacks events of these peers that do not build on its horizon.
        let can_send = self.other.as_ref().is_some_and(|other| !other.read_only);
        if !can_send || !self.options.accept.documents || self.outbox.document != SavedDocument::NotNeeded {
            return Err(doc.compacted_at(&self.known.summary));
        }
        self.inbox.awaits_document = true;
        self.outbox.schedule_hello();
        Ok(())
    }
}
