// Works on one text: published editing histories, and insertions at one place, as in
// ../src/works/text.rs.

import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { CONCURRENT, SEQUENTIAL, missing, readTrace, sha256 } from '../../tests/traces.js';
import { textsOf } from './libraries/text/index.js';
import { figure, per, seconds } from './rows.js';

/** @import { Patch, Trace } from '../../tests/traces.js' */
/** @import { TextClass, TextReplica } from './libraries/text/replica.js' */
/** @import { Figure } from './rows.js' */
/** @import { Size } from './size.js' */
/** @typedef {(doc: TextReplica) => void} Check */

/** Short measurements are repeated for this long in total, at most `MAX_REPEATS` times. */
const ENOUGH_MS = 300;
const MAX_REPEATS = 9;
/** The edits that are typed and exchanged as a warm-up, and the distance between their places. */
const WARM_UP_EDITS = 5_000;
const STRIDE = 31;
const GZIP_LEVEL = 6;
/** The only history of one peer that the small size includes. */
const SMALL = 'sveltecomponent';

/** The peer of replicas that only merge or load. Those that edit have larger numbers. */
const READER = 1;
const FIRST_WRITER = 2;

/**
 * @param {string} work
 * @param {string} library
 * @param {Size} size
 * @returns {Promise<Figure[]>}
 */
export async function run(work, library, size) {
  const texts = await textsOf(library);
  await warmUp(texts);
  switch (work) {
    case 'text':
      return ofOne(texts, size);
    case 'text-concurrent':
      return ofSeveral(texts, size);
    case 'text-prepend':
      return prepend(texts, size);
    case 'text-crowd':
      return crowd(texts, size);
    default:
      throw new Error(`unknown work ${work}`);
  }
}

/**
 * Returns those of these histories that are there, and reports the others.
 *
 * @param {Record<string, string>} histories
 * @returns {[name: string, end: string][]}
 */
function present(histories) {
  const why = missing(...Object.keys(histories));
  if (why !== false) console.error(`left out: ${why}`);
  return Object.entries(histories).filter(([name]) => missing(name) === false);
}

/**
 * Returns the histories of one peer that a size includes, each with the SHA-256 of its end.
 *
 * @param {Size} size
 */
export function historiesOfOne({ hasAllTraces }) {
  return present(hasAllTraces ? SEQUENTIAL : { [SMALL]: SEQUENTIAL[SMALL] });
}

/**
 * @param {TextClass} texts
 * @param {Size} size
 */
async function ofOne(texts, size) {
  /** @type {Figure[]} */
  const figures = [];
  for (const [name, end] of historiesOfOne(size)) {
    const { events } = readTrace(name);
    const doc = await texts.create(FIRST_WRITER);
    doc.begin();
    const typed = seconds(() => {
      for (const { patches } of events) doc.edit(patches);
    });
    checkEnd(doc, end);
    figures.push(per(`${name}, type, per event`, typed, events.length));
    const check = (/** @type {TextReplica} */ other) => checkEnd(other, end);
    figures.push(await merged(texts, name, await updateOf(texts, doc), check), ...(await saved(texts, name, doc)));
    doc.dispose();
  }
  return figures;
}

/**
 * @param {TextClass} texts
 * @param {Size} size
 */
async function ofSeveral(texts, { hasAllTraces, updates: maxEvents }) {
  /** @type {Figure[]} */
  const figures = [];
  for (const [name, end] of present(hasAllTraces ? CONCURRENT : { friendsforever: CONCURRENT.friendsforever })) {
    const trace = readTrace(name);
    const events = hasAllTraces ? trace.events : trace.events.slice(0, maxEvents);
    const { setup, updates } = await updatesOf(texts, events);
    const doc = texts.load(READER, setup);
    const observed = seconds(() => {
      for (const update of updates) doc.merge(update);
    });
    // Other libraries may sort insertions at one place in another way. Their replicas must be equal.
    const text = doc.read();
    if (texts.isPublished && hasAllTraces) checkEnd(doc, end);
    assert.ok(text.length > 0);
    figures.push(per(`${name}, observe, per event`, observed, updates.length));
    const check = (/** @type {TextReplica} */ other) => checkText(other, text);
    figures.push(await merged(texts, name, await updateOf(texts, doc), check), ...(await saved(texts, name, doc)));
    doc.dispose();
  }
  return figures;
}

/**
 * Returns all changes of a replica as one update.
 *
 * @param {TextClass} texts
 * @param {TextReplica} doc
 */
async function updateOf(texts, doc) {
  const empty = await texts.create(READER);
  return doc.changesSince(empty.version());
}

/**
 * Measures merging a whole history into an empty replica.
 *
 * @param {TextClass} texts
 * @param {string} name
 * @param {Uint8Array} update
 * @param {Check} check
 */
async function merged(texts, name, update, check) {
  const taken = await repeated(async () => {
    const doc = await texts.create(READER);
    const taken = seconds(() => doc.merge(update));
    check(doc);
    doc.dispose();
    return taken;
  });
  return figure(`${name}, merge as one update`, taken * 1e3, 'ms');
}

/**
 * Measures saved documents, with and without history.
 *
 * @param {TextClass} texts
 * @param {string} name
 * @param {TextReplica} doc
 */
async function saved(texts, name, doc) {
  const text = doc.read();
  const bytes = doc.save();
  const taken = await repeated(async () => {
    let read = '';
    /** @type {TextReplica | undefined} */
    let loaded;
    const taken = seconds(() => {
      loaded = texts.load(READER, bytes);
      read = loaded.read();
    });
    assert.ok(read === text, 'the loaded text is another one');
    loaded?.dispose();
    return taken;
  });
  const figures = [figure(`${name}, load and read the text`, taken * 1e3, 'ms'), ...sizes(`${name}, saved`, bytes)];
  const compacted = doc.compacted();
  if (compacted !== undefined) {
    const loaded = texts.load(READER, compacted);
    checkText(loaded, text);
    loaded.dispose();
    figures.push(...sizes(`${name}, compacted`, compacted));
  }
  return figures;
}

/**
 * @param {string} name
 * @param {Uint8Array} bytes
 */
function sizes(name, bytes) {
  const { length } = gzipSync(bytes, { level: GZIP_LEVEL });
  return [figure(name, bytes.length, 'bytes'), figure(`${name}, gzip`, length, 'bytes')];
}

/**
 * Returns a saved document with an empty text, and the update of each event of a history, made by a
 * replica that has the events before it and no others.
 *
 * @param {TextClass} texts
 * @param {Trace['events']} events
 */
async function updatesOf(texts, events) {
  const setup = await emptyText(texts);
  const peers = [...new Set(events.map(({ peer }) => peer))].sort((one, other) =>
    Buffer.compare(Buffer.from(one), Buffer.from(other)),
  );
  const numbers = new Map(peers.map((peer, index) => [peer, FIRST_WRITER + 1 + index]));
  const bases = basesOf(events);
  // How many replicas still continue after an event.
  /** @type {Map<number | undefined, number>} */
  const uses = new Map();
  for (const base of bases) uses.set(base, (uses.get(base) ?? 0) + 1);
  // Replicas as they are after an event on which others are based, by event.
  /** @type {Map<number | undefined, { replica: TextReplica, has: Uint8Array }>} */
  const authors = new Map();
  /** @type {Uint8Array[]} */
  const updates = [];
  for (const [index, { peer, parents, patches }] of events.entries()) {
    const base = bases[index];
    const number = /** @type {number} */ (numbers.get(peer));
    let author = authors.get(base);
    const furtherUses = (uses.get(base) ?? 0) - 1;
    uses.set(base, furtherUses);
    if (author === undefined) {
      author = { replica: texts.load(number, setup), has: new Uint8Array(events.length) };
    } else if (furtherUses > 0) {
      author = { replica: texts.load(number, author.replica.save()), has: author.has.slice() };
    } else {
      authors.delete(base);
      if (events[base ?? 0]?.peer !== peer) author.replica = author.replica.become(number);
    }
    for (const missing of missingFor(parents, author.has, events)) {
      author.replica.merge(/** @type {Uint8Array} */ (updates[missing]));
    }
    updates.push(author.replica.editAndEncode(patches));
    author.has[index] = 1;
    if (uses.has(index)) authors.set(index, author);
    else author.replica.dispose();
  }
  return { setup, updates };
}

/**
 * Returns for each event the event after which its author's replica continues: the author's event
 * before it, or a parent of its first event, or `undefined` if that has no parents.
 *
 * @param {Trace['events']} events
 */
function basesOf(events) {
  /** @type {Map<string, number>} */
  const last = new Map();
  return events.map(({ peer, parents }, index) => {
    const base = last.get(peer) ?? parents[0];
    last.set(peer, index);
    return base;
  });
}

/**
 * Returns the events that a replica lacks before it has these events, and marks them as present.
 *
 * @param {number[]} parents
 * @param {Uint8Array} has
 * @param {Trace['events']} events
 */
function missingFor(parents, has, events) {
  /** @type {number[]} */
  const missing = [];
  const open = [...parents];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (has[index]) continue;
    has[index] = 1;
    missing.push(index);
    open.push(...(events[index]?.parents ?? []));
  }
  return missing.sort((one, other) => one - other);
}

/**
 * Returns a saved document with an empty text.
 *
 * @param {TextClass} texts
 */
async function emptyText(texts) {
  const doc = await texts.create(FIRST_WRITER);
  doc.begin();
  const bytes = doc.save();
  doc.dispose();
  return bytes;
}

/**
 * Returns an insertion at the start of a text.
 *
 * @param {string} text
 * @returns {Patch[]}
 */
const atStart = (text) => [[0, 0, text]];

/**
 * Measures merging lines that two peers insert at one place.
 *
 * @param {TextClass} texts
 * @param {Size} size
 */
async function prepend(texts, { lines }) {
  const setup = await emptyText(texts);
  const [ann, ben] = [texts.load(FIRST_WRITER + 1, setup), texts.load(FIRST_WRITER + 2, setup)];
  const before = ann.version();
  for (const [author, letter] of /** @type {const} */ ([
    [ann, 'a'],
    [ben, 'b'],
  ])) {
    for (let line = 0; line < lines; line++) author.edit(atStart(`${letter} ${line}\n`));
  }
  const [ofAnn, ofBen] = [ann.changesSince(before), ben.changesSince(before)];
  const merge = seconds(() => ann.merge(ofBen));
  ben.merge(ofAnn);
  checkText(ben, ann.read());
  assert.equal(ann.read().split('\n').length - 1, 2 * lines);
  return [per('merge, per line', merge, lines)];
}

/**
 * Measures merging words that many peers insert at one place.
 *
 * @param {TextClass} texts
 * @param {Size} size
 */
async function crowd(texts, { crowd: peers }) {
  const setup = await emptyText(texts);
  /** @type {Uint8Array[]} */
  const updates = [];
  for (let peer = 0; peer < peers; peer++) {
    const author = texts.load(FIRST_WRITER + 1 + peer, setup);
    updates.push(author.editAndEncode(atStart(`${peer}\n`)));
    author.dispose();
  }
  const reader = texts.load(READER, setup);
  const mergeAll = seconds(() => {
    for (const update of updates) reader.merge(update);
  });
  assert.equal(reader.read().split('\n').length - 1, peers);
  return [per('merge, per peer', mergeAll, peers)];
}

/**
 * Runs a small part of the work, so that the measured part finds compiled code.
 *
 * @param {TextClass} texts
 */
async function warmUp(texts) {
  const doc = await texts.create(FIRST_WRITER);
  doc.begin();
  const other = await texts.create(READER);
  other.merge(await updateOf(texts, doc));
  let length = 0;
  for (let edit = 0; edit < WARM_UP_EDITS; edit++) {
    const removed = length > 0 ? edit % 2 : 0;
    const position = (STRIDE * edit) % (length - removed + 1);
    other.merge(doc.editAndEncode([[position, removed, `${edit}`]]));
    length += `${edit}`.length - removed;
  }
  checkText(texts.load(READER, doc.save()), other.read());
}

/**
 * Returns the median of the seconds that `measure` returns, of several measurements if it is fast.
 *
 * @param {() => Promise<number>} measure
 */
async function repeated(measure) {
  const begin = performance.now();
  const all = [await measure()];
  while (all.length < MAX_REPEATS && performance.now() - begin < ENOUGH_MS) all.push(await measure());
  all.sort((one, other) => one - other);
  return /** @type {number} */ (all[Math.floor(all.length / 2)]);
}

/**
 * @param {TextReplica} doc
 * @param {string} end the SHA-256 of the text
 */
function checkEnd(doc, end) {
  assert.equal(sha256(doc.read()), end, 'the SHA-256 of the text');
}

/**
 * @param {TextReplica} doc
 * @param {string} text
 */
function checkText(doc, text) {
  assert.ok(doc.read() === text, 'two replicas have different texts');
}
