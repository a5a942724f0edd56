// What passes from one store to others: whatever a case did to it, its bytes and its entries show the same elsewhere.

import assert from 'node:assert/strict';

/** @import { Engine } from '../src/engine.js' */
/** @import { Store } from '../dist/wit/interfaces/converge-sync-ephemeral.js' */

/**
 * Half of the largest time that the engine takes. With it as the time and the time to live, ages stay exact, and timestamps can
 * be above the largest time.
 */
const MIDDLE_TIME = 2 ** 52;

/**
 * All that a store shows and passes on.
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
 * An empty store that takes in everything: no entry is too old, none is dated too far ahead.
 *
 * @param {Engine} engine
 * @param {string} peer
 */
export function emptyStore(engine, peer) {
  return engine.raw.ephemeral.Store.create(peer, { timeToLive: MIDDLE_TIME, maxSkew: 2 * MIDDLE_TIME });
}

/**
 * Passes all that the store has on, as bytes and as entries: whoever takes it in shows the same, is told just that, and passes
 * the same on. Gives its snapshot.
 *
 * @param {Engine} engine
 * @param {Store} store
 */
export function checkStore(engine, store) {
  const state = storeStateOf(store);
  const { entries, snapshot } = state;
  const peer = store.peer();
  for (const entry of entries) {
    assert.deepEqual(store.get(entry.namespace, entry.key), entry, 'what get gives');
  }
  const [copy, next, other] = [emptyStore(engine, peer), emptyStore(engine, peer), emptyStore(engine, peer)];
  assert.deepEqual(copy.mergeUpdate(snapshot, MIDDLE_TIME), entries, 'what the snapshot changes in view');
  assert.deepEqual(storeStateOf(copy), state, 'what the snapshot gives');
  const update = copy.takeUpdate();
  if (update !== undefined) next.mergeUpdate(update, MIDDLE_TIME);
  assert.deepEqual(storeStateOf(next), state, 'what the update of a store that merged the snapshot gives');
  assert.equal(copy.takeUpdate(), undefined, 'a second update');

  assert.deepEqual(other.mergeEntries(entries.toReversed(), MIDDLE_TIME), entries, 'what the entries change in view');
  assert.deepEqual(liveEntries(other), entries, 'what the entries give');
  assert.deepEqual(other.mergeUpdate(snapshot, MIDDLE_TIME), [], 'what the snapshot changes in view after its entries');
  for (const made of [copy, next, other]) made[Symbol.dispose]();
  return snapshot;
}
