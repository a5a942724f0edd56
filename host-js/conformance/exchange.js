// Passes events from one replica to another in conformance cases, and checks what the replicas have
// in common afterwards.

import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { horizonOf, isWaiting, stateOf } from './lasting.js';
import * as n from './notation.js';

/** @import { Engine } from '../src/engine.js' */
/** @import { Doc, EventRun } from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { EventId } from '../dist/wit/interfaces/converge-sync-types.js' */
/** @import { Json } from './notation.js' */
/** @import { Scene } from './runner.js' */

/** The maximum number of rounds of an `exchange`: forks can need more than one. */
const MAX_ROUNDS = 4;

/**
 * @param {Engine} engine
 * @param {Doc[]} replicas
 */
export function same(engine, replicas) {
  const states = replicas.map((replica) => ({ ...stateOf(replica), horizon: horizonOf(engine, replica) }));
  const [first] = states;
  if (first === undefined) throw new n.Mistake('no replicas are named');
  /** @type {Map<string, Uint8Array>} */
  const saved = new Map();
  for (const state of states) {
    assert.equal(state.digest, first.digest, 'the digests of replicas');
    assert.deepEqual(state.contents, first.contents, 'the rows of replicas');
    if (isWaiting(state)) continue;
    const known = JSON.stringify([state.version, state.horizon]);
    assert.deepEqual(state.saved, saved.get(known) ?? state.saved, 'the saved bytes of replicas with the same events');
    saved.set(known, state.saved);
  }
  return first.digest;
}

/**
 * @param {Doc} from
 * @param {Doc} to
 */
export function sync(from, to) {
  const { runs, more } = from.eventsSince(to.summary(), n.MAX_U32);
  assert.equal(more, false, 'events-since without a limit returns all events');
  return to.mergeEvents(runs);
}

/**
 * Syncs each replica with each other one until all know the same events.
 *
 * @param {Doc[]} replicas
 */
export function exchange(replicas) {
  const known = () => replicas.map((replica) => ({ version: replica.version(), heads: replica.heads() }));
  for (let round = 1; ; round++) {
    for (const from of replicas) {
      for (const to of replicas) {
        if (from !== to) sync(from, to);
      }
    }
    const [first, ...others] = known();
    if (others.every((other) => isDeepStrictEqual(other, first))) return;
    for (const other of others) {
      if (round === MAX_ROUNDS) assert.deepEqual(other, first, `versions and heads after ${MAX_ROUNDS} exchanges`);
    }
  }
}

/**
 * Returns the pieces of runs that the picks name.
 *
 * @param {Scene} scene
 * @param {Json | undefined} from
 * @param {Json | undefined} picks
 * @returns {EventRun[]}
 */
export function picked(scene, from, picks) {
  const replica = scene.replica(from);
  const { runs, more } = replica.eventsSince(scene.engine.summaryOf([]), n.MAX_U32);
  assert.equal(more, false, 'events-since without a limit returns all events');
  return n.list(picks).flatMap((pick) => {
    const [name, ...counters] = n.list(pick);
    const own = runs.filter(({ peer }) => peer === n.string(name)).sort((a, b) => a.start - b.start);
    const [first = 0, last = counters.length === 0 ? n.MAX_U32 : first] = counters.map(n.number);
    const pieces = own.flatMap((run) => cut(replica, run, first, last));
    const count = pieces.reduce((sum, { commits }) => sum + commits.length, 0);
    if (counters.length > 2 || count === 0 || (counters.length > 0 && first + count !== last + 1)) {
      throw new n.Mistake(`${JSON.stringify(pick)} does not pick known events`);
    }
    return pieces;
  });
}

/**
 * Returns the part of a run with the events from `first` to `last`.
 *
 * @param {Doc} replica knows the run
 * @param {EventRun} run
 * @param {number} first
 * @param {number} last
 * @returns {EventRun[]}
 */
function cut(replica, run, first, last) {
  const begin = Math.max(first - run.start, 0);
  const end = Math.min(last + 1 - run.start, run.commits.length);
  if (begin >= end) return [];
  const start = run.start + begin;
  const lamport = run.lamport === undefined ? undefined : run.lamport + begin;
  const piece = { ...run, start, lamport, commits: run.commits.slice(begin, end) };
  if (begin === 0) return [piece];
  const before = { peer: run.peer, counter: start - 1 };
  const print = fingerprint(replica, before);
  // The author's previous event and the dependency are the same event.
  return [{ ...piece, deps: [before], fingerprints: BigUint64Array.of(print, print), salt: 0n }];
}

/**
 * Returns the fingerprint of an event, which its permanent name contains.
 *
 * @param {Doc} replica
 * @param {EventId} event
 */
function fingerprint(replica, event) {
  const { peer } = replica.permanentId(event);
  return BigInt(`0x${peer.slice(peer.lastIndexOf('~') + 1)}`);
}

/**
 * Splits the runs into single events.
 *
 * @param {Doc} replica knows the runs
 * @param {EventRun[]} runs
 */
export function singles(replica, runs) {
  return runs.flatMap((run) => run.commits.flatMap((_, i) => cut(replica, run, run.start + i, run.start + i)));
}
