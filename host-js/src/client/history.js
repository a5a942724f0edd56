// Events as a client handles them when sessions cannot: what the server lacks, and what a rebase would drop.

import { CompactedError, InvalidArgumentError, LimitExceededError, NoSuchRowError } from '../errors.js';
import { fromOp } from '../values.js';

/** @import { EventRun, RowOp } from '../../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Doc } from '../doc.js' */
/** @import { Engine } from '../engine.js' */
/** @import { Commit } from './types.js' */

/**
 * An event, and the operations of its commit in the contract's types.
 *
 * @typedef {{ peer: string, counter: number, ops: RowOp[] }} Event
 */

/** Where the name of a branch begins in the name of a peer. */
const BRANCH = '~';

/**
 * Returns the events that a replica with this summary lacks, each after its dependencies. If some
 * of them were compacted away, returns all that the document still has.
 *
 * @param {Engine} engine
 * @param {Doc} doc
 * @param {Uint8Array | undefined} summary `undefined` for an empty replica
 * @returns {Event[]}
 */
export function eventsSince(engine, doc, summary) {
  // `doc.eventsSince` returns one page, and nothing that leads to the next one. An update has all events.
  try {
    return eventsOf(engine, doc.updateSince(summary));
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error;
    return eventsOf(engine, doc.updateSince(engine.summaryOf(error.horizon)));
  }
}

/**
 * Returns the events of an update, or of a saved document.
 *
 * @param {Engine} engine
 * @param {Uint8Array} update
 * @returns {Event[]}
 */
function eventsOf(engine, update) {
  const reader = engine.openUpdate(update);
  try {
    return toEvents([...reader]);
  } finally {
    reader.dispose();
  }
}

/**
 * @param {EventRun[]} runs
 * @returns {Event[]}
 */
function toEvents(runs) {
  return runs.flatMap(({ peer, start, commits }) => commits.map((ops, i) => ({ peer, counter: start + i, ops })));
}

/**
 * Returns commits as plain operations.
 *
 * @param {Event[]} events
 * @returns {Commit[]}
 */
export function toCommits(events) {
  return events.map(({ ops }) => ops.map(fromOp));
}

/**
 * Merges an update that was stored. If its events do not build on the document's horizon, because
 * the document was rebased after they were stored, commits them again.
 *
 * @param {Engine} engine
 * @param {Doc} doc
 * @param {Uint8Array} update or a saved document
 * @param {() => void} [onCommit] is called before events are committed again, which are new ones that
 *   nobody has stored
 */
export function absorb(engine, doc, update, onCommit) {
  try {
    doc.raw.mergeUpdate(update);
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error;
    const events = without(doc, eventsOf(engine, update));
    if (events.length === 0) return;
    onCommit?.();
    commitAgain(doc, events);
  }
}

/**
 * Replaces the content of a document by a saved one that was compacted past it. Commits again what
 * would be lost: events of this replica, which the engine does, and those of other replicas with
 * the same storage that are no longer there to do it themselves.
 *
 * @param {Engine} engine
 * @param {Doc} doc
 * @param {Uint8Array | undefined} acknowledged the summary of what the server has
 * @param {(peer: string) => boolean} isPresent whether a peer is there to commit its events again
 * @param {() => void} rebase replaces the content
 */
export function rebaseWith(engine, doc, acknowledged, isPresent, rebase) {
  const own = doc.peer();
  const orphans = eventsSince(engine, doc, acknowledged).filter(({ peer }) => {
    const author = authorOf(peer);
    return author !== own && !isPresent(author);
  });
  rebase();
  commitAgain(doc, without(doc, orphans));
}

/**
 * Returns the events that a document does not contain.
 *
 * @param {Doc} doc
 * @param {Event[]} events
 */
function without(doc, events) {
  const counts = countsOf(doc);
  return events.filter(({ peer, counter }) => counter >= (counts.get(peer) ?? 0));
}

/**
 * Commits events again, without operations that do not fit the state any more: those on rows that
 * do not exist, edits of cells that have a value of another type, splices at places that do not
 * exist or of texts that would be too long, and additions whose sum would have more than 64 bits.
 * Splices keep their positions, also where the text has changed.
 *
 * The document accepted these operations before, so their values are within the limits, and only
 * the state of the document can be in the way: a row or a cell here, and a full document. A full
 * document is an error: the events stay in the storage, whose next compaction tries again.
 *
 * @param {Doc} doc
 * @param {Event[]} events
 * @throws {import('../errors.js').LimitExceededError} if the document is full
 */
function commitAgain(doc, events) {
  for (const { ops } of events) {
    try {
      doc.raw.commit(ops);
    } catch (error) {
      if (!isByState(error)) throw error;
      // A row was deleted, or a cell replaced meanwhile. The other operations have an effect.
      for (const op of ops) commitIfThere(doc, op);
    }
  }
}

/**
 * @param {Doc} doc
 * @param {RowOp} op
 */
function commitIfThere(doc, op) {
  try {
    doc.raw.commit([op]);
  } catch (error) {
    if (!isByState(error)) throw error;
  }
}

/**
 * Returns whether the state of rows and cells is the reason why operations that a document accepted
 * once fail now.
 *
 * @param {unknown} error
 */
function isByState(error) {
  if (error instanceof LimitExceededError) return error.payload.limit === 'value-bytes';
  return error instanceof NoSuchRowError || error instanceof InvalidArgumentError;
}

/**
 * Returns the author of an event, without a branch.
 *
 * @param {string} peer
 * @returns {string}
 */
export function authorOf(peer) {
  const end = peer.indexOf(BRANCH);
  return end < 0 ? peer : peer.slice(0, end);
}

/**
 * Returns the number of known events of each peer.
 *
 * @param {Doc} doc
 * @returns {Map<string, number>}
 */
export function countsOf(doc) {
  return new Map(doc.version().map(({ peer, count }) => [peer, count]));
}
