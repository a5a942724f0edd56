// Values that are read from a document, a difference, a watcher or a store can be written to
// another one without a change.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, real } from '../src/node.js';

/** @import { Value } from '../dist/wit/interfaces/converge-sync-types.js' */

const engine = await open();

/** @type {Value[]} */
const EDGES = [
  { tag: 'null' },
  ...[true, false].map((val) => /** @type {Value} */ ({ tag: 'boolean', val })),
  ...[0n, 10n, -1n, 2n ** 53n - 1n, 2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)].map(
    (val) => /** @type {Value} */ ({ tag: 'integer', val }),
  ),
  ...[0, -0, 10, -1, 0.1, 1.989e30, 2 ** 53, -(2 ** 63), 5e-324, 1.7e308, Infinity, -Infinity, NaN].map(
    (val) => /** @type {Value} */ ({ tag: 'real', val }),
  ),
  ...['', '10', '\ufeff\0\u{10ffff}'].map((val) => /** @type {Value} */ ({ tag: 'text', val })),
  ...[[], [0, 255]].map((bytes) => /** @type {Value} */ ({ tag: 'blob', val: new Uint8Array(bytes) })),
];

/**
 * Returns a generator of pseudorandom numbers below a bound (mulberry32).
 *
 * @param {number} seed
 */
function random(seed) {
  return (/** @type {number} */ below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/**
 * Returns a value of a random type. Half of the values are extremes of their types.
 *
 * @param {(below: number) => number} pick
 * @returns {Value}
 */
function randomValue(pick) {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setUint32(0, pick(2 ** 32));
  bits.setUint32(4, pick(2 ** 32));
  switch (pick(8)) {
    case 0:
      return { tag: 'integer', val: bits.getBigInt64(0) };
    case 1:
      return { tag: 'real', val: bits.getFloat64(0) };
    case 2:
      return { tag: 'real', val: pick(2 ** 32) - 2 ** 31 };
    case 3:
      return { tag: 'real', val: (pick(2 ** 32) - 2 ** 31) * 2 ** pick(64) };
    default:
      return /** @type {Value} */ (EDGES[pick(EDGES.length)]);
  }
}

const TABLE = 't';

/** @param {(below: number) => number} pick */
function randomDoc(pick) {
  const doc = engine.create('ann');
  for (let i = 0; i < 20; i++) {
    const cells = Array.from({ length: pick(4) }, (_, k) => ({ column: `c${k}`, value: randomValue(pick) }));
    doc.raw.insert(TABLE, `r${pick(10)}`, cells);
  }
  return doc;
}

/**
 * @param {import('../src/doc.js').Doc} mirror
 * @param {import('../src/doc.js').Doc} doc
 * @param {string} what
 */
function assertSame(mirror, doc, what) {
  for (const { id } of doc.rows(TABLE)) assert.deepEqual(mirror.raw.get(TABLE, id), doc.raw.get(TABLE, id), what);
  assert.equal(mirror.digestHex(), doc.digestHex(), what);
}

for (let seed = 0; seed < 50; seed++) {
  test(`cells and operations of all types can be written back exactly as they were read (seed ${seed})`, () => {
    const doc = randomDoc(random(seed));
    const rows = [...doc.rows(TABLE)];
    const diff = doc.diff([], doc.heads());
    const watched = [...doc.watch([], { fromStart: true })];
    /** @type {[what: string, ops: any[]][]} */
    const ways = [
      ['rows', rows.map(({ id, cells }) => ({ op: 'insert', table: TABLE, row: id, cells }))],
      ['copied cells', rows.map(({ id, cells }) => ({ op: 'insert', table: TABLE, row: id, cells: { ...cells } }))],
      ['diff', diff],
      ['watch', watched],
      ['what another thread is sent', structuredClone(watched)],
    ];
    for (const [what, ops] of ways) {
      const mirror = engine.create('mirror');
      mirror.commit(ops);
      assertSame(mirror, doc, what);
      mirror.dispose();
    }
    const one = engine.create('one');
    one.transact((to) => rows.forEach(({ id, cells }) => to.insert(TABLE, id, cells)));
    assertSame(one, doc, 'transaction');
    one.dispose();
    doc.dispose();
  });

  test(`entries of all types can be written back exactly as they were read (seed ${seed})`, () => {
    const pick = random(seed);
    const [store, relayed] = [engine.createStore('ann'), engine.createStore('ben')];
    for (let i = 0; i < 20; i++) store.raw.set('n', `k${i}`, randomValue(pick), 1);
    relayed.mergeEntries(store.getAll('n'), 1);
    assert.deepEqual(relayed.raw.getAll('n'), store.raw.getAll('n'));
    store.dispose();
    relayed.dispose();
  });
}

test('undoing a write to a whole real restores the real', () => {
  const doc = engine.create('ann');
  doc.insert('planets', 'sun', { mass: real(1.989e30), planets: 8, share: real(10) });
  const before = doc.heads();
  const digest = doc.digestHex();
  doc.update('planets', 'sun', { mass: 0, share: 1 });
  doc.commit(doc.diff(doc.heads(), before));
  assert.equal(doc.digestHex(), digest);
  assert.deepEqual({ ...doc.get('planets', 'sun') }, { mass: real(1.989e30), planets: 8, share: real(10) });
});

test('a whole real calculates, compares, formats and serializes like its number', () => {
  const doc = engine.create('ann');
  doc.insert('t', 'r', { x: real(10) });
  /** @type {any} */
  const x = doc.get('t', 'r')?.x;
  assert.equal(x + 1, 11);
  assert.equal(x == 10 && x > 9, true);
  assert.equal(`${x}`, '10');
  assert.equal(x.toFixed(2), '10.00');
  assert.equal(JSON.stringify({ x }), '{"x":10}');
  assert.equal(typeof Number(x), 'number');
});
