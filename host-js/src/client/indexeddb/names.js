// Peer names that are reserved by Web Locks.

import { hold, lockManager } from '../locks.js';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const RANDOM_LETTERS = 16;

/** Returns letters that identify a copy of a storage, a document in it, or a replica. */
export function randomLetters() {
  return Array.from(crypto.getRandomValues(new Uint32Array(RANDOM_LETTERS)), (n) => LETTERS[n % LETTERS.length]).join(
    '',
  );
}

/**
 * A reserved name.
 *
 * @typedef {object} Reservation
 * @property {string} name
 * @property {() => Promise<void>} release frees the name
 */

/**
 * Reserves a name of the pool: the device and the lowest number that is free. The browser frees it
 * when the tab ends.
 *
 * @param {string} scope within which names are unique
 * @param {string} prefix
 * @param {string} device
 * @returns {Promise<Reservation>}
 */
export async function reserve(scope, prefix, device) {
  const locks = lockManager();
  if (locks === undefined) return { name: `${prefix}${randomLetters()}`, release: async () => {} };
  for (let number = 0; ; number++) {
    const name = `${prefix}${device}.${number}`;
    const release = await hold(locks, `${scope}:peer:${name}`);
    if (release !== undefined) return { name, release };
  }
}

/**
 * Runs `work`, unless another tab is running work of this name. Without Web Locks, runs it in any
 * case.
 *
 * @param {string} name
 * @param {() => Promise<void>} work
 */
export async function unlessUnderWay(name, work) {
  const locks = lockManager();
  if (locks === undefined) return work();
  await locks.request(name, { ifAvailable: true }, (lock) => (lock === null ? undefined : work()));
}
