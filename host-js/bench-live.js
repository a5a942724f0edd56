// What presence and sessions cost in Node: time, messages, bytes.
//
//   node bench-live.js [--small]      (--small: a smoke run of a few milliseconds)

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readHistory } from './bin/history.js';
import { Session, open } from './src/node.js';

/** @import { Doc } from './src/doc.js' */
/** @import { Engine } from './src/engine.js' */
/** @import { Store } from './src/store.js' */

const {
  values: { small },
} = parseArgs({ options: { small: { type: 'boolean', default: false } } });
const SETS = small ? 1_000 : 10_000;
const PEERS = small ? 10 : 100;
const ROUNDS = small ? 10 : 300;
const EVENTS = small ? 2_000 : 1_000_000;
const KEYS = 10;
const ROUNDS_PER_SECOND = 60;
const FOREVER = { timeToLive: 1e12, mostSkew: 1e12 };

const module = await WebAssembly.compile(await readFile(new URL('dist/converge.core.wasm', import.meta.url)));

console.log('presence and sessions, Node');
await writesAndMerges();
await rounds();
await catchUp();
await wholeHistory('automerge');
await wholeHistory('yjs');

async function writesAndMerges() {
  const engine = await open(module);
  const [ann, ben] = [engine.Store.create('ann', FOREVER), engine.Store.create('ben', FOREVER)];
  /** @type {Uint8Array[]} */
  const updates = [];
  const set = nanoseconds(SETS, () => {
    for (let i = 0; i < SETS; i++) {
      ann.set('cursors', String(i % 1_000), i, i);
      updates.push(taken(ann));
    }
  });
  let shown = 0;
  const merge = () =>
    nanoseconds(SETS, () => {
      for (const update of updates) shown += ben.mergeUpdate(update, SETS).length;
    });
  const [wins, loses] = [merge(), merge()];
  assert.equal(shown, SETS);
  tell(`${SETS} sets, each taken as an update`, `${set.toFixed(0)} ns each`);
  tell(`${SETS} merges of one entry that win`, `${wins.toFixed(0)} ns each`);
  tell(`${SETS} merges of one entry that lose`, `${loses.toFixed(0)} ns each`);
}

/** A hub that merges what everyone wrote in a round, and gives everyone what is new. */
async function rounds() {
  const [engine, others] = [await open(module), await open(module)];
  const hub = engine.Store.create('hub', FOREVER);
  const writers = Array.from({ length: PEERS }, (_, peer) => others.Store.create(`peer-${peer}`, FOREVER));
  let milliseconds = 0;
  let down = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const now = 1.7e12 + (round * 1000) / ROUNDS_PER_SECOND;
    const updates = writers.map((writer, peer) => {
      for (let key = 0; key < KEYS; key++) writer.set('cursors', `${peer}/${key}`, round * key, now);
      return taken(writer);
    });
    const begin = performance.now();
    for (const update of updates) assert.equal(hub.mergeUpdate(update, now).length, KEYS);
    down += taken(hub).length;
    milliseconds += performance.now() - begin;
  }
  const share = (milliseconds / ROUNDS / 1000) * ROUNDS_PER_SECOND * 100;
  tell(
    `${PEERS} peers x ${KEYS} keys, ${ROUNDS_PER_SECOND} rounds a second`,
    `${share.toFixed(1)} % of a core, ${Math.round(down / ROUNDS)} B down`,
  );
}

async function catchUp() {
  const [engine, other] = [await open(module), await open(module)];
  const ann = engine.Doc.create('ann');
  for (let i = 0; i < EVENTS - 1; i++) ann.insert('table', String(i % 1_000), { number: i });
  const ben = other.Doc.load(ann.save(), { peer: 'ben' });
  ann.insert('table', '0', { number: -1 });
  const { messages, bytes, milliseconds } = talk([engine, ann], [other, ben]);
  tell(`catch-up by one event in ${EVENTS}`, `${messages} messages, ${bytes} B, ${milliseconds.toFixed(3)} ms`);
}

/** @param {string} name */
async function wholeHistory(name) {
  const [engine, other] = [await open(module), await open(module)];
  const [ann, ben] = [engine.Doc.create('ann'), other.Doc.create('ben')];
  ann.mergeEvents(
    await readHistory(fileURLToPath(new URL(`../tests/data/rows/${name}.history.tsv.gz`, import.meta.url))),
  );
  const { messages, bytes, milliseconds, applied } = talk([engine, ann], [other, ben]);
  const speed = Math.round((applied / milliseconds) * 1000);
  tell(`the history of ${name}, ${applied} events`, `${messages} messages, ${bytes} B, ${speed} events/s`);
}

/**
 * From two new sessions until both are quiet.
 *
 * @param {[Engine, Doc]} one
 * @param {[Engine, Doc]} other
 */
function talk(one, other) {
  const begin = performance.now();
  const [ann, ben] = /** @type {[Session, Session]} */ (
    [one, other].map(([engine, doc]) => Session.open(doc, engine.Store.create('bench', FOREVER), { document: 'bench' }))
  );
  let [messages, bytes, applied] = [0, 0, 0];
  for (let isQuiet = false; !isQuiet;) {
    isQuiet = true;
    for (const [from, to] of /** @type {[Session, Session][]} */ ([
      [ann, ben],
      [ben, ann],
    ])) {
      for (const message of from.messages(0)) {
        messages++;
        bytes += message.length;
        applied += to.receive(message, 0).durable?.applied ?? 0;
        isQuiet = false;
      }
    }
  }
  const milliseconds = performance.now() - begin;
  assert.equal(one[1].digestHex(), other[1].digestHex());
  return { messages, bytes, applied, milliseconds };
}

/**
 * @param {Store} store
 * @returns {Uint8Array}
 */
function taken(store) {
  const update = store.takeUpdate();
  assert.ok(update, 'nothing changed');
  return update;
}

/**
 * @param {number} count
 * @param {() => void} work
 */
function nanoseconds(count, work) {
  const begin = performance.now();
  work();
  return ((performance.now() - begin) * 1e6) / count;
}

/**
 * @param {string} what
 * @param {string} figures
 */
function tell(what, figures) {
  console.log(`${what.padEnd(56)}${figures}`);
}
