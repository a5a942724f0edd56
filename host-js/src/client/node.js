// A storage in files, for Node, Bun and Deno.

import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as check from '../check.js';
import { openDocument } from './files/document.js';

export { StorageError } from './storage-error.js';

/** @import { FilePath } from '../types.js' */
/** @import { ClientStorage } from './storage.js' */

const OPTIONS = ['repair'];

/**
 * Returns a storage in files. Each document has a folder of its own below `folder`, with a snapshot
 * and a log of the updates after it. A write resolves once the file is synced, so it survives a
 * loss of power.
 *
 * Only one process at a time can open a document; another one fails with the code `in-use`. A lock
 * of a process that was killed is recognized and removed.
 *
 * A record of the log that was not written completely when the machine failed is removed: nobody
 * was told that it is stored. If other parts of a log are damaged, opening the document fails.
 *
 * @param {FilePath} folder is created if it does not exist
 * @param {object} [options]
 * @param {boolean} [options.repair] continue without the damaged records of a log, under a new peer
 *   name; `repaired` in the status of the client is a copy of the damaged file. False by default
 * @returns {ClientStorage}
 */
export function files(folder, options = {}) {
  const path = resolve(folder instanceof URL ? fileURLToPath(folder) : check.string(folder, 'folder'));
  const { repair = false } = /** @type {{ repair?: boolean }} */ (check.options(options, 'options', OPTIONS));
  return { open: (key, prefix) => openDocument(path, key, prefix, repair) };
}
