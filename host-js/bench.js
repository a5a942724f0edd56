// A first, simple benchmark of the package: what an operation costs through the idiomatic and through the raw access.
//
//   node bench.js [--small]      (--small: a smoke run of a few milliseconds)

import { parseArgs } from 'node:util';
import { open, real } from './src/node.js';

/** @import { Doc } from './src/doc.js' */
/** @import { Engine } from './src/engine.js' */
/** @import { Cell, RowOp } from './dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Op } from './src/values.js' */

const {
  values: { small },
} = parseArgs({ options: { small: { type: 'boolean', default: false } } });
const ROWS = small ? 1_000 : 100_000;
const UPDATED_ROWS = small ? 10 : 1_000;
const UPDATES = small ? 2_000 : 200_000;
const COMMIT_UPDATES = 100;

/** @param {number} i */
const id = (i) => `row-${i}`;
/** @param {number} i */
const cells = (i) => ({ name: 'Alice', number: i, share: real(1.5) });
/**
 * @param {number} i
 * @returns {Cell[]}
 */
const rawCells = (i) => [
  { column: 'name', value: { tag: 'text', val: 'Alice' } },
  { column: 'number', value: { tag: 'integer', val: BigInt(i) } },
  { column: 'share', value: { tag: 'real', val: 1.5 } },
];
/**
 * @param {number} i
 * @returns {Cell[]}
 */
const rawNumber = (i) => [{ column: 'number', value: { tag: 'integer', val: BigInt(i) } }];

console.log(`${'ns/operation'.padEnd(46)}${'idiomatic'.padStart(12)}${'raw'.padStart(12)}`);

await compare(`insert ${ROWS} rows of 3 cells, a commit each`, ROWS, {
  run: (doc) => times(ROWS, (i) => doc.insert('t', id(i), cells(i))),
  raw: ({ raw }) => times(ROWS, (i) => raw.insert('t', id(i), rawCells(i))),
});
await compare(`insert ${ROWS} rows of 3 cells, one commit`, ROWS, {
  run: (doc) => doc.commit(made(ROWS, (i) => ({ op: 'insert', table: 't', row: id(i), cells: cells(i) }))),
  raw: ({ raw }) => raw.commit(made(ROWS, rawInsert)),
});
await compare(`update ${UPDATES} cells of ${UPDATED_ROWS} rows, a commit each`, UPDATES, {
  before: someRows,
  run: (doc) => times(UPDATES, (i) => doc.update('t', id(i % UPDATED_ROWS), { number: i })),
  raw: ({ raw }) => times(UPDATES, (i) => raw.update('t', id(i % UPDATED_ROWS), rawNumber(i))),
});
await compare(`update ${UPDATES} cells, commits of ${COMMIT_UPDATES}`, UPDATES, {
  before: someRows,
  run: (doc) =>
    times(UPDATES / COMMIT_UPDATES, (k) =>
      doc.commit(
        made(COMMIT_UPDATES, (j) => {
          const i = k * COMMIT_UPDATES + j;
          return { op: 'update', table: 't', row: id(i % UPDATED_ROWS), cells: { number: i } };
        }),
      ),
    ),
  raw: ({ raw }) =>
    times(UPDATES / COMMIT_UPDATES, (k) =>
      raw.commit(
        made(COMMIT_UPDATES, (j) => {
          const i = k * COMMIT_UPDATES + j;
          return { tag: 'update', val: { table: 't', row: id(i % UPDATED_ROWS), cells: rawNumber(i) } };
        }),
      ),
    ),
});
await compare(`get ${ROWS} rows`, ROWS, {
  before: allRows,
  run: (doc) => times(ROWS, (i) => doc.get('t', id(i))),
  raw: ({ raw }) => times(ROWS, (i) => raw.get('t', id(i))),
});
await compare(`scan ${ROWS} rows, pages of 256`, ROWS, {
  before: allRows,
  run(doc) {
    let count = 0;
    for (const row of doc.rows('t')) count += row.cells.number === undefined ? 0 : 1;
    return count;
  },
  raw({ raw }) {
    for (let after, more = true; more;) {
      const page = raw.scan('t', { range: { tag: 'all' }, descending: false, limit: 256, after, columns: [] });
      after = page.rows.at(-1)?.id;
      more = page.more;
    }
  },
});

/**
 * Measures both ways, each on an engine of its own so that none finds the other's memory, and prints a line.
 *
 * @param {string} what
 * @param {number} operations
 * @param {{ before?: (doc: Doc) => void, run: (doc: Doc) => unknown, raw: (doc: Doc) => unknown }} ways
 */
async function compare(what, operations, { before, run, raw }) {
  const results = [];
  for (const way of [run, raw]) {
    const engine = await ownEngine();
    const doc = engine.Doc.create('bench');
    before?.(doc);
    const begin = performance.now();
    way(doc);
    const nanoseconds = ((performance.now() - begin) * 1e6) / operations;
    results.push({ nanoseconds, mebibytes: engine.memoryBytes / 2 ** 20 });
  }
  const columns = results.map(({ nanoseconds }) => nanoseconds.toFixed(0).padStart(12)).join('');
  console.log(`${what.padEnd(46)}${columns}   (${results[0]?.mebibytes.toFixed(1)} MiB of wasm memory)`);
}

/** @returns {Promise<Engine>} */
async function ownEngine() {
  const { readFile } = await import('node:fs/promises');
  return open(readFile(new URL('dist/converge.core.wasm', import.meta.url)));
}

/** @param {Doc} doc */
function someRows(doc) {
  doc.raw.commit(made(UPDATED_ROWS, rawInsert));
}

/** @param {Doc} doc */
function allRows(doc) {
  doc.raw.commit(made(ROWS, rawInsert));
}

/**
 * @param {number} i
 * @returns {RowOp}
 */
function rawInsert(i) {
  return { tag: 'insert', val: { table: 't', row: id(i), cells: rawCells(i) } };
}

/**
 * @param {number} count
 * @param {(i: number) => void} f
 */
function times(count, f) {
  for (let i = 0; i < count; i++) f(i);
}

/**
 * @template {Op | RowOp} T
 * @param {number} count
 * @param {(i: number) => T} f
 * @returns {T[]}
 */
function made(count, f) {
  return Array.from({ length: count }, (_, i) => f(i));
}
