// The durability of names in folders.

import { open } from 'node:fs/promises';

/** The error codes on platforms and file systems that cannot sync a folder. */
const CANNOT_SYNC = ['EACCES', 'EBADF', 'EINVAL', 'EISDIR', 'ENOTSUP', 'EPERM'];

/**
 * Makes the names in a folder durable.
 *
 * @param {string} folder
 */
export async function syncFolder(folder) {
  try {
    const handle = await open(folder);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!CANNOT_SYNC.includes(codeOf(error) ?? '')) throw error;
  }
}

/**
 * @param {unknown} error
 * @returns {string | undefined} the code of an error of the file system
 */
export function codeOf(error) {
  return /** @type {NodeJS.ErrnoException} */ (error).code;
}
