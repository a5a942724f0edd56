// Clocks that jump: what a client does after a time does not wait for the time of day.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Presence } from '../../src/client/presence.js';
import { Server, client, engine, until } from './rig.js';

/** Less than the difference between clocks that stores accept. */
const JUMP_MS = 40_000;

/**
 * Lets the time of day jump.
 *
 * @param {import('node:test').TestContext} t
 * @param {number} ms
 */
function jump(t, ms) {
  const { now } = Date;
  Date.now = () => now() + ms;
  t.after(() => (Date.now = now));
}

test('entries are sent after the clock was set back', async (t) => {
  const server = await Server.start(t);
  const [ann, ben] = [await client(t, server.url, 'board'), await client(t, server.url, 'board')];
  await Promise.all([ann.synced(), ben.synced()]);
  ann.store.set('cursors', 'ann', 0);
  await until(() => ben.store.get('cursors', 'ann'), 'the first entry arrives');
  jump(t, -JUMP_MS);
  ann.store.set('cursors', 'ann', 1);
  const sentAt = performance.now();
  while (ben.store.get('cursors', 'ann')?.value !== 1) {
    assert.ok(performance.now() - sentAt < JUMP_MS / 2, 'the entry does not arrive');
    await sleep(10);
  }
});

test('entries are renewed after the clock was set back', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const store = engine.createStore('ann');
  store.set('cursors', 'ann', 1, Date.now());
  const presence = new Presence(
    store,
    () => {},
    (error) => assert.fail(String(error)),
  );
  t.after(() => presence.stop());
  jump(t, -JUMP_MS);
  let renewals = 0;
  const { set } = store;
  store.set = (...args) => {
    renewals++;
    return set.apply(store, args);
  };
  for (let second = 0; second < 25; second++) {
    now += 1_000;
    t.mock.timers.tick(1_000);
  }
  assert.equal(renewals, 2);
});
