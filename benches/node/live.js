// Presence, sessions and real histories, as in ../src/works/live.rs.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { EphemeralStore } from 'loro-crdt';
import { addFingerprints, readHistory } from '../../host-js/bin/history.js';
import { open } from '../../host-js/src/node.js';
import { FOREVER, module, talk } from './libraries/converge.js';
import { figure, per } from './rows.js';

/** @import { Size } from './size.js' */
/** @typedef {import('../../host-js/dist/wit/interfaces/converge-sync-durable.js').EventRun} EventRun */

const KEYS = 10;
const ROUNDS_PER_SECOND = 60;

/**
 * A store of registers.
 *
 * @typedef {object} Live
 * @property {(key: string, number: number, now: number) => void} set
 * @property {() => Uint8Array} takeUpdate encodes what was set since the last call
 * @property {(update: Uint8Array, now: number) => void} mergeUpdate
 * @property {() => number} shown returns the number of registers that are set
 */

/**
 * @param {string} work
 * @param {string} library
 * @param {Size} size
 */
export async function run(work, library, size) {
  if (work === 'history') return histories();
  const make = library === 'loro-crdt' ? async () => ofLoro() : ofConverge;
  return [...(await writesAndMerges(make, size)), ...(await rounds(make, size))];
}

/**
 * @param {string} peer
 * @returns {Promise<Live>}
 */
async function ofConverge(peer) {
  const engine = await open(module);
  const store = engine.createStore(peer, FOREVER);
  return {
    set: (key, number, now) => void store.set('cursors', key, number, now),
    takeUpdate: () => store.takeUpdate() ?? assert.fail('nothing changed'),
    mergeUpdate: (update, now) => void store.mergeUpdate(update, now),
    shown: () => store.getAll('cursors').length,
  };
}

/** @returns {Live} */
function ofLoro() {
  // The longest timeout that its timer supports.
  const store = new EphemeralStore(2 ** 31 - 1);
  /** @type {string[]} */
  let set = [];
  return {
    set(key, number) {
      store.set(key, number);
      set.push(key);
    },
    // Encodes the register that was set, or all registers if several were: loro cannot encode some.
    takeUpdate() {
      const keys = set;
      set = [];
      return keys.length === 1 ? store.encode(keys[0] ?? '') : store.encodeAll();
    },
    mergeUpdate: (update) => void store.apply(update),
    shown: () => store.keys().length,
  };
}

/**
 * @param {(peer: string) => Promise<Live>} make
 * @param {Size} size
 */
async function writesAndMerges(make, { sets }) {
  const [ann, ben] = [await make('ann'), await make('ben')];
  const keys = sets / 10;
  /** @type {Uint8Array[]} */
  const updates = [];
  let begin = performance.now();
  for (let i = 0; i < sets; i++) {
    ann.set(String(i % keys), i, i);
    updates.push(ann.takeUpdate());
  }
  const figures = [per('set, and encode the update', (performance.now() - begin) / 1e3, sets)];
  for (const name of ['merge that wins', 'merge that loses']) {
    begin = performance.now();
    for (const update of updates) ben.mergeUpdate(update, sets);
    figures.push(per(name, (performance.now() - begin) / 1e3, sets));
  }
  assert.equal(ben.shown(), keys);
  return figures;
}

/**
 * A hub that merges the writes of all peers in a round, and encodes what is new for all of them.
 *
 * @param {(peer: string) => Promise<Live>} make
 * @param {Size} size
 */
async function rounds(make, { peers, rounds }) {
  const hub = await make('hub');
  const writers = await Promise.all(Array.from({ length: peers }, (_, peer) => make(`peer-${peer}`)));
  let [milliseconds, up, down] = [0, 0, 0];
  for (let round = 0; round < rounds; round++) {
    const now = 1.7e12 + (round * 1000) / ROUNDS_PER_SECOND;
    const updates = writers.map((writer, peer) => {
      for (let key = 0; key < KEYS; key++) writer.set(`${peer}/${key}`, round * key, now);
      return writer.takeUpdate();
    });
    up += updates.reduce((sum, { length }) => sum + length, 0) / peers;
    const begin = performance.now();
    for (const update of updates) hub.mergeUpdate(update, now);
    down += hub.takeUpdate().length;
    milliseconds += performance.now() - begin;
  }
  assert.equal(hub.shown(), peers * KEYS);
  const share = (milliseconds / rounds / 1000) * ROUNDS_PER_SECOND * 100;
  return [
    figure(`${peers} peers, 60 rounds per second, hub`, share, '% of a core'),
    figure('from each peer, per round', Math.round(up / rounds), 'bytes'),
    figure('to each peer, per round', Math.round(down / rounds), 'bytes'),
  ];
}

/** Merges real histories in several ways, and fetches them through a session. */
async function histories() {
  const figures = [];
  for (const name of ['automerge', 'yjs']) {
    const path = fileURLToPath(new URL(`../../tests/data/rows/${name}.history.tsv.gz`, import.meta.url));
    const events = await readHistory(path);
    addFingerprints(await open(module), events);
    const digests = [];
    for (const [way, given, batch] of /** @type {[string, EventRun[], number][]} */ ([
      ['one event per call', events, 1],
      ['shuffled, one event per call', shuffled(events), 1],
      ['one call', events, events.length],
    ])) {
      const doc = (await open(module)).create('1');
      const begin = performance.now();
      for (let at = 0; at < given.length; at += batch) doc.mergeEvents(given.slice(at, at + batch));
      const seconds = (performance.now() - begin) / 1e3;
      figures.push(figure(`${name}, ${way}`, events.length / seconds, 'events/s'));
      digests.push(doc.digestHex());
    }
    const [engine, other] = [await open(module), await open(module)];
    const [ann, ben] = [engine.create('ann'), other.create('ben')];
    ann.mergeEvents(events);
    const begin = performance.now();
    const { bytes } = talk([engine, ann], [other, ben]);
    const seconds = (performance.now() - begin) / 1e3;
    figures.push(figure(`${name}, in a session`, events.length / seconds, 'events/s'));
    figures.push(figure(`${name}, in a session, sent`, bytes, 'bytes'));
    digests.push(ben.digestHex());
    assert.equal(new Set(digests).size, 1);
  }
  return figures;
}

/**
 * Shuffles in an order that is always the same.
 *
 * @template T
 * @param {T[]} items
 */
function shuffled(items) {
  const result = [...items];
  let state = 1;
  for (let at = result.length - 1; at > 0; at--) {
    // A linear congruential generator from L'Ecuyer's tables, 1999.
    state = Number((BigInt(state) * 1_583_458_089n) % 2_147_483_647n);
    const other = state % (at + 1);
    [result[at], result[other]] = [/** @type {T} */ (result[other]), /** @type {T} */ (result[at])];
  }
  return result;
}
