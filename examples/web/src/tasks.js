// The tasks of a board: one row each. Every property is a cell of its own, so people can rename and move a task at the same
// time, and both changes are kept.

import { between, spread } from './order.js';

/** @import { Cells, Doc, Transaction } from '@converge/sync' */

/** @typedef {'todo' | 'doing' | 'done'} ColumnId */
/** @typedef {{ id: string, title: string, column: ColumnId, order: string }} Task */

export const TABLE = 'tasks';

/** @type {{ id: ColumnId, title: string }[]} */
export const COLUMNS = [
  { id: 'todo', title: 'To do' },
  { id: 'doing', title: 'Doing' },
  { id: 'done', title: 'Done' },
];

/**
 * Returns all tasks in their order.
 *
 * @param {Doc} doc
 * @returns {Task[]}
 */
export function tasksOf(doc) {
  const tasks = [...doc.rows(TABLE)].map(({ id, cells }) => taskOf(id, cells));
  return tasks.sort((a, b) => compare(a.order, b.order) || compare(a.id, b.id));
}

/**
 * Other programs can write rows too, so cells can be missing.
 *
 * @param {string} id
 * @param {Cells} cells
 * @returns {Task}
 */
function taskOf(id, { title, column, order }) {
  const known = COLUMNS.find(({ id }) => id === column) ?? COLUMNS[0];
  return { id, title: String(title ?? ''), column: known.id, order: String(order ?? '') };
}

/** @param {string} a @param {string} b */
function compare(a, b) {
  return a < b ? -1 : Number(a > b);
}

/**
 * Adds a task at the end of a column.
 *
 * @param {Doc} doc
 * @param {ColumnId} column
 * @param {string} title
 */
export function addTask(doc, column, title) {
  const others = tasksOf(doc).filter((task) => task.column === column);
  doc.transact((transaction) => {
    const order = orderAt(transaction, others, others.length);
    transaction.insert(TABLE, crypto.randomUUID(), { title, column, order });
  });
}

/** @param {Doc} doc @param {string} id @param {string} title */
export function renameTask(doc, id, title) {
  doc.update(TABLE, id, { title });
}

/** @param {Doc} doc @param {string} id */
export function deleteTask(doc, id) {
  doc.delete(TABLE, id);
}

/**
 * Moves a task to a place among the other tasks of a column.
 *
 * @param {Doc} doc
 * @param {string} id
 * @param {ColumnId} column
 * @param {number} [index] 0 is the first place; the last place by default
 */
export function moveTask(doc, id, column, index) {
  const others = tasksOf(doc).filter((task) => task.column === column && task.id !== id);
  const place = index ?? others.length;
  // A column that is not written cannot replace the one that somebody else chooses at the same time.
  const isInColumn = doc.get(TABLE, id)?.column === column;
  doc.transact((transaction) => {
    const order = orderAt(transaction, others, place);
    transaction.update(TABLE, id, isInColumn ? { order } : { column, order });
  });
}

/**
 * Returns the order of a task at a place among others. If no text fits there, because other
 * programs wrote the rows, the others get new orders.
 *
 * @param {Transaction} transaction
 * @param {Task[]} others the tasks of the column
 * @param {number} place
 * @returns {string}
 */
function orderAt(transaction, others, place) {
  const low = others[place - 1]?.order ?? '';
  const high = others[place]?.order;
  const order = between(low, high);
  if (low < order && (high === undefined || order < high)) return order;
  const orders = spread(others.length + 1);
  const [own = order] = orders.splice(place, 1);
  for (const [index, { id }] of others.entries()) transaction.update(TABLE, id, { order: orders[index] ?? '' });
  return own;
}
