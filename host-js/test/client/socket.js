// The transport alone, for applications that keep documents themselves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSocket } from '../../src/client/websocket.js';
import { InvalidArgumentError } from '../../src/errors.js';
import { Relay, Server, client, engine, until } from './rig.js';

/** @import { ConnectionState, SocketOptions } from '../../src/client/types.js' */

/**
 * @param {import('node:test').TestContext} t
 * @param {string} url
 * @param {Partial<SocketOptions>} [options]
 */
function open(t, url, options = {}) {
  const doc = engine.create();
  const store = engine.createStore(doc.peer());
  const socket = openSocket(url, 'board', { engine, doc, store, ...options });
  t.after(() => socket.close());
  return { doc, store, socket };
}

test('a document is synchronized, also after the connection was lost', async (t) => {
  const server = await Server.start(t);
  const relay = await Relay.start(t, server.url);
  /** @type {string[]} */
  const incarnations = [];
  /** @type {ConnectionState[]} */
  const states = [];
  let applied = 0;
  const { doc, store, socket } = open(t, relay.url, {
    onIncarnation: (incarnation) => void incarnations.push(incarnation),
    onReceived: ({ durable }) => (applied += durable?.applied ?? 0),
    onState: (state) => states.push(state),
  });
  const board = await client(t, server.url, 'board');
  doc.insert('tasks', 't1', {});
  store.set('cursors', 'x', 1);
  socket.flush();
  await until(() => board.doc.get('tasks', 't1') && board.store.get('cursors', 'x'), 'writes arrive');
  relay.cut();
  doc.insert('tasks', 't2', {});
  board.doc.insert('tasks', 't3', {});
  await until(() => socket.progress()?.inSync && doc.get('tasks', 't3'), 'writes of others arrive');
  await until(() => board.doc.get('tasks', 't2'), 'writes arrive');
  assert.equal(applied, 1);
  assert.equal(incarnations.length, 1);
  assert.deepEqual(states, ['connecting', 'online', 'offline', 'connecting', 'online']);
  assert.equal(socket.error, undefined);
  socket.close();
  assert.equal(socket.state, 'offline');
  board.doc.insert('tasks', 't4', {});
  await board.synced();
  assert.equal(doc.get('tasks', 't4'), undefined);
});

test('nothing is sent before it is kept', async (t) => {
  const server = await Server.start(t);
  const board = await client(t, server.url, 'board');
  /** @type {(() => void)[]} */
  const waiting = [];
  let kept = 0;
  const { doc, socket } = open(t, server.url, {
    keep: () => {
      kept++;
      return new Promise((resolve) => waiting.push(() => resolve()));
    },
  });
  await until(() => socket.state === 'online', 'it connects');
  await until(() => socket.progress()?.inSync || waiting.length > 0, 'it is in sync');
  for (const resolve of waiting.splice(0)) resolve();
  await until(() => socket.progress()?.inSync, 'it is in sync');
  const before = kept;
  doc.insert('tasks', 't1', {});
  socket.flush();
  await sleep(200);
  assert.equal(board.doc.get('tasks', 't1'), undefined);
  assert.equal(kept, before + 1);
  for (const resolve of waiting.splice(0)) resolve();
  await until(() => board.doc.get('tasks', 't1'), 'the write arrives');
  assert.equal(kept, before + 1, 'nothing is kept twice');
});

test('what stops it', async (t) => {
  const server = await Server.start(t);
  const failing = open(t, server.url, { keep: () => Promise.reject(new Error('no space')) });
  failing.doc.insert('tasks', 't1', {});
  await until(() => failing.socket.state === 'stopped', 'a failure to keep stops it');
  assert.equal(failing.socket.error?.reason, 'storage');
  const replaced = open(t, server.url, { incarnation: 'another' });
  await until(() => replaced.socket.state === 'stopped', 'another incarnation stops it');
  assert.equal(replaced.socket.error?.reason, 'replaced');
  const incarnate = open(t, server.url, {
    onIncarnation: () => {
      throw new Error('no space');
    },
  });
  await until(() => incarnate.socket.state === 'stopped', 'a failure to store the incarnation stops it');
  assert.equal(incarnate.socket.error?.reason, 'storage');
});

test('options of other types are rejected', () => {
  const doc = engine.create();
  const options = { engine, doc, store: engine.createStore(doc.peer()) };
  const reject = (/** @type {any} */ wrong, /** @type {RegExp} */ message) =>
    assert.throws(
      () => openSocket('http://127.0.0.1:9', 'board', wrong),
      (error) => error instanceof InvalidArgumentError && message.test(error.message),
    );
  for (const token of [7, null, Promise.resolve('x')]) reject({ ...options, token }, /token must be a string/);
  reject({ ...options, tokens: 'x' }, /options has no member "tokens"/);
  reject(undefined, /options must be an object/);
});
