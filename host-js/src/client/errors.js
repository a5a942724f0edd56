// Why a client could not do something.

/** @import { Reason } from './types.js' */

/** Why a connection or a storage failed. `reason` and `code` are for programs. */
export class ClientError extends Error {
  /**
   * @param {Reason} reason
   * @param {string} message
   * @param {{ code?: number | string | undefined, cause?: unknown }} [details]
   */
  constructor(reason, message, { code, cause } = {}) {
    super(message, { cause });
    /** What happened. */
    this.reason = reason;
    /** The close code of the server, or the code of the storage's error. */
    this.code = code;
  }

  static {
    // Minifying the code must not change the name.
    Object.defineProperty(this.prototype, 'name', { value: 'ClientError', writable: true, configurable: true });
  }
}

/**
 * Returns the message of anything that was thrown.
 *
 * @param {unknown} thrown
 * @returns {string}
 */
export function messageOf(thrown) {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
