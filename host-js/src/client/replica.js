// A document and a store with their storage and their sessions: everything of a client that `reset` replaces.

import { CompactedError, GoneError } from '../errors.js';
import { observeDoc, observeStore } from '../observe.js';
import { isEqual } from './bytes.js';
import { ClientError, messageOf } from './errors.js';
import { absorb, countsOf, eventsSince, rebaseWith, toCommits } from './history.js';
import { Keeper } from './keeper.js';
import { Presence } from './presence.js';
import { Link, Pump } from './pump.js';
import { Tabs } from './tabs.js';

/** @import { Doc } from '../doc.js' */
/** @import { Engine } from '../engine.js' */
/** @import { Entry, Received } from '../types.js' */
/** @import { Content, StoredDocument } from './storage.js' */
/** @import { Commit } from './types.js' */

/** Presence is sent at most this often. */
const PRESENCE_MS = 50;
/** The log is compacted when nothing happened for this time. */
const IDLE_MS = 500;
/** What the server has acknowledged is noted this long after it changed. */
const NOTE_MS = 2_000;
/** The first byte of a message that completes a saved document; see docs/protocol.md. */
const DOCUMENT = 4;

/**
 * Where a replica is kept, and what was read there.
 *
 * @typedef {{ stored: StoredDocument, content: Content, open: () => Promise<StoredDocument> }} Kept
 */

/**
 * @typedef {object} ReplicaHandlers
 * @property {() => void} onChange something that the status shows, or a row, may have changed
 * @property {() => void} onStoreChange an entry of the store may have changed
 * @property {(error: ClientError) => void} onStop the replica must not be synchronized any more
 * @property {(error: unknown) => void} onFailed the session with the server failed, or the engine
 * @property {() => Link | undefined} server the session with the server
 */

export class Replica {
  #engine;
  #name;
  #kept;
  #handlers;
  /** @type {Keeper | undefined} */
  #keeper;
  #pump;
  /** @type {Presence} */
  #presence;
  /** @type {Tabs | undefined} */
  #tabs;
  /**
   * The number of events of each peer that the server is known to have, and their summary;
   * `undefined` if it is not known to have any.
   *
   * @type {{ counts: Map<string, number>, summary: Uint8Array } | undefined}
   */
  #there;
  /**
   * What the notes would say, if there is no storage.
   *
   * @type {string | undefined}
   */
  #incarnation;
  #isForked = false;
  #isRebasing = false;
  /** @type {ClientError | undefined} */
  #ended;
  /**
   * The summary of what another replica with this storage returned from `reset`.
   *
   * @type {Uint8Array | undefined}
   */
  #returned;
  #presenceAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #presenceTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #idleTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #noteTimer;

  /**
   * @param {Engine} engine
   * @param {string} name of the document
   * @param {string} peer
   * @param {Kept | undefined} kept
   * @param {ReplicaHandlers} handlers
   */
  constructor(engine, name, peer, kept, handlers) {
    this.#engine = engine;
    this.#name = name;
    this.#kept = kept;
    this.#handlers = handlers;
    const { doc, durable } = load(engine, peer, kept?.content);
    this.doc = doc;
    this.store = engine.createStore(peer);
    this.#pump = new Pump(
      () => this.#keeper?.capture(),
      () => this.#afterRound(),
      handlers.onFailed,
    );
    if (kept !== undefined) {
      this.#keeper = new Keeper(engine, doc, kept.stored, kept.content, durable, {
        open: kept.open,
        onChange: handlers.onChange,
        onFenced: handlers.onStop,
        onOpened: ({ channel }) => {
          this.#tabs?.close(this.doc.summary());
          this.#tabs = undefined;
          if (channel !== undefined) this.#join(channel);
        },
      });
      this.#setThere(kept.content.notes.acknowledged);
    }
    const before = () => {
      if (this.#ended !== undefined) throw this.#ended;
    };
    observeDoc(this.doc, { before, after: () => this.#wrote() });
    observeStore(this.store, { before, after: () => this.#showed() });
    this.#presence = new Presence(this.store, handlers.onStoreChange, handlers.onFailed);
    if (kept?.stored.channel !== undefined) this.#join(kept.stored.channel);
    if (durable !== undefined) this.#pump.trigger();
  }

  get keeper() {
    return this.#keeper;
  }

  get isForked() {
    return this.#isForked;
  }

  /** The copy of damaged data, if parts of it were left out. */
  get repaired() {
    return this.#kept?.content.repaired;
  }

  /** The incarnation of the server's document that this replica was synchronized with. */
  get incarnation() {
    return this.#keeper === undefined ? this.#incarnation : this.#keeper.notes.incarnation;
  }

  /**
   * Remembers the incarnation of the server's document, durably.
   *
   * @param {string} incarnation
   */
  async setIncarnation(incarnation) {
    if (this.#keeper === undefined) this.#incarnation = incarnation;
    else await this.#pump.run(() => this.#keeper?.note({ ...this.#keeper.notes, incarnation }));
  }

  /** The number of events that the server is not known to have. */
  get unsent() {
    const server = this.#handlers.server();
    if (server?.hasReceived) return server.progress().unsent;
    const there = this.#there?.counts;
    let unsent = 0;
    for (const [peer, count] of countsOf(this.doc)) unsent += Math.max(count - (there?.get(peer) ?? 0), 0);
    return unsent;
  }

  /** Lets the next round begin. */
  trigger() {
    this.#pump.trigger();
  }

  /**
   * Opens a session.
   *
   * @param {{ send: (message: Uint8Array<ArrayBuffer>) => void, hasRoom: () => boolean,
   *   onFailed: (error: unknown) => void, maxMessageBytes?: number }} transport
   * @param {boolean} isTab whether the other side has stored what it sends in the same storage
   * @returns {Link}
   */
  link({ maxMessageBytes, ...transport }, isTab) {
    const options = { document: this.#name, ...(maxMessageBytes !== undefined && { maxMessageBytes }) };
    const session = this.#engine.openSession(this.doc, this.store, options);
    const link = new Link(session, {
      ...transport,
      onReceived: (received) => this.#received(received, isTab),
    });
    if (!isTab) this.#presence.connected();
    this.#pump.add(link);
    return link;
  }

  /** @param {Link} link */
  unlink(link) {
    this.#pump.remove(link);
  }

  /**
   * Passes a message to a session.
   *
   * @param {Link} link
   * @param {Uint8Array} message
   */
  receive(link, message) {
    try {
      if (message[0] === DOCUMENT) this.#receiveDocument(link, message);
      else link.receive(message);
    } catch (error) {
      link.fail(error);
    }
  }

  /**
   * Passes a message to a session that can complete a saved document.
   *
   * @param {Link} link
   * @param {Uint8Array} message
   */
  #receiveDocument(link, message) {
    this.#isRebasing = true;
    try {
      rebaseWith(this.#engine, this.doc, this.#there?.summary, this.#isPresent, () => link.receive(message));
    } finally {
      this.#isRebasing = false;
      this.#wrote();
    }
  }

  /**
   * Replaces the content by a saved document that was compacted past it. Writes that it lacks are
   * committed again.
   *
   * @param {Uint8Array} saved
   */
  async rebase(saved) {
    await this.#pump.run(() => {
      const server = this.#engine.load(saved);
      const summary = server.summary();
      const counts = countsOf(server);
      server.dispose();
      try {
        rebaseWith(this.#engine, this.doc, this.#there?.summary, this.#isPresent, () => {
          try {
            this.doc.raw.rebase(saved);
          } catch (error) {
            // The saved document was compacted less than this one, so it can be merged.
            if (!(error instanceof CompactedError)) throw error;
            this.doc.raw.mergeUpdate(saved);
          }
        });
        this.#there = { counts, summary };
      } finally {
        // Also if writes could not be committed again: the content is another one.
        this.#wrote();
      }
    });
  }

  /** The connection was lost: remembers what the server has. */
  lost() {
    this.noteServer();
    this.#pump.run(() => this.#note());
  }

  /** Remembers what the server has, as long as there is a session. */
  noteServer() {
    const server = this.#handlers.server();
    if (!server?.hasReceived || server.isEnded || this.#engine.gone) return;
    const { knownThere, unsent } = server.progress();
    const counts = new Map(knownThere.map(({ peer, count }) => [peer, count]));
    // Names are not enough to identify events where a history forked, so the document's own summary is better.
    const summary = unsent === 0 ? this.doc.summary() : this.#engine.summaryOf(knownThere);
    this.#there = { counts, summary };
  }

  /**
   * Returns the commits that the server is not known to have.
   *
   * @returns {Commit[]}
   */
  unsentCommits() {
    this.noteServer();
    const events = eventsSince(this.#engine, this.doc, this.#there?.summary);
    if (this.#returned === undefined) return toCommits(events);
    const id = (/** @type {{ peer: string, counter: number }} */ { peer, counter }) => `${counter} ${peer}`;
    const others = new Set(eventsSince(this.#engine, this.doc, this.#returned).map(id));
    return toCommits(events.filter((event) => others.has(id(event))));
  }

  /**
   * Runs a job while nothing is stored or sent.
   *
   * @template T
   * @param {() => T | Promise<T>} job
   */
  run(job) {
    return this.#pump.run(job);
  }

  /**
   * Removes what is stored, and lets an empty replica begin there.
   *
   * @param {(kept: Kept | undefined) => void} begin is called with the storage of that replica
   * @returns {Promise<Commit[]>} the commits that the server does not have
   */
  async clear(begin) {
    this.#keeper?.giveUp();
    try {
      return await this.#pump.run(async () => {
        const kept = this.#kept && (await this.#clear(this.#kept.open));
        const commits = this.unsentCommits();
        begin(kept);
        return commits;
      });
    } catch (error) {
      this.#keeper?.resume();
      this.#pump.trigger();
      throw error;
    }
  }

  /**
   * @param {() => Promise<StoredDocument>} open
   * @returns {Promise<Kept>}
   */
  async #clear(open) {
    const keeper = /** @type {Keeper} */ (this.#keeper);
    const { stored } = keeper;
    if (keeper.error?.reason === 'reset') {
      // Another replica has begun there.
      await stored.close();
      const fresh = await open();
      return { stored: fresh, content: await fresh.read(), open };
    }
    await stored.rename();
    await stored.reset({});
    this.#tabs?.postReset(this.doc.summary());
    return { stored, content: { updates: [], notes: {} }, open };
  }

  /**
   * Sets entries again that `leave` removed.
   *
   * @param {Entry[]} entries
   */
  show(entries) {
    this.#presence.set(entries);
  }

  /**
   * Removes the entries of this replica, and returns them.
   *
   * @returns {Entry[]}
   */
  leave() {
    if (this.#engine.gone) return [];
    const entries = this.#presence.own();
    if (entries.length > 0) {
      this.store.leave();
      // At once, since the page may not run any more later.
      this.#pump.trigger();
    }
    return entries;
  }

  /** Stores and sends everything, as far as that succeeds at once. */
  async flush() {
    if (this.#engine.gone) return;
    this.#keeper?.giveUp();
    this.noteServer();
    this.#pump.trigger();
    // Runs after the round that is wanted now.
    await this.#pump.run(() => {});
    await this.#pump.run(() => this.#note());
  }

  postDestroyed() {
    this.#tabs?.postDestroyed();
  }

  /**
   * Lets all further writes fail.
   *
   * @param {ClientError} error
   */
  refuseWrites(error) {
    this.#ended = error;
    this.#presence.stop();
  }

  /**
   * Ends the sessions. The document can be read afterwards, and writes fail.
   *
   * @param {ClientError} error of writes
   */
  end(error) {
    this.refuseWrites(error);
    for (const timer of [this.#presenceTimer, this.#idleTimer, this.#noteTimer]) clearTimeout(timer);
    this.#tabs?.close(this.#engine.gone ? undefined : this.doc.summary());
    this.#tabs = undefined;
    this.#pump.clear();
  }

  #wrote() {
    this.#keeper?.wrote();
    this.#handlers.onChange();
    this.#pump.trigger();
  }

  /** An entry of the store changed. */
  #showed() {
    this.#handlers.onStoreChange();
    const wait = this.#presenceAt + PRESENCE_MS - performance.now();
    if (wait <= 0) {
      this.#presenceAt = performance.now();
      this.#pump.trigger();
    } else {
      this.#presenceTimer ??= setTimeout(() => {
        this.#presenceTimer = undefined;
        this.#presenceAt = performance.now();
        this.#pump.trigger();
      }, wait);
    }
  }

  /**
   * @param {Received} received
   * @param {boolean} isTab
   */
  #received({ durable, ephemeral }, isTab) {
    if (durable !== undefined) {
      // A rebase also commits events again, which nobody has stored yet.
      if (isTab && !this.#isRebasing) this.#keeper?.mergedStored();
      else this.#keeper?.wrote();
      if (durable.forked.includes(this.doc.peer())) this.#forked();
    }
    if (!isTab) this.#presence.received(ephemeral);
    if (ephemeral.length > 0) this.#handlers.onStoreChange();
    this.#handlers.onChange();
    this.#pump.trigger();
  }

  /** Another copy of the storage wrote as this peer. The next start has to use another name. */
  #forked() {
    if (this.#isForked) return;
    this.#isForked = true;
    this.#pump
      .run(() => this.#keeper?.stored.rename())
      .catch(() => {
        // The next merge of a fork tries again.
        this.#isForked = false;
      });
  }

  #afterRound() {
    this.#handlers.onChange();
    if (this.#ended !== undefined) return;
    const keeper = this.#keeper;
    if (keeper?.isCompactionUrgent) this.#pump.run(() => keeper.compact()).finally(() => this.#pump.trigger());
    else if (keeper?.isCompactionDue) {
      clearTimeout(this.#idleTimer);
      this.#idleTimer = setTimeout(() => {
        this.#pump.run(() => keeper.compact()).finally(() => this.#pump.trigger());
      }, IDLE_MS);
    }
    if (keeper !== undefined && this.#handlers.server()?.hasReceived) {
      this.#noteTimer ??= setTimeout(() => {
        this.#noteTimer = undefined;
        this.noteServer();
        this.#pump.run(() => this.#note());
      }, NOTE_MS);
    }
  }

  /** Notes what the server has acknowledged, if that changed. */
  async #note() {
    const keeper = this.#keeper;
    const acknowledged = this.#there?.summary;
    if (keeper === undefined || acknowledged === undefined || isEqual(keeper.notes.acknowledged, acknowledged)) return;
    try {
      await keeper.note({ ...keeper.notes, acknowledged });
    } catch {
      // An older note is true as well.
    }
  }

  /** @param {Uint8Array | undefined} acknowledged */
  #setThere(acknowledged) {
    if (acknowledged === undefined) return;
    try {
      const counts = countsOf(this.doc);
      for (const { peer, counter } of eventsSince(this.#engine, this.doc, acknowledged)) {
        counts.set(peer, Math.min(counts.get(peer) ?? 0, counter));
      }
      this.#there = { counts, summary: acknowledged };
    } catch {
      // A summary that cannot be read says nothing.
    }
  }

  /** @param {string} peer */
  #isPresent = (peer) => this.#tabs?.has(peer) ?? false;

  /** @param {string} channel */
  #join(channel) {
    this.#tabs = new Tabs(channel, this.doc.peer(), {
      onJoined: (send) => this.link({ send, hasRoom: () => true, onFailed: (error) => this.#tabFailed(error) }, true),
      onMessage: (link, bytes) => this.receive(link, bytes),
      onIncarnation: (incarnation) => this.#keeper?.learn(incarnation),
      incarnation: () => this.incarnation,
      onUnlinked: (link) => this.unlink(link),
      onLeft: (summary) => {
        if (isEqual(summary, this.doc.summary())) return;
        this.#pump.run(() => this.#keeper?.absorbLog()).finally(() => this.#pump.trigger());
      },
      onReset: (summary) => {
        this.#returned = summary;
        const error = new ClientError('reset', 'another replica with this storage called reset; call it here too');
        this.#keeper?.setFence(error);
        this.#handlers.onStop(error);
      },
      onDestroyed: () => {
        const error = new ClientError('destroyed', 'another replica with this storage called destroy');
        this.#keeper?.setFence(error);
        this.#handlers.onStop(error);
      },
    });
  }

  /** @param {unknown} error */
  #tabFailed(error) {
    if (error instanceof GoneError) this.#handlers.onFailed(error);
  }
}

/** Returns a random number of 64 bits. */
function randomSalt() {
  const [salt] = crypto.getRandomValues(new BigUint64Array(1));
  return /** @type {bigint} */ (salt);
}

/**
 * @param {Engine} engine
 * @param {string} peer
 * @param {Content | undefined} content
 * @returns {{ doc: Doc, durable: Uint8Array | undefined }} `durable` is the summary of what is stored,
 *   if events had to be committed again
 */
function load(engine, peer, content) {
  /** @type {Uint8Array | undefined} */
  let durable;
  try {
    const doc = content?.snapshot === undefined ? engine.create(peer) : engine.load(content.snapshot, { peer });
    for (const update of content?.updates ?? []) {
      absorb(engine, doc, update, () => (durable ??= doc.summary()));
    }
    // A copy of the storage has the same peer name and state, and additions of both must count. Events that are
    // committed again above must not differ from those of an earlier start, so this comes after them.
    doc.distinguish(randomSalt());
    return { doc, durable };
  } catch (cause) {
    throw new ClientError('damaged', `the stored document could not be read: ${messageOf(cause)}`, { cause });
  }
}
