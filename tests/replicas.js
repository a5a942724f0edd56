// Documents that merge or type a published history in several ways.

import assert from 'node:assert/strict';
import { open } from '../host-js/src/node.js';
import { COLUMN, ROW, TABLE } from './history.js';

/** @import { Doc } from '../host-js/src/doc.js' */
/** @import { Session } from '../host-js/src/session.js' */
/** @import { Op } from '../host-js/src/types.js' */
/** @import { EventRun } from '../host-js/dist/wit/interfaces/converge-sync-durable.js' */
/** @import { History, HistoryEvent, Random } from './history.js' */
/** @typedef {{ text: string, digest: string, saved: Uint8Array }} Contents what a document with all events contains */
/** @typedef {{ session: Session, inbox: Uint8Array[] }} End one end of a link, and the messages to it */

export const engine = await open();

/** The denominator of the probabilities of interruptions. */
const CASES = 16;
/** Longer than any test runs. */
const STORE_OPTIONS = { timeToLive: 1e9 };
const NOW = 1000;

/**
 * Returns the text of a document; an empty one if there is none yet.
 *
 * @param {Doc} doc
 */
export const textOf = (doc) => String(doc.get(TABLE, ROW)?.[COLUMN] ?? '');

/**
 * @param {Doc} doc
 * @returns {Contents}
 */
export const contentsOf = (doc) => ({ text: textOf(doc), digest: doc.digestHex(), saved: doc.save() });

/**
 * Calls a function with documents, and disposes of them.
 *
 * @template T
 * @param {Doc[]} docs
 * @param {(...docs: Doc[]) => T} use
 * @returns {T}
 */
export function using(docs, use) {
  try {
    return use(...docs);
  } finally {
    for (const doc of docs) doc.dispose();
  }
}

/**
 * Commits an event on the replica of its author, whose heads are those that the event builds on.
 *
 * @param {Doc} doc
 * @param {HistoryEvent} event
 */
export function type(doc, { id, patches }) {
  const [patch] = patches;
  const committed =
    patch !== undefined && patches.length === 1 ? doc.splice(TABLE, ROW, COLUMN, ...patch) : doc.commit(opsOf(patches));
  assert.deepEqual(committed, id);
}

/**
 * @param {HistoryEvent['patches']} patches
 * @returns {Op[]}
 */
function opsOf(patches) {
  return patches.map(([at, remove, insert]) => {
    return { op: 'splice', table: TABLE, row: ROW, column: COLUMN, at, remove, insert };
  });
}

/**
 * Merges the events of a history one by one, in the order of the file.
 *
 * @param {History} history
 * @returns {Contents}
 */
export function byEvents(history) {
  return using([engine.create('reference')], (doc) => {
    for (const index of history.order()) {
      const { applied, waiting } = doc.mergeEvents([history.run(index)]);
      assert.deepEqual([applied, waiting], [1, 0], `event ${index}`);
    }
    return contentsOf(doc);
  });
}

/**
 * Types a history on replicas of its authors, and returns the contents of each at the end. An
 * author merges what its next event builds on just before it commits this event.
 *
 * @param {History} history
 * @returns {Contents[]}
 */
export function byAuthors(history) {
  /** @type {Map<string, { doc: Doc, known: Set<number> }>} */
  const replicas = new Map();
  for (const [index, event] of history.events.entries()) {
    if (index === 0) continue;
    const { peer } = event.id;
    const replica = replicas.get(peer) ?? { doc: engine.create(peer), known: new Set() };
    replicas.set(peer, replica);
    const missing = history.missing(event.after, replica.known);
    replica.doc.mergeEvents(missing.map((before) => history.run(before)));
    for (const merged of [...missing, index]) replica.known.add(merged);
    type(replica.doc, event);
  }
  const docs = [...replicas.values()].map(({ doc }) => doc);
  return using(docs, () => {
    for (const doc of docs) for (const other of docs) doc.mergeUpdate(other.updateSince(doc.summary()));
    return docs.map(contentsOf);
  });
}

/**
 * Types each n-th event on a copy of the version that it builds on. Merges the other events.
 *
 * @param {History} history
 * @returns {Contents}
 */
export function byCopies(history, n = 1) {
  return using([engine.create('all')], (doc) => {
    for (const [index, event] of history.events.entries()) {
      if (index === 0 || index % n > 0) {
        doc.mergeEvents([history.run(index)]);
        continue;
      }
      using([doc.forkAt(history.idsOf(event.after), event.id.peer)], (author) => {
        type(author, event);
        doc.mergeUpdate(author.updateSince(doc.summary()));
      });
    }
    return contentsOf(doc);
  });
}

/**
 * Merges runs in this order, in groups of up to `max`, as events or as an update. Between them,
 * saves and loads the document, and compacts it below the events that follow, each in this many of
 * 16 cases. Returns the contents at the end.
 *
 * @param {History} history
 * @param {{ order: number[], max: number, reload: number, compact: number }} way
 * @param {Random} random
 * @param {EventRun[]} [runs] with fingerprints, for events that wait, which an update does not contain
 */
export function interrupted(history, { order, max, reload, compact }, random, runs) {
  const criticals = compact > 0 ? history.criticals() : [];
  const arrived = new Set();
  let doc = engine.create('replica');
  let prefix = 0;
  for (let at = 0; at < order.length;) {
    const group = order.slice(at, at + 1 + random.below(max));
    at += group.length;
    const events = group.map((index) => runs?.[index] ?? history.run(index));
    if (runs === undefined && random.chance(1, 2)) mergeAsUpdate(doc, events);
    else doc.mergeEvents(events);
    for (const index of group) arrived.add(index);
    while (arrived.has(prefix)) prefix++;
    if (random.chance(reload, CASES)) doc = reloaded(doc);
    if (random.chance(compact, CASES) && prefix > 0) {
      const critical = /** @type {number} */ (criticals[prefix - 1]);
      doc.compact([engine.summaryOf(history.versionUpTo(critical))]);
    }
  }
  return using([doc], contentsOf);
}

/**
 * Merges runs as an update, which a replica that has them in addition encodes.
 *
 * @param {Doc} doc
 * @param {EventRun[]} runs
 */
function mergeAsUpdate(doc, runs) {
  using([engine.load(doc.save(), { peer: 'other' })], (other) => {
    other.mergeEvents(runs);
    const { applied, duplicate } = doc.mergeUpdate(other.updateSince(doc.summary()));
    assert.deepEqual([applied, duplicate], [runs.length, 0]);
  });
}

/**
 * Returns a loaded copy of a document, in place of the document.
 *
 * @param {Doc} doc
 */
function reloaded(doc) {
  const saved = doc.save();
  const loaded = engine.load(saved, { peer: doc.peer() });
  doc.dispose();
  assert.ok(Buffer.compare(loaded.save(), saved) === 0, 'a loaded document saves the same bytes');
  return loaded;
}

/**
 * Lets three replicas exchange a history by sessions: the first with the second, which does so with
 * the third. Each has another part of the history. The rest of it arrives at the third one between
 * the messages. Returns the contents of each.
 *
 * @param {History} history
 * @param {number[]} sizes of messages, of which each end has one as its maximum
 * @param {Random} random
 * @returns {Contents[]}
 */
export function bySessions(history, sizes, random) {
  const docs = ['one', 'two', 'three'].map((peer) => engine.create(peer));
  return using(docs, (one, two, three) => {
    /** @type {number[]} */
    let live = [];
    for (const doc of docs) {
      const order = history.shuffled(random);
      live = order.splice(1 + random.below(order.length));
      doc.mergeEvents(order.map((index) => history.run(index)));
    }
    const links = [link(one, two, sizes, random), link(two, three, sizes, random)];
    const maxLive = 4 + Math.floor(live.length / 100);
    for (let at = 0; at < live.length;) {
      const group = live.slice(at, at + 1 + random.below(maxLive));
      at += group.length;
      three.mergeEvents(group.map((index) => history.run(index)));
      for (let steps = random.below(4); steps > 0; steps--) {
        const ends = /** @type {[End, End]} */ (links[random.below(links.length)]);
        step(ends, random.below(2));
      }
    }
    for (let isQuiet = false; !isQuiet;) {
      isQuiet = true;
      for (const ends of links) for (const end of [0, 1]) if (step(ends, end)) isQuiet = false;
    }
    for (const { session } of links.flat()) {
      assert.ok(session.progress().inSync, 'in sync');
      session.dispose();
    }
    return docs.map(contentsOf);
  });
}

/**
 * @param {Doc} one
 * @param {Doc} other
 * @param {number[]} sizes
 * @param {Random} random
 * @returns {[End, End]}
 */
function link(one, other, sizes, random) {
  const end = (/** @type {Doc} */ doc) => {
    const maxMessageBytes = sizes[random.below(sizes.length)];
    const nonce = BigInt(random.below(2 ** 32));
    const store = engine.createStore(doc.peer(), STORE_OPTIONS);
    return { inbox: [], session: engine.openSession(doc, store, { document: 'text', nonce, maxMessageBytes }) };
  };
  return [end(one), end(other)];
}

/**
 * Lets one end of a link send a message and receive one. Returns whether it did either.
 *
 * @param {[End, End]} ends
 * @param {number} which
 */
function step(ends, which) {
  const [here, there] = which === 0 ? ends : [ends[1], ends[0]];
  const sent = here.session.poll(NOW);
  if (sent !== undefined) there.inbox.push(sent);
  const received = here.inbox.shift();
  if (received !== undefined) here.session.receive(received, NOW);
  return sent !== undefined || received !== undefined;
}
