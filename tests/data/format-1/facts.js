// Describes the content of documents and updates as in the .json files, in the notation of tests/conformance. Knows nothing
// about the format of the bytes.

import { horizonOf, stateOf } from '../../../host-js/conformance/lasting.js';
import * as n from '../../../host-js/conformance/notation.js';

/**
 * The maximum number of operations of a history that is written out. Larger histories are only
 * counted.
 */
const MAX_WRITTEN = 400;
const BRANCH_MARK = '~';

/** Returns the facts of a document of the engine, by its raw access. */
export function factsOf(engine, doc) {
  const { contents, heads, version } = stateOf(doc);
  const horizon = horizonOf(engine, doc) ?? [];
  const { runs, more } = doc.eventsSince(engine.summaryOf(horizon), n.MAX_U32);
  if (more) throw new Error('the history is longer than a page');
  const { waiting } = doc.mergeEvents([]);
  const digest = doc.digest();
  return documentFacts({ version, heads, horizon, waiting, digest, tables: contents, runs: named(doc, runs) });
}

/** Returns the runs with the fingerprints of their events, which the engine computes. */
export function named(doc, runs) {
  const print = (peer, counter) => BigInt(`0x${doc.permanentId({ peer, counter }).peer.split(BRANCH_MARK)[1]}`);
  return runs.map((run) => ({ ...run, prints: run.commits.map((_, k) => print(run.peer, run.start + k)) }));
}

/**
 * Returns the facts of a document in the contract's types; the runs include the fingerprints of
 * their events.
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

/** Returns the facts of events, independent of their division into runs. */
export function historyFacts(runs) {
  const history = eventsOf(runs);
  const operations = history.reduce((count, [, , , ops]) => count + ops.length, 0);
  return { events: history.length, operations, ...(operations > MAX_WRITTEN ? {} : { history }) };
}

/**
 * Returns the events one by one, sorted: name, lamport time (null if unknown), dependencies,
 * operations, fingerprint. The author's previous event is named by the branch of the event that
 * follows it, because updates do not contain its own branch.
 */
export function eventsOf(runs) {
  const { runs: noted = [] } = n.fromBatch({ runs, more: false });
  const events = noted.flatMap(({ peer, start, lamport, deps, commits }, i) =>
    commits.map((ops, k) => {
      const time = lamport === undefined ? null : lamport + k;
      const previous = [peer, start + k - 1];
      const isPrevious = (at) => start > 0 && runs[i].fingerprints[at + 1] === runs[i].fingerprints[0];
      const names = k === 0 ? deps.map((dep, at) => (isPrevious(at) ? previous : dep)) : [previous];
      return [[peer, start + k], time, names.sort(byName), ops, digits(runs[i].prints[k])];
    }),
  );
  return events.sort(([a], [b]) => byName(a, b));
}

/**
 * Returns waiting events with permanent names, also of their dependencies, and without lamport
 * times.
 */
export function waitsOf(runs) {
  const events = runs.flatMap(({ peer, start, deps, fingerprints, prints, commits }) => {
    const permanent = (name, print) => `${name.split(BRANCH_MARK)[0]}${BRANCH_MARK}${digits(print)}`;
    const before = deps.map((dep, at) => [permanent(dep.peer, fingerprints[at + (start > 0 ? 1 : 0)]), dep.counter]);
    return commits.map((ops, k) => {
      const last = k === 0 ? before : [[permanent(peer, prints[k - 1]), start + k - 1]];
      return [[permanent(peer, prints[k]), start + k], last.sort(byName), n.fromOps(ops)];
    });
  });
  return events.sort(([a], [b]) => byName(a, b));
}

function digits(print) {
  return print.toString(16).padStart(16, '0');
}

function byName([peer, counter], [otherPeer, otherCounter]) {
  return Buffer.compare(Buffer.from(peer), Buffer.from(otherPeer)) || counter - otherCounter;
}
