// A storage in IndexedDB, for browsers.
//
// The storage does not ask the browser for persistent storage (`navigator.storage.persist()`): Firefox asks the user, and
// Chromium decides by how much the user has used the page, so the time to ask is for the application to choose.

import * as check from '../check.js';
import { Database } from './indexeddb/database.js';
import { openDocument } from './indexeddb/document.js';

export { StorageError } from './storage-error.js';

/** @import { ClientStorage } from './storage.js' */

const OPTIONS = ['name'];
const DEFAULT_NAME = 'converge';

/**
 * Returns a storage in IndexedDB. Writes are made with `durability: 'strict'`, so they survive a
 * loss of power once they have resolved.
 *
 * All tabs and workers of an origin can open a document at the same time. Each reserves a peer name
 * by a Web Lock: the prefix, 16 random letters that the database keeps, and the lowest free number.
 * Old browsers, and pages without a secure context, have no Web Locks: there, each open replica has
 * a random name, and the document grows by a few bytes for each name that has written.
 *
 * Browsers can delete the data of an origin if the device runs out of space. To prevent this, call
 * `navigator.storage.persist()` when the user has done something worth keeping.
 *
 * @param {object} [options]
 * @param {string} [options.name] the name of the database; `converge` by default. Documents in
 *   different databases are separate, such as those of two users of the same browser
 * @returns {ClientStorage}
 */
export function indexedDb(options = {}) {
  const { name = DEFAULT_NAME } = /** @type {{ name?: string }} */ (check.options(options, 'options', OPTIONS));
  check.string(name, 'name');
  return {
    async open(key, prefix) {
      const database = new Database(name);
      try {
        return await openDocument(database, key, prefix);
      } catch (error) {
        database.close();
        throw error;
      }
    },
  };
}
