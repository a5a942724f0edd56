// Changes that the server never received, because its document was replaced, and tasks of a deleted document that are
// copied. They are kept in the browser until somebody applies or discards them.

/** @import { Doc } from '@converge/sync' */
/** @import { Commit } from '@converge/sync/client' */

/** @param {string} replica */
const keyOf = (replica) => `board ${replica} leftovers`;

/**
 * @param {string} replica
 * @returns {Commit[]}
 */
export function loadLeftovers(replica) {
  return JSON.parse(localStorage.getItem(keyOf(replica)) ?? '[]');
}

/** @param {string} replica @param {Commit[]} commits */
export function addLeftovers(replica, commits) {
  const all = [...loadLeftovers(replica), ...commits];
  if (all.length > 0) localStorage.setItem(keyOf(replica), JSON.stringify(all));
}

/** @param {string} replica */
export function discardLeftovers(replica) {
  localStorage.removeItem(keyOf(replica));
}

/**
 * Makes these changes again. If a task does not exist, its new title makes a new task, and other
 * changes of it are left out.
 *
 * @param {Doc} doc
 * @param {Commit[]} commits
 */
export function applyLeftovers(doc, commits) {
  for (const op of commits.flat()) {
    const exists = doc.get(op.table, op.row) !== undefined;
    if (exists || op.op === 'insert') doc.commit([op]);
    else if (op.op === 'update' && 'title' in op.cells) doc.insert(op.table, op.row, op.cells);
  }
}
