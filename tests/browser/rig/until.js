// Waiting for conditions.

import { setTimeout as sleep } from 'node:timers/promises';

/** How long tests wait for what must happen. Busy machines are slow. */
const LIMIT_MS = 30_000;
const POLL_MS = 20;

/**
 * Waits until `check` returns a value that is not false, and returns it.
 *
 * @template T
 * @param {string} what names the condition in the error
 * @param {() => T | Promise<T>} check
 * @returns {Promise<Exclude<T, undefined | null | false>>}
 */
export async function until(what, check) {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const value = await check();
    if (value) return /** @type {Exclude<T, undefined | null | false>} */ (value);
    if (Date.now() > end) throw new Error(`${what}: not within ${LIMIT_MS / 1000} s`);
    await sleep(POLL_MS);
  }
}
