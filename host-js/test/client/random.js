// Random histories: clients write, lose the network, crash, run out of space and are opened again, and the server is killed.
// At the end all are equal, every write that was stored is there, and nothing was written twice.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StorageError } from '../../src/client/storage-error.js';
import { Relay, Server, SharedMemory, client, rowsOf, until } from './rig.js';

/** @import { Board } from '../../src/client/index.js' */

/** The number of histories, and of steps in each. */
const HISTORIES = Number(process.env.CONVERGE_HISTORIES ?? 4);
const STEPS = 120;
const DEVICES = 3;

/**
 * Returns a function that returns a random whole number below a limit.
 *
 * @param {number} seed
 */
function randomNumbers(seed) {
  let state = seed * 2654435761 + 1;
  return (/** @type {number} */ limit) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) % limit;
  };
}

for (let seed = 1; seed <= HISTORIES; seed++) {
  test(`history ${seed}`, async (t) => {
    const random = randomNumbers(seed);
    const server = await Server.start(t);
    const relay = await Relay.start(t, server.url);
    const devices = Array.from({ length: DEVICES }, () => ({
      storage: new SharedMemory(),
      /** @type {Board[]} */
      tabs: [],
      /** The rows that were written, and whether they were stored. */
      written: new Map(),
    }));
    for (const [i, { storage }] of devices.entries()) storage.device = `device${i}`;
    let rows = 0;
    const open = async (/** @type {typeof devices[0]} */ device) => {
      const board = await client(t, relay.url, 'board', { storage: device.storage });
      device.tabs.push(board);
      return board;
    };
    for (let step = 0; step < STEPS; step++) {
      const device = devices[random(DEVICES)];
      assert.ok(device);
      if (device.tabs.length === 0) await open(device);
      const tab = /** @type {Board} */ (device.tabs[random(device.tabs.length)]);
      const action = random(100);
      if (action < 60) {
        for (let n = random(5); n >= 0; n--) {
          const id = `${rows++}`;
          device.written.set(id, false);
          tab.doc.insert('tasks', id, { step });
          tab.saved().then(
            () => device.written.set(id, true),
            () => {},
          );
        }
      } else if (action < 66) {
        relay.cut();
      } else if (action < 72) {
        if (device.tabs.length < 3) await open(device);
      } else if (action < 78) {
        device.storage.failure = undefined;
        await tab.close();
        device.tabs.splice(device.tabs.indexOf(tab), 1);
      } else if (action < 84) {
        device.storage.failure = random(2) === 0 ? undefined : new StorageError('full', 'there is no space');
      } else if (action < 88) {
        // The device crashes: what its tabs have stored remains.
        const rest = device.storage.clone();
        const stored = new Map([...device.written].filter(([, isStored]) => isStored));
        device.storage.failure = new StorageError('outdated', 'the device crashed');
        for (const crashed of device.tabs) crashed.pause();
        device.written = stored;
        device.tabs = [];
        device.storage = rest;
      } else if (action < 90) {
        await server.kill();
        await server.start();
      } else if (action < 94) {
        if (random(2) === 0) tab.pause();
        else tab.resume();
      }
      await sleep(random(8));
    }
    /** @type {Board[]} */
    const boards = [];
    for (const device of devices) {
      device.storage.failure = undefined;
      if (device.tabs.length === 0) await open(device);
      for (const tab of device.tabs) {
        tab.resume();
        // Ends the delay before a failed append is tried again.
        tab.doc.insert('tasks', `last ${tab.doc.peer()}`, {});
        boards.push(tab);
      }
    }
    await Promise.all(boards.map((board) => board.synced()));
    const expected = devices.flatMap(({ written }) => [...written.keys()]);
    const isThere = (/** @type {Board} */ board) => expected.every((id) => board.doc.get('tasks', id) !== undefined);
    await until(() => boards.every(isThere), 'all writes are everywhere');
    await until(() => new Set(boards.map((board) => board.doc.digestHex())).size === 1, 'all are equal');
    for (const board of boards) {
      assert.deepEqual(board.doc.forks(), []);
      assert.equal(board.status.forked, false);
      const events = board.doc.version().reduce((sum, { count }) => sum + count, 0);
      assert.equal(events, rowsOf(board), 'every event is one row');
    }
    assert.equal(await server.rows('board'), rowsOf(/** @type {Board} */ (boards[0])));
  });
}
