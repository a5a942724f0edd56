// Writes through components that are composed with the engine. `just compose` builds them in `target`.

import assert from 'node:assert/strict';
import { guard } from '../../examples/guard/link.js';
import { transpiled } from '../../examples/transpiled.js';
import { Mutators } from '../../host-js/src/mutators.js';
import { open } from '../../host-js/src/node.js';
import { per, seconds } from './rows.js';

/** Rows per commit. */
const BATCH = 100;
const TITLE = 'Write the minutes';

/** @typedef {import('../../host-js/src/doc.js').Doc} Doc */
/** @import { Size } from './size.js' */

/** @param {number} row */
const id = (row) => `row${row}`;
/** @param {number} row */
const cells = (row) => ({ title: TITLE, column: 'todo', votes: row, position: 1.5 });
/** @param {number} row */
const task = (row) => /** @type {const} */ ({ op: 'insert', table: 'tasks', row: id(row), cells: cells(row) });

/**
 * @param {Size} size
 */
export async function composition({ sets: rows, updatedRows: updated }) {
  /** @type {ReturnType<typeof per>[]} */
  const figures = [];
  const report = (/** @type {string} */ name, /** @type {number} */ taken) => figures.push(per(name, taken, rows));
  for (const [name, schema] of /** @type {[name: string, schema?: string][]} */ ([
    ['the engine'],
    ['a guard that allows everything', 'anything'],
    ['a guard with a schema', 'board-schema'],
  ])) {
    const front = schema === undefined ? undefined : await guard(schema);
    const engine = await open(undefined, front && { front });
    const empty = () => {
      const doc = engine.create('ann');
      doc.insert('columns', 'todo', { name: 'To do' });
      return doc;
    };
    warmUp(empty(), updated);
    for (const [way, batch] of /** @type {const} */ ([
      ['one per call', 1],
      ['100 per commit', BATCH],
    ])) {
      const doc = empty();
      const taken = seconds(() => {
        for (let first = 0; first < rows; first += batch) {
          doc.commit(Array.from({ length: Math.min(batch, rows - first) }, (_, place) => task(first + place)));
        }
      });
      report(`${name}: insert, ${way}`, taken);
      check(doc, rows);
    }
    const doc = empty();
    const transactions = seconds(() => {
      for (let row = 0; row < rows; row++) {
        doc.transact((transaction) => transaction.insert('tasks', id(row), cells(row)));
      }
    });
    report(`${name}: insert, one per transaction`, transactions);
    check(doc, rows);
    const read = seconds(() => {
      for (let row = 0; row < rows; row++) assert.ok(doc.get('tasks', id(row)));
    });
    report(`${name}: read one row`, read);
  }

  const { instantiate, getCoreModule } = await transpiled('board.wasm');
  const board = new Mutators(instantiate, getCoreModule);
  const doc = (await open()).create('ann');
  const add = (/** @type {number} */ row) => board.apply(doc, 'add', [id(row), TITLE]);
  for (let row = rows; row < rows + updated; row++) add(row);
  const mutators = seconds(() => {
    for (let row = 0; row < rows; row++) add(row);
  });
  report('mutators: add, one per call', mutators);
  check(doc, rows);

  report('mizchi:converge: insert, one per call', await oldInterface(rows));
  return figures;
}

/**
 * Returns the seconds that `rows` inserts take through the interface `mizchi:converge`.
 *
 * @param {number} rows
 */
async function oldInterface(rows) {
  const { converge } = (await transpiled('compat.wasm')).start();
  let taken = 0;
  // The first round is a warm-up.
  for (let round = 0; round < 2; round++) {
    const doc = converge.createDoc('ann');
    taken = seconds(() => {
      for (let row = 0; row < rows; row++) {
        const { id: event } = converge.docInsert(doc, 'tasks', id(row), [
          { key: 'title', val: { tag: 'val-str', val: TITLE } },
          { key: 'column', val: { tag: 'val-str', val: 'todo' } },
          { key: 'votes', val: { tag: 'val-int', val: row } },
          { key: 'position', val: { tag: 'val-float', val: 1.5 } },
        ]);
        assert.equal(event.counter, row);
      }
    });
  }
  return taken;
}

/**
 * @param {Doc} doc
 * @param {number} rows
 */
function warmUp(doc, rows) {
  for (let row = 0; row < rows; row++) doc.commit([task(row)]);
  for (let first = 0; first < rows; first += BATCH) {
    doc.commit(Array.from({ length: BATCH }, (_, place) => task(first + place)));
  }
}

/**
 * @param {Doc} doc
 * @param {number} rows
 */
function check(doc, rows) {
  const table = doc.tables().find(({ name }) => name === 'tasks');
  assert.ok(table !== undefined && table.rows >= rows);
}
