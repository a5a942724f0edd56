// Checks that the bytes and entries of a store produce the same state in other stores.

import assert from 'node:assert/strict';

/** @import { Engine } from '../src/engine.js' */
/** @import { Store } from '../dist/wit/interfaces/converge-sync-ephemeral.js' */

/**
 * Half of the largest time that the engine accepts. Used as the current time and as the time to
 * live, it keeps ages exact and accepts all timestamps.
 */
const MIDDLE_TIME = 2 ** 52;

/**
 * Returns the live entries and the snapshot of a store.
 *
 * @param {Store} store
 */
export function storeStateOf(store) {
  return { entries: liveEntries(store), snapshot: store.snapshot([]) };
}

/** @param {Store} store */
function liveEntries(store) {
  return store.namespaces().flatMap((namespace) => store.getAll(namespace));
}

/**
 * Creates an empty store that accepts all entries, however old or far ahead they are.
 *
 * @param {Engine} engine
 * @param {string} peer
 */
export function emptyStore(engine, peer) {
  return engine.raw.ephemeral.Store.create(peer, { timeToLive: MIDDLE_TIME, maxSkew: 2 * MIDDLE_TIME });
}

/**
 * Checks that stores that merge the snapshot or the entries of this store have the same state,
 * report exactly these entries as changes, and pass the same state on. Returns the snapshot.
 *
 * @param {Engine} engine
 * @param {Store} store
 */
export function checkStore(engine, store) {
  const state = storeStateOf(store);
  const { entries, snapshot } = state;
  const peer = store.peer();
  for (const entry of entries) {
    assert.deepEqual(store.get(entry.namespace, entry.key), entry, 'the result of get');
  }
  const [copy, next, other] = [emptyStore(engine, peer), emptyStore(engine, peer), emptyStore(engine, peer)];
  assert.deepEqual(copy.mergeUpdate(snapshot, MIDDLE_TIME), entries, 'the changes by the snapshot');
  assert.deepEqual(storeStateOf(copy), state, 'the state after merging the snapshot');
  const update = copy.takeUpdate();
  if (update !== undefined) next.mergeUpdate(update, MIDDLE_TIME);
  assert.deepEqual(storeStateOf(next), state, 'the state after merging the update of a store that merged the snapshot');
  assert.equal(copy.takeUpdate(), undefined, 'a second update');

  assert.deepEqual(other.mergeEntries(entries.toReversed(), MIDDLE_TIME), entries, 'the changes by the entries');
  assert.deepEqual(liveEntries(other), entries, 'the state after merging the entries');
  assert.deepEqual(other.mergeUpdate(snapshot, MIDDLE_TIME), [], 'the changes by the snapshot after its entries');
  for (const made of [copy, next, other]) made[Symbol.dispose]();
  return snapshot;
}
