// Waiting for conditions.

import { setTimeout as sleep } from 'node:timers/promises';

/** How long tests wait for what must happen. Busy machines are slow. */
const LIMIT_MS = 30_000;
const POLL_MS = 20;

/**
 * Waits until `check` returns a value that is neither `undefined`, `false` nor `null`, and returns it.
 *
 * @template T
 * @param {string} what names the condition in the error
 * @param {() => T | Promise<T>} check
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, check) {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${LIMIT_MS / 1000} s`);
    await sleep(POLL_MS);
  }
}
