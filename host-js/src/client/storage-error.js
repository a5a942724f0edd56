// The error of storages.

/** @import { StorageFailure } from './storage.js' */

/** A call of a storage failed and changed nothing. */
export class StorageError extends Error {
  /**
   * @param {StorageFailure} code
   * @param {string} message
   * @param {unknown} [cause] the error of the platform
   */
  constructor(code, message, cause) {
    super(message, { cause });
    /** Why the call failed, for programs. */
    this.code = code;
  }

  static {
    // Minifying the code must not change the name.
    Object.defineProperty(this.prototype, 'name', { value: 'StorageError', writable: true, configurable: true });
  }
}
