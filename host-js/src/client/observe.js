// Lets a client learn of writes to its document and its store. Functions of the objects themselves are replaced, so reading
// costs nothing, and the objects stay those of the engine.

/** @import { Doc } from '../doc.js' */
/** @import { Store } from '../store.js' */

const DOC_WRITES = [
  ...['insert', 'update', 'delete', 'unset', 'splice', 'add', 'commit'],
  ...['mergeEvents', 'mergeUpdate', 'rebase', 'compact'],
];
/** Without `expire`, which changes nothing that has to be sent. */
const STORE_WRITES = ['set', 'remove', 'mergeEntries', 'mergeUpdate', 'leave'];
const TRANSACTION_WRITES = ['commit'];

/**
 * @typedef {object} Observer
 * @property {() => void} before is called before each write, and prevents it by throwing
 * @property {() => void} after is called after each write, also if it failed
 */

/**
 * Calls an observer at each write to a document: by its functions, by `transact`, and by
 * transactions that `begin` returns.
 *
 * @param {Doc} doc
 * @param {Observer} observer
 */
export function observeDoc(doc, observer) {
  observe(doc, DOC_WRITES, observer);
  const begin = doc.begin.bind(doc);
  replace(doc, 'begin', () => {
    const transaction = begin();
    observe(transaction, TRANSACTION_WRITES, observer);
    return transaction;
  });
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
 * @param {object} object
 * @param {string[]} names
 * @param {Observer} observer
 */
function observe(object, names, { before, after }) {
  for (const name of names) {
    const write = /** @type {Record<string, Function>} */ (object)[name];
    replace(object, name, (...args) => {
      before();
      try {
        return write?.apply(object, args);
      } finally {
        after();
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
