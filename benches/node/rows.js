// Works on a single table, as in ../src/works/rows.rs.

import assert from 'node:assert/strict';
import { NAME, SHARE } from './libraries/replica.js';

/** @import { Contents, Replica, ReplicaClass } from './libraries/replica.js' */
/** @import { Size } from './size.js' */
/** @typedef {{ name: string, unit: string, value: number }} Figure */

const BATCH = 100;
/** The first rows that the two replicas of `concurrent` update. */
const FIRST_ROWS = [0, 7];
const STRIDE = 31;

/**
 * @param {string} work
 * @param {ReplicaClass} library
 * @param {Size} size
 * @returns {Promise<Figure[]>}
 */
export async function run(work, library, size) {
  switch (work) {
    case 'insert':
      return insert(library, size);
    case 'update':
      return update(library, size);
    case 'concurrent':
      return concurrent(library, size);
    case 'saved':
      return saved(library, await inserted(library, size.rows, library.groups ? size.rows : 1), size.rows);
    case 'saved-updates':
      return saved(library, await updated(library, size), size.updatedRows);
    case 'catch-up':
      return catchUp(library, size);
    case 'memory':
      return memory(library, size);
    case 'frames':
      return frames(library, size);
    case 'scale':
      return scale(library, size);
    default:
      throw new Error(`unknown work ${work}`);
  }
}

/**
 * @param {ReplicaClass} library
 * @param {Size} size
 */
async function insert(library, size) {
  const { rows } = size;
  await warmUp(library, size);
  /** @type {Figure[]} */
  const figures = [];
  let doc = await library.create(1);
  const each = seconds(() => insertAll(doc, rows, library.groups ? rows : 1));
  if (!library.groups) figures.push(per('one row per transaction', each, rows));
  assert.deepEqual(doc.read(), ofRows(rows));
  const get = seconds(() => {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += doc.get(row);
    assert.equal(sum, ofRows(rows).numberSum);
  });
  const scan = seconds(() => assert.deepEqual(doc.read(), ofRows(rows)));
  if (!library.groups) {
    doc = await library.create(1);
    const batches = seconds(() => insertAll(doc, rows, BATCH));
    figures.push(per('100 rows per transaction', batches, rows));
    assert.deepEqual(doc.read(), ofRows(rows));
  }
  let atOnce = each;
  if (!library.groups) {
    doc = await library.create(1);
    atOnce = seconds(() => insertAll(doc, rows, rows));
    assert.deepEqual(doc.read(), ofRows(rows));
  }
  figures.push(
    per('all rows in one transaction', atOnce, rows),
    per('read one row', get, rows),
    per('read all rows, per row', scan, rows),
  );
  return figures;
}

/**
 * @param {ReplicaClass} library
 * @param {Size} size
 */
async function update(library, size) {
  await warmUp(library, size);
  /** @type {Figure[]} */
  const figures = [];
  let doc = await inserted(library, size.updatedRows, size.updatedRows);
  if (!library.groups) {
    const each = seconds(() => apply(doc, size.updates, (i) => [i % size.updatedRows, i], 1));
    figures.push(per('one update per transaction', each, size.updates));
    checkUpdated(doc, size);
  }
  doc = await inserted(library, size.updatedRows, size.updatedRows);
  const batches = seconds(() => apply(doc, size.updates, (i) => [i % size.updatedRows, i], BATCH));
  checkUpdated(doc, size);
  figures.push(per('100 updates per transaction', batches, size.updates));
  return figures;
}

/**
 * @param {ReplicaClass} library
 * @param {Size} size
 */
async function concurrent(library, size) {
  await warmUp(library, size);
  /** @type {Figure[]} */
  const figures = [];
  for (const [name, batch] of /** @type {[string, number][]} */ ([
    ['one update per transaction', 1],
    ['100 updates per transaction', BATCH],
  ])) {
    const ann = await updated(library, size);
    const ben = library.load(2, ann.save());
    const count = size.updates / 4;
    /** @type {[Replica, number][]} */
    const sides = [
      [ann, FIRST_ROWS[0] ?? 0],
      [ben, FIRST_ROWS[1] ?? 0],
    ];
    let written = 0;
    const both = seconds(() => {
      const common = ann.version();
      written = seconds(() => {
        for (const [doc, first] of sides) {
          apply(doc, count, (i) => [(STRIDE * i + first) % size.updatedRows, i + first], batch);
        }
      });
      const changes = [ann.changesSince(common), ben.changesSince(common)];
      ann.merge(/** @type {Uint8Array} */ (changes[1]));
      ben.merge(/** @type {Uint8Array} */ (changes[0]));
    });
    const last = sides.map(([, first]) => {
      const numbers = new Map();
      for (let i = 0; i < count; i++) numbers.set((STRIDE * i + first) % size.updatedRows, i + first);
      return numbers;
    });
    for (let row = 0; row < size.updatedRows; row++) {
      const number = ann.get(row);
      assert.equal(number, ben.get(row));
      assert.ok(last.some((numbers) => numbers.get(row) === number));
    }
    figures.push(per(name, both, 2 * count));
    if (batch === 1) figures.push(per('one update per transaction, exchange only', both - written, 2 * count));
  }
  return figures;
}

/**
 * @param {ReplicaClass} library
 * @param {Replica} doc
 * @param {number} rows
 */
function saved(library, doc, rows) {
  const expected = doc.read();
  /** @type {Uint8Array} */
  let bytes = new Uint8Array();
  const write = seconds(() => (bytes = doc.save()));
  const begin = performance.now();
  const loaded = library.load(3, bytes);
  const load = performance.now() - begin;
  assert.deepEqual(loaded.read(), expected);
  const read = performance.now() - begin;
  const row = Math.floor(rows / 2);
  let number = 0;
  const open = seconds(() => (number = library.open ? library.open(bytes, row) : library.load(3, bytes).get(row)));
  assert.equal(number, doc.get(row));
  return [
    figure('size', bytes.length, 'bytes'),
    figure('save', write * 1e3, 'ms'),
    figure('load', load, 'ms'),
    figure('load and read all rows', read, 'ms'),
    figure('open and read one row', open * 1e3, 'ms'),
  ];
}

/**
 * @param {ReplicaClass} library
 * @param {Size} size
 */
async function catchUp(library, size) {
  const ann = await inserted(library, size.updatedRows, size.updatedRows);
  apply(ann, size.events - 2, (i) => [i % size.updatedRows, i], 1);
  const ben = library.load(2, ann.save());
  ann.update([[0, -1]]);
  let moved = { messages: 0, bytes: 0 };
  const time = seconds(() => (moved = ann.sync(ben)));
  assert.equal(ben.get(0), -1);
  return [
    figure('sent', moved.bytes, 'bytes'),
    figure('messages', moved.messages, ''),
    figure('time', time * 1e3, 'ms'),
  ];
}

/**
 * Measures the resident memory of the process.
 *
 * @param {ReplicaClass} library
 * @param {Size} size
 */
async function memory(library, { rows, updatedRows, updates }) {
  await inserted(library, 1, 1);
  let before = memoryBytes();
  const doc = await inserted(library, rows, 1);
  const held = memoryBytes() - before;
  before = memoryBytes();
  const loaded = library.load(3, doc.save());
  loaded.read();
  const read = memoryBytes() - before;
  before = memoryBytes();
  const updated = await inserted(library, updatedRows, updatedRows);
  apply(updated, updates, (i) => [i % updatedRows, i], 1);
  const after = memoryBytes() - before;
  // Use all three, so that none is collected earlier.
  assert.deepEqual([doc.read().rows, loaded.read().rows, updated.read().rows], [rows, rows, updatedRows]);
  return [
    figure('after `insert`, per row', held / rows, 'bytes'),
    figure('after reading all rows, per row', read / rows, 'bytes'),
    figure('after `update`, per update', after / updates, 'bytes'),
  ];
}

/**
 * @param {ReplicaClass} library
 * @param {Size} size
 */
async function scale(library, { scale }) {
  /** @type {Figure[]} */
  const figures = [];
  for (const rows of scale) {
    const doc = await library.create(1);
    const insert = seconds(() => insertAll(doc, rows, BATCH));
    const bytes = doc.save();
    /** @type {Contents | undefined} */
    let contents;
    const read = seconds(() => (contents = library.load(3, bytes).read()));
    assert.deepEqual(contents, ofRows(rows));
    figures.push(per(`insert, ${rows} rows`, insert, rows), per(`read, ${rows} rows`, read, rows));
  }
  return figures;
}

/**
 * Measures the longest calls, with the amounts that a host would pass to keep a frame of 16 ms.
 *
 * @param {ReplicaClass} library
 * @param {Size} size
 */
async function frames(library, { scale, updates, updatedRows }) {
  const rows = scale.at(-1) ?? 0;
  const batch = 1_000;
  const doc = /** @type {Replica & { doc: import('../../host-js/src/doc.js').Doc }} */ (await library.create(1));
  let [each, batches, page, merge] = [0, 0, 0, 0];
  for (let first = 0; first < rows; first += batch) {
    batches = Math.max(
      batches,
      seconds(() => doc.insert(first, first + batch - 1)),
    );
    each = Math.max(
      each,
      seconds(() => doc.insert(first + batch - 1, first + batch)),
    );
  }
  /** @type {string | undefined} */
  let after;
  for (let more = true; more;) {
    const time = seconds(() => {
      const found = doc.doc.scan('table', { limit: batch, after });
      after = found.rows.at(-1)?.id;
      more = found.more;
    });
    page = Math.max(page, time);
  }
  const [ann, ben] = [await inserted(library, updatedRows, updatedRows), await library.create(2)];
  for (let first = 0; first < updates; first += batch) {
    const version = ben.version();
    apply(ann, batch, (i) => [(first + i) % updatedRows, first + i], 1);
    const changes = ann.changesSince(version);
    merge = Math.max(
      merge,
      seconds(() => ben.merge(changes)),
    );
  }
  return [
    figure(`longest insert of one row, up to ${rows} rows`, each * 1e3, 'ms'),
    figure(`longest insert of ${batch - 1} rows`, batches * 1e3, 'ms'),
    figure(`longest page of ${batch} rows`, page * 1e3, 'ms'),
    figure(`longest merge of ${batch} events`, merge * 1e3, 'ms'),
  ];
}

/**
 * Runs a small part of the work, so that the measured part finds compiled code.
 *
 * @param {ReplicaClass} library
 * @param {Size} size
 */
async function warmUp(library, size) {
  const batch = library.groups ? BATCH : 1;
  const doc = await inserted(library, size.updatedRows, batch);
  apply(doc, size.updatedRows, (i) => [i % size.updatedRows, i], batch);
  doc.read();
}

/**
 * @param {ReplicaClass} library
 * @param {number} rows
 * @param {number} batch
 */
async function inserted(library, rows, batch) {
  const doc = await library.create(1);
  insertAll(doc, rows, batch);
  return doc;
}

/**
 * @param {Replica} doc
 * @param {number} rows
 * @param {number} batch
 */
function insertAll(doc, rows, batch) {
  for (let first = 0; first < rows; first += batch) doc.insert(first, Math.min(rows, first + batch));
}

/**
 * @param {ReplicaClass} library
 * @param {Size} size
 */
async function updated(library, size) {
  const doc = await inserted(library, size.updatedRows, size.updatedRows);
  apply(doc, size.updates, (i) => [i % size.updatedRows, i], BATCH);
  return doc;
}

/**
 * @param {Replica} doc
 * @param {number} count
 * @param {(i: number) => [number, number]} update
 * @param {number} batch
 */
function apply(doc, count, update, batch) {
  for (let first = 0; first < count; first += batch) {
    /** @type {[number, number][]} */
    const updates = [];
    for (let i = first; i < Math.min(count, first + batch); i++) updates.push(update(i));
    doc.update(updates);
  }
}

/**
 * @param {Replica} doc
 * @param {Size} size
 */
function checkUpdated(doc, { updates, updatedRows }) {
  let numberSum = 0;
  for (let number = updates - updatedRows; number < updates; number++) numberSum += number;
  assert.deepEqual(doc.read(), { ...ofRows(updatedRows), numberSum });
}

/**
 * Returns the content of a table with `rows` rows, where each row's number is its index.
 *
 * @param {number} rows
 * @returns {Contents}
 */
function ofRows(rows) {
  return { rows, nameBytes: rows * NAME.length, numberSum: (rows * (rows - 1)) / 2, shareSum: rows * SHARE };
}

/**
 * Returns the resident memory after a garbage collection, in bytes. It includes WebAssembly
 * memories.
 */
export function memoryBytes() {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

/** @param {() => void} work */
export function seconds(work) {
  const begin = performance.now();
  work();
  return (performance.now() - begin) / 1e3;
}

/**
 * @param {string} name
 * @param {number} value
 * @param {string} unit
 * @returns {Figure}
 */
export function figure(name, value, unit) {
  return { name, unit, value };
}

/**
 * @param {string} name
 * @param {number} seconds
 * @param {number} count
 */
export function per(name, seconds, count) {
  return figure(name, (seconds * 1e9) / count, 'ns');
}
