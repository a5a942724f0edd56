// Errors of the file system as those of storages.

import { StorageError } from '../storage-error.js';

/** @import { StorageFailure } from '../storage.js' */

/** @type {Map<unknown, StorageFailure>} */
const FAILURES = new Map([
  ['ENOSPC', 'full'],
  ['EDQUOT', 'full'],
  ['EFBIG', 'full'],
  ['ENOENT', 'gone'],
  ['ENOTDIR', 'gone'],
]);

/**
 * Runs a call of the file system. Its errors become those of storages.
 *
 * @template T
 * @param {string} folder of the document, for the message
 * @param {() => Promise<T>} call
 * @returns {Promise<T>}
 */
export async function failing(folder, call) {
  try {
    return await call();
  } catch (cause) {
    if (cause instanceof StorageError) throw cause;
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (cause);
    // Errors of callbacks are not those of the file system.
    if (typeof code !== 'string') throw cause;
    throw new StorageError(FAILURES.get(code) ?? 'failed', `the document in ${folder}: ${message}`, cause);
  }
}
