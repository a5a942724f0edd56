// Describes the content of documents and updates as in the .json files, in the notation of tests/conformance. Knows nothing
// about the format of the bytes.

import { horizonOf, stateOf } from '../../../host-js/conformance/lasting.js';
import * as n from '../../../host-js/conformance/notation.js';

/** @import { Engine } from '../../../host-js/src/engine.js' */
/** @import { Doc, EventRun } from '../../../host-js/dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Cell, EventId, PeerVersion } from '../../../host-js/dist/wit/interfaces/converge-sync-types.js' */
/** @import { Json } from '../../../host-js/conformance/notation.js' */
/**
 * Events in the notation. The operations of an event: by kind the table, the row and the cells, or
 * the columns.
 *
 * @typedef {[peer: string, counter: number]} Name
 * @typedef {Record<string, [table: string, row: string, cells?: Json[]]>} Op
 * @typedef {[name: Name, time: number | null, deps: Name[], ops: Op[], print: string]} Event
 * @typedef {{ peer: string, start: number, lamport?: number, deps: Name[], commits: Op[][] }} NotedRun
 * @typedef {[name: Name, deps: Name[], ops: Json]} Wait
 * @typedef {EventRun & { prints: bigint[] }} Run with the fingerprints of its events
 */

/**
 * The maximum number of operations of a history that is written out. Larger histories are only
 * counted.
 */
const MAX_WRITTEN = 400;
const BRANCH_MARK = '~';

/**
 * Returns the facts of a document of the engine, by its raw access.
 *
 * @param {Engine} engine
 * @param {Doc} doc
 */
export function factsOf(engine, doc) {
  const { contents, heads, version } = stateOf(doc);
  const horizon = horizonOf(engine, doc) ?? [];
  const { runs, more } = doc.eventsSince(engine.summaryOf(horizon), n.MAX_U32);
  if (more) throw new Error('the history is longer than a page');
  const { waiting } = doc.mergeEvents([]);
  const digest = doc.digest();
  return documentFacts({ version, heads, horizon, waiting, digest, tables: contents, runs: named(doc, runs) });
}

/**
 * Returns the runs with the fingerprints of their events, which the engine computes.
 *
 * @param {{ permanentId: (event: EventId) => EventId }} doc
 * @param {EventRun[]} runs
 * @returns {Run[]}
 */
export function named(doc, runs) {
  /** @type {(peer: string, counter: number) => bigint} */
  const print = (peer, counter) => BigInt(`0x${doc.permanentId({ peer, counter }).peer.split(BRANCH_MARK)[1]}`);
  return runs.map((run) => ({ ...run, prints: run.commits.map((_, k) => print(run.peer, run.start + k)) }));
}

/**
 * Returns the facts of a document in the contract's types; the runs include the fingerprints of
 * their events.
 *
 * @param {{ version: PeerVersion[], heads: EventId[], horizon: PeerVersion[], waiting: number, digest: Uint8Array,
 *   tables: { name: string, rows: { id: string, cells: Cell[] }[] }[], runs: Run[] }} document
 */
export function documentFacts({ version, heads, horizon, waiting, digest, tables, runs }) {
  return {
    version: n.fromVersion(version),
    heads: heads.map(n.fromEvent),
    horizon: n.fromVersion(horizon),
    waiting,
    digest: n.fromBytes(digest),
    ...historyFacts(runs),
    tables: tables.map(({ name, rows }) => [name, rows.map(({ id, cells }) => [id, n.fromCells(cells)])]),
  };
}

/**
 * Returns the facts of events, independent of their division into runs.
 *
 * @param {Run[]} runs
 * @returns {{ events: number, operations: number, history?: Event[] }}
 */
export function historyFacts(runs) {
  const history = eventsOf(runs);
  const operations = history.reduce((count, [, , , ops]) => count + ops.length, 0);
  return { events: history.length, operations, ...(operations > MAX_WRITTEN ? {} : { history }) };
}

/**
 * Returns the events one by one, sorted: name, lamport time (null if unknown), dependencies,
 * operations, fingerprint. The author's previous event is named by the branch of the event that
 * follows it, because updates do not contain its own branch.
 *
 * @param {Run[]} runs
 */
export function eventsOf(runs) {
  const { runs: noted = [] } = n.fromBatch({ runs, more: false });
  const events = /** @type {NotedRun[]} */ (noted).flatMap(({ peer, start, lamport, deps, commits }, i) =>
    commits.map((ops, k) => {
      const time = lamport === undefined ? null : lamport + k;
      const previous = /** @type {Name} */ ([peer, start + k - 1]);
      const isPrevious = (/** @type {number} */ at) =>
        start > 0 && runs[i].fingerprints[at + 1] === runs[i].fingerprints[0];
      const names = k === 0 ? deps.map((dep, at) => (isPrevious(at) ? previous : dep)) : [previous];
      const event = [[peer, start + k], time, names.sort(byName), ops, digits(runs[i].prints[k])];
      return /** @type {Event} */ (event);
    }),
  );
  return events.sort(([a], [b]) => byName(a, b));
}

/**
 * Returns waiting events with permanent names, also of their dependencies, and without lamport
 * times.
 *
 * @param {Run[]} runs
 */
export function waitsOf(runs) {
  const events = runs.flatMap(({ peer, start, deps, fingerprints, prints, commits }) => {
    /** @type {(name: string, print: bigint) => string} */
    const permanent = (name, print) => `${name.split(BRANCH_MARK)[0]}${BRANCH_MARK}${digits(print)}`;
    const before = deps.map(({ peer, counter }, at) => {
      return /** @type {Name} */ ([permanent(peer, fingerprints[at + (start > 0 ? 1 : 0)]), counter]);
    });
    return commits.map((ops, k) => {
      const last = k === 0 ? before : [/** @type {Name} */ ([permanent(peer, prints[k - 1]), start + k - 1])];
      const wait = [[permanent(peer, prints[k]), start + k], last.sort(byName), n.fromOps(ops)];
      return /** @type {Wait} */ (wait);
    });
  });
  return events.sort(([a], [b]) => byName(a, b));
}

/** @param {bigint} print */
function digits(print) {
  return print.toString(16).padStart(16, '0');
}

/** @type {(name: Name, other: Name) => number} */
function byName([peer, counter], [otherPeer, otherCounter]) {
  return Buffer.compare(Buffer.from(peer), Buffer.from(otherPeer)) || counter - otherCounter;
}
