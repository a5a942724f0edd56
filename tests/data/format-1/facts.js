// What documents and updates hold, as the .json files beside them say it. Knows the engine and the notation of
// tests/conformance; knows nothing of bytes.

import { horizonOf, stateOf } from '../../../host-js/conformance/lasting.js';
import * as n from '../../../host-js/conformance/notation.js';

/** Histories of more operations than this are counted, but not written out. */
const MOST_WRITTEN = 400;

/** The facts of a document of the engine, by its raw access. */
export function factsOf(doc) {
  const { contents, heads, version } = stateOf(doc);
  const horizon = horizonOf(doc) ?? [];
  const { runs, more } = doc.eventsSince(horizon, n.MOST_U32);
  if (more) throw new Error('the history is longer than a page');
  const { waiting } = doc.mergeEvents([]);
  return documentFacts({ version, heads, horizon, waiting, digest: doc.digest(), tables: contents, runs });
}

/** The facts of a document in the contract's types. */
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

/** The facts of events, whatever runs they come in. */
export function historyFacts(runs) {
  const history = eventsOf(runs);
  const operations = history.reduce((count, [, , , ops]) => count + ops.length, 0);
  return { events: history.length, operations, ...(operations > MOST_WRITTEN ? {} : { history }) };
}

/** The events one by one, sorted: name, lamport time (null where unknown), dependencies, operations. */
export function eventsOf(runs) {
  const { runs: noted = [] } = n.fromBatch({ runs, more: false });
  const events = noted.flatMap(({ peer, start, lamport, deps, commits }) =>
    commits.map((ops, k) => {
      const time = lamport === undefined ? null : lamport + k;
      return [[peer, start + k], time, k === 0 ? deps : [[peer, start + k - 1]], ops];
    }),
  );
  return events.sort(([[peer, counter]], [[otherPeer, otherCounter]]) => {
    return Buffer.compare(Buffer.from(peer), Buffer.from(otherPeer)) || counter - otherCounter;
  });
}
