// Errors of IndexedDB as errors of storages.

import { StorageError } from '../storage-error.js';

/**
 * Converts an error of IndexedDB. Errors of other sources are returned as they are.
 *
 * @param {unknown} error
 * @param {string} database
 * @returns {unknown}
 */
export function toStorageError(error, database) {
  if (!(error instanceof DOMException)) return error;
  const shown = JSON.stringify(database);
  switch (error.name) {
    case 'QuotaExceededError':
      return new StorageError(
        'full',
        `there is no space for the database ${shown}: the disk is full, or the browser allows this page no more data`,
        error,
      );
    case 'VersionError':
      return new StorageError(
        'outdated',
        `a newer version of this page has upgraded the database ${shown}; reload the page`,
        error,
      );
    default:
      return new StorageError('failed', `the database ${shown} failed with ${error.name}: ${error.message}`, error);
  }
}
