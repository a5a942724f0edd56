// What the close codes of the server mean for a client. docs/server.md specifies them.

import { ClientError } from './errors.js';

/** @import { Reason } from './types.js' */

/**
 * What a client does after the server closed the connection: stops, connects again, gets a new
 * token, or rebases on the server's document and connects again.
 *
 * @typedef {'stop' | 'retry' | 'token' | 'rebase'} Answer
 */

/** @type {Map<number, [Reason, Answer]>} */
const CODES = new Map([
  [1002, ['websocket', 'stop']],
  [1003, ['text', 'stop']],
  [1009, ['too-large', 'stop']],
  [1012, ['restart', 'retry']],
  [1013, ['unavailable', 'retry']],
  [4400, ['malformed', 'stop']],
  [4401, ['token', 'token']],
  [4403, ['refused', 'stop']],
  [4404, ['not-found', 'stop']],
  [4408, ['slow', 'retry']],
  [4409, ['conflict', 'rebase']],
  [4410, ['deleted', 'stop']],
  [4413, ['full', 'retry']],
  [4429, ['too-many', 'retry']],
]);

/**
 * @typedef {object} Refusal
 * @property {Answer} answer
 * @property {number | undefined} retryMs the least time until the next attempt, if the server named one
 * @property {ClientError} error
 */

/**
 * Returns what a goodbye or a close code means. A code that this version does not know means what
 * the goodbye says about another attempt.
 *
 * @param {number} code
 * @param {number | undefined} retryMs
 * @param {string} why
 * @returns {Refusal}
 */
export function refusalOf(code, retryMs, why) {
  const [reason, answer] = CODES.get(code) ?? ['connection', retryMs === undefined ? 'stop' : 'retry'];
  const message = why || `the server closed the connection with the code ${code}`;
  return { answer, retryMs, error: new ClientError(/** @type {Reason} */ (reason), message, { code }) };
}

/**
 * Returns whether a close code is one of the server's, so that it counts without a goodbye.
 *
 * @param {number} code
 * @returns {boolean}
 */
export function isRefusal(code) {
  return CODES.has(code);
}
