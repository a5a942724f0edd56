// Observes the local writes to a document or a store. Functions of the objects themselves are replaced, so reading costs
// nothing, and the objects stay those of the engine.

/** @import { Doc } from './doc.js' */
/** @import { Store } from './store.js' */

const DOC_WRITES = [
  ...['insert', 'update', 'delete', 'unset', 'splice', 'add', 'commit'],
  ...['mergeEvents', 'mergeUpdate', 'rebase', 'compact'],
];
/** Without `expire`, which changes nothing that has to be sent. */
const STORE_WRITES = ['set', 'remove', 'mergeEntries', 'mergeUpdate', 'leave'];
const TRANSACTION_WRITES = ['commit'];
const VIEW_WRITES = ['edit', 'rewrite'];

/**
 * @typedef {object} Observer
 * @property {() => void} before is called before each write, and prevents it by throwing
 * @property {(result?: unknown) => void} after is called after each write with what it returned,
 *   also if it failed
 */

/**
 * Calls an observer at each write to a document: by its functions, by `transact`, by transactions
 * that `begin` returns, and by views that `openText` returns.
 *
 * @param {Doc} doc
 * @param {Observer} observer
 */
export function observeDoc(doc, observer) {
  observe(doc, DOC_WRITES, observer);
  observeResults(doc, 'begin', TRANSACTION_WRITES, observer);
  observeResults(doc, 'openText', VIEW_WRITES, observer);
}

/**
 * Calls an observer at each write to a store.
 *
 * @param {Store} store
 * @param {Observer} observer
 */
export function observeStore(store, observer) {
  observe(store, STORE_WRITES, observer);
}

/**
 * Calls an observer at each write to an object that a function returns.
 *
 * @param {object} object
 * @param {string} name of the function
 * @param {string[]} names of the functions of the returned objects that write
 * @param {Observer} observer
 */
function observeResults(object, name, names, observer) {
  const create = /** @type {Record<string, Function>} */ (object)[name];
  replace(object, name, (...args) => {
    const created = create?.apply(object, args);
    observe(created, names, observer);
    return created;
  });
}

/**
 * @param {object} object
 * @param {string[]} names
 * @param {Observer} observer
 */
function observe(object, names, { before, after }) {
  for (const name of names) {
    const write = /** @type {Record<string, Function>} */ (object)[name];
    replace(object, name, (...args) => {
      before();
      let result;
      try {
        result = write?.apply(object, args);
        return result;
      } finally {
        after(result);
      }
    });
  }
}

/**
 * @param {object} object
 * @param {string} name
 * @param {(...args: unknown[]) => unknown} value
 */
function replace(object, name, value) {
  Object.defineProperty(object, name, { value, configurable: true });
}
