// Reads published editing histories of texts from the folder that CONVERGE_TRACES names.
//
// The files are those of the repositories josephg/editing-traces and josephg/eg-walker-reference on
// GitHub, gzipped. Positions and lengths count Unicode scalar values. No text has any beyond U+FFFF,
// so these numbers also count UTF-16 code units.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/**
 * A change of the text: removes `removed` characters at `position`, then inserts `inserted` there.
 *
 * @typedef {[position: number, removed: number, inserted: string]} Patch
 */
/**
 * An event: its patches apply one after the other to the text as it is at the parents. `counter` is
 * the number of earlier events of the peer. `parents` are indices of earlier events, sorted by
 * their peers as UTF-8 bytes; none of them builds on another one.
 *
 * @typedef {{ peer: string, counter: number, parents: number[], patches: Patch[] }} TraceEvent
 * @typedef {{ name: string, events: TraceEvent[], end: string }} Trace `end`: the text at the end
 */
/**
 * The forms of the files.
 *
 * @typedef {{ patches: Patch[] }} OfOne the events of one peer
 * @typedef {{ parents: number[], agent: number, patches: Patch[] }} OfSome an agent's events build on each other
 * @typedef {{ span: [from: number, to: number], parents: number[], agent: string, seqStart: number, ops: Patch[] }} OfMany
 *   an event with the numbers of its operations
 * @typedef {{ endContent: string, txns: (OfOne | OfSome | OfMany)[] }} File
 */

/** The histories of one peer, each with the SHA-256 of the text at its end. */
export const SEQUENTIAL = {
  'automerge-paper': 'a489e9022976c14e46627aea174d07797edcb3fd17df42605956d4cf01bf9039',
  'seph-blog1': 'fd42bef4fbb237f8cd748d2c1c628c51b489ea9b98992e6eb815d04a090a70ba',
  rustcode: '2cde7bd1dedbcd198e3f5a66a4135f120571a4349d48d057009f311622a0894c',
  sveltecomponent: 'd8bb93b7cf87b4c3a0394fddc028284a093d90d5794a213d1ccb0794eb4ede8f',
  'json-crdt-blog-post': '6ec88c8b06c91f84f614be16552dba3d7997e1197dde149010caa706a6853314',
};
/** The histories of several peers, each with the SHA-256 of the text at its end. */
export const CONCURRENT = {
  friendsforever: '4720ec330c91e288c00b71cab318f7a1cdde689dfc401f269c353acfd6cb03f6',
  'node-nodecc': 'c822bf881ad1fb04d1aec80575212131fb45ec33600f84f59e829526c6d8f5f1',
};
/** The file of many small histories, with the SHA-256 of all their ends, joined by line feeds. */
export const CONFORMANCE = {
  name: 'conformance',
  histories: 500,
  sha256: '18a542f186411c5fec686cecd12120e5b0d987b6edc3832b3e7356090c70ebc6',
};

/** The peer that the histories of one peer do not name. */
const ONLY_PEER = 'ann';
/** The digits of a number in the name of a peer, so that the names sort like the numbers. */
const AGENT_DIGITS = 3;
const SEQUENCE_DIGITS = 8;

/** @param {string} name */
const fileName = (name) => `${name}.json.gz`;
/**
 * @param {string} name
 * @param {string} [folder]
 */
const pathOf = (name, folder = process.env.CONVERGE_TRACES) => join(folder || '.', fileName(name));

/**
 * Returns why a test of these histories must be left out, or `false` if it must run. With CI=true,
 * every test runs, and fails if a file is missing.
 *
 * @param {...string} names
 * @returns {string | false}
 */
export function missing(...names) {
  if (process.env.CI === 'true') return false;
  const absent = names.filter((name) => !exists(name));
  return absent.length > 0 && whereToFind(absent);
}

/**
 * Returns whether the file of a history is there.
 *
 * @param {string} name
 * @param {string} [folder] the folder that CONVERGE_TRACES names by default
 */
export function exists(name, folder = process.env.CONVERGE_TRACES) {
  return Boolean(folder) && existsSync(pathOf(name, folder));
}

/** @param {string[]} names */
function whereToFind(names) {
  const files = names.map(fileName).join(', ');
  return `set CONVERGE_TRACES to a folder with ${files}, from josephg/editing-traces and josephg/eg-walker-reference on GitHub`;
}

/**
 * Reads a history.
 *
 * @param {string} name
 * @param {string} [folder] the folder that CONVERGE_TRACES names by default
 * @returns {Trace}
 */
export function readTrace(name, folder = process.env.CONVERGE_TRACES) {
  return traceOf(name, /** @type {File} */ (readJson(name, folder)));
}

/**
 * Reads the small histories.
 *
 * @returns {Trace[]}
 */
export function readConformance() {
  const files = /** @type {File[]} */ (readJson(CONFORMANCE.name));
  return files.map((file, number) => traceOf(`${CONFORMANCE.name} ${number}`, file));
}

/**
 * Returns the SHA-256 of a text as UTF-8, as hexadecimal digits.
 *
 * @param {string} text
 */
export function sha256(text) {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/**
 * @param {string} name
 * @param {string} [folder]
 * @returns {unknown}
 */
function readJson(name, folder = process.env.CONVERGE_TRACES) {
  if (!exists(name, folder)) throw new Error(whereToFind([name]));
  return JSON.parse(gunzipSync(readFileSync(pathOf(name, folder))).toString('utf8'));
}

/**
 * @param {string} name
 * @param {File} file
 * @returns {Trace}
 */
function traceOf(name, { txns, endContent }) {
  /** @type {TraceEvent[]} */
  const events = [];
  /** @type {Map<string, number>} */
  const counts = new Map();
  // The event that has the number of an operation.
  /** @type {Map<number, number>} */
  const byNumber = new Map();
  for (const [index, txn] of txns.entries()) {
    const { peer, parents } = authorOf(txn, index, byNumber);
    if ('span' in txn) byNumber.set(txn.span[1] - 1, index);
    const counter = counts.get(peer) ?? 0;
    counts.set(peer, counter + 1);
    parents.sort((one, other) => compareUtf8(events[one].peer, events[other].peer));
    events.push({ peer, counter, parents, patches: 'span' in txn ? txn.ops : txn.patches });
  }
  return { name, events, end: endContent };
}

/**
 * Returns the peer of an event, and the events that it builds on.
 *
 * @param {OfOne | OfSome | OfMany} txn
 * @param {number} index
 * @param {Map<number, number>} byNumber
 */
function authorOf(txn, index, byNumber) {
  if (!('agent' in txn)) return { peer: ONLY_PEER, parents: index > 0 ? [index - 1] : [] };
  if (!('span' in txn)) return { peer: String(txn.agent).padStart(AGENT_DIGITS, '0'), parents: [...txn.parents] };
  // The events of an agent need not build on each other, so each is a peer. Where two peers insert
  // at one place, the order of their names decides the order of the texts.
  const peer = `${txn.agent}\t${String(txn.seqStart).padStart(SEQUENCE_DIGITS, '0')}`;
  const parents = txn.parents.map((number) => {
    const parent = byNumber.get(number);
    if (parent === undefined) throw new Error(`event ${index} builds on ${number}, which ends no event before it`);
    return parent;
  });
  return { peer, parents };
}

/**
 * @param {string} one
 * @param {string} other
 */
function compareUtf8(one, other) {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
