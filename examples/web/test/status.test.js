import { ClientError } from '@converge/sync/client';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe } from '../src/status.js';

/** @import { Status } from '@converge/sync/client' */

/** @type {Status} */
const GOOD = {
  connection: 'online',
  unsent: 0,
  awaited: 0,
  savedHere: true,
  savedThere: true,
  readOnly: false,
  forked: false,
  repaired: undefined,
  error: undefined,
};

test('everything is saved', () => {
  const details = ['Saved on the server', 'Saved on this device'];
  assert.deepEqual(describe(GOOD, false), { tone: 'good', connection: 'Connected', details });
});

test('changes wait', () => {
  const waiting = { ...GOOD, unsent: 1, awaited: 2, savedHere: false, savedThere: false };
  const details = ['1 change to send', '2 changes to receive', 'Not saved on this device yet'];
  assert.deepEqual(describe(waiting, false), { tone: 'waiting', connection: 'Connected', details });
});

test('there is no connection, or the user works offline', () => {
  const error = new ClientError('connection', 'the connection was lost');
  /** @type {Status} */
  const offline = { ...GOOD, connection: 'offline', error };
  const details = ['Saved on this device', 'The connection was lost'];
  assert.deepEqual(describe(offline, false), { tone: 'waiting', connection: 'No connection', details });
  assert.equal(describe(offline, true).connection, 'Working offline');
});
