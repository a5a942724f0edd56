// Replicas with one storage and Web Locks, which not every version of Node has. In Chromium: tests/browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SharedMemory, client, rowsOf, until } from './rig.js';

const URL = 'http://127.0.0.1:9';

/** Web Locks that are free for the next one at the moment of their release. */
class Locks {
  /** @type {Map<string, Promise<unknown>>} */
  held = new Map();

  /**
   * @param {string} name
   * @param {{ ifAvailable?: boolean, signal?: AbortSignal }} options
   * @param {(lock: object | null) => unknown} work
   */
  async request(name, { ifAvailable = false, signal }, work) {
    if (ifAvailable && this.held.has(name)) return work(null);
    while (this.held.has(name)) {
      await this.held.get(name);
      signal?.throwIfAborted();
    }
    const done = Promise.resolve(work({ name }));
    this.held.set(name, done);
    await done;
    this.held.delete(name);
    return done;
  }
}

test('a replica that leaves is heard before its lock counts', async (t) => {
  const former = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  const locks = new Locks();
  Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true });
  t.after(() => {
    if (former === undefined) Reflect.deleteProperty(globalThis, 'navigator');
    else Object.defineProperty(globalThis, 'navigator', former);
  });
  const storage = new SharedMemory();
  const [ann, ben] = [
    await client(t, URL, 'board', { storage, paused: true }),
    await client(t, URL, 'board', { storage, paused: true }),
  ];
  ann.doc.insert('tasks', 't1', {});
  ann.store.set('cursors', 'ann', 1);
  await until(() => rowsOf(ben) === 1 && ben.store.get('cursors', 'ann'), 'they are linked');
  assert.equal(locks.held.size, 2);
  await ann.close();
  const leftAt = performance.now();
  await until(() => ben.store.get('cursors', 'ann') === undefined, 'the cursor disappears');
  assert.ok(performance.now() - leftAt < 10_000, 'before it expires');
  await ben.close();
  await sleep(0);
  assert.equal(locks.held.size, 0);
});
