// Tokens of the server, as far as a client reads them.

import * as check from '../check.js';

/** @import { Token } from './types.js' */

/**
 * Checks the type of an option `token`. Its value can only be checked by the server.
 *
 * @param {unknown} token
 * @returns {Token | undefined}
 */
export function checkToken(token) {
  if (token !== undefined && typeof token !== 'string' && typeof token !== 'function') {
    check.refuse(`token must be a string or a function that returns one, not ${check.show(token)}`);
  }
  return /** @type {Token | undefined} */ (token);
}

/**
 * Returns a token.
 *
 * @param {Token | undefined} token
 * @returns {Promise<string>} an empty text if there is none
 */
export async function current(token) {
  const text = typeof token === 'function' ? await token() : (token ?? '');
  if (typeof text !== 'string') throw new TypeError(`the token must be a string, not ${typeof text}`);
  return text;
}

/**
 * Returns when a JSON Web Token expires, in milliseconds since the Unix epoch. Does not verify it.
 *
 * @param {string} token
 * @returns {number | undefined} `undefined` if the token does not say when
 */
export function expiryOf(token) {
  try {
    const [, claims = ''] = token.split('.');
    const { exp } = JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/')));
    return Number.isFinite(exp) ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
