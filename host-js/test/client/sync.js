// Clients and the real server: reading, writing, crashes and restarts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ClientError } from '../../src/client/errors.js';
import { connect } from '../../src/client/index.js';
import { Replica } from '../../src/client/replica.js';
import { InvalidArgumentError } from '../../src/errors.js';
import { UndoManager } from '../../src/node.js';
import { engine, Relay, Server, SharedMemory, client, rowsOf, until } from './rig.js';

test('two clients see each other', async (t) => {
  const server = await Server.start(t);
  const ann = await client(t, server.url, 'board/1');
  const ben = await client(t, server.url, 'board/1');
  ann.doc.insert('tasks', 't1', { title: 'Buy milk' });
  assert.equal(ann.status.savedThere, false);
  assert.equal(ann.status.unsent, 1);
  await ann.synced();
  await until(() => ben.doc.get('tasks', 't1'), 'ben sees the row');
  assert.deepEqual(
    { ...ann.status },
    {
      connection: 'online',
      unsent: 0,
      awaited: 0,
      savedHere: false,
      savedThere: true,
      readOnly: false,
      forked: false,
      repaired: undefined,
      error: undefined,
    },
  );
  ben.doc.transact((transaction) => transaction.update('tasks', 't1', { done: true }));
  const transaction = ben.doc.begin();
  transaction.insert('tasks', 't2', {});
  transaction.commit();
  ben.doc.commit([{ op: 'insert', table: 'tasks', row: 't3', cells: {} }]);
  ben.store.set('cursors', 'ben', 't1');
  await until(() => rowsOf(ann) === 3 && ann.doc.get('tasks', 't1')?.done, 'ann sees all writes');
  await until(() => ann.store.get('cursors', 'ben')?.value === 't1', 'ann sees the cursor');
  await ben.close();
  await until(() => ann.store.get('cursors', 'ben') === undefined, 'the cursor disappears when ben leaves');
  assert.throws(() => ben.doc.insert('tasks', 't4', {}), { name: 'ClientError', reason: 'closed' });
  await ann.close();
});

test('edits of views and undo are sent', async (t) => {
  const server = await Server.start(t);
  const ann = await client(t, server.url, 'notes');
  const ben = await client(t, server.url, 'notes');
  const undo = new UndoManager(ann.doc);
  ann.doc.insert('notes', 'n1', {});
  const view = ann.doc.openText('notes', 'n1', 'body');
  view.edit({ at: 0, insert: 'Hello 🌅' });
  assert.equal(ann.status.unsent, 2);
  const text = () => ben.doc.get('notes', 'n1')?.body;
  await until(() => text() === 'Hello 🌅', 'ben sees the edit');
  const other = ben.doc.openText('notes', 'n1', 'body');
  other.edit({ at: 8, insert: '!' });
  view.rewrite('Hello you 🌅');
  await until(() => text() === 'Hello you 🌅!', 'ben sees the rewrite');
  await until(() => view.length() === 13, 'the view has the edit of ben');
  assert.deepEqual(view.take(), [{ at: 12, remove: 0, insert: '!' }]);
  ann.store.set('cursors', 'ann', view.anchor(6));
  await until(() => ben.store.get('cursors', 'ann'), 'ben sees the cursor');
  other.take();
  assert.equal(other.position(/** @type {any} */ (ben.store.get('cursors', 'ann')?.value)), 6);
  undo.undo();
  await until(() => ben.doc.get('notes', 'n1') === undefined || text() === '!', 'ben sees the undo');
  undo.redo();
  await until(() => text() === 'Hello you 🌅!', 'ben sees the redo');
  assert.equal(undo.canRedo, false);
  await ann.close();
  assert.throws(() => view.edit({ at: 0, insert: 'x' }), { name: 'ClientError', reason: 'closed' });
  assert.equal(view.read(), 'Hello you 🌅!');
  await ben.close();
});

test('connect rejects names that URLs cannot contain, and options of other types', async () => {
  const reject = (/** @type {string} */ name, /** @type {any} */ options, /** @type {RegExp} */ message) =>
    assert.rejects(connect('http://127.0.0.1:9', name, { engine, paused: true, ...options }), (error) => {
      assert.ok(error instanceof InvalidArgumentError);
      assert.match(error.message, message);
      return true;
    });
  await reject('.', {}, /must not be "\."/);
  await reject('..', {}, /must not be "\.\."/);
  for (const storage of ['data', null, {}, Promise.resolve()]) await reject('board', { storage }, /a method open/);
  for (const token of [7, null, Promise.resolve('x')]) await reject('board', { token }, /token must be a string/);
});

test('status', async (t) => {
  const storage = new SharedMemory({ shares: false });
  const server = await Server.start(t);
  await server.kill();
  const board = await client(t, server.url, 'board/1', { storage });
  assert.equal(board.status.savedHere, true);
  board.doc.insert('tasks', 't1', {});
  assert.equal(board.status.savedHere, false);
  await board.saved();
  assert.equal(board.status.savedHere, true);
  await server.start();
  await board.synced();
  await board.close();
});

test('watches report rows and entries, local ones and those of others, also after a reset', async (t) => {
  const server = await Server.start(t);
  const [ann, ben] = [await client(t, server.url, 'board'), await client(t, server.url, 'board')];
  ann.doc.insert('tasks', 't1', { n: 1 });
  ann.doc.insert('others', 'o1', {});
  /** @type {Map<string, unknown>} */
  const view = new Map();
  let calls = 0;
  const stop = ann.watch(['tasks'], (ops) => {
    calls++;
    for (const op of ops) {
      if (op.op === 'delete') view.delete(op.row);
      else if (op.op === 'insert' || op.op === 'update')
        view.set(op.row, { .../** @type {object} */ (view.get(op.row)), ...op.cells });
    }
  });
  assert.equal(calls, 0);
  await until(() => calls === 1, 'existing rows are reported');
  for (let n = 2; n < 5; n++) ann.doc.insert('tasks', `t${n}`, { n });
  ann.doc.delete('tasks', 't1');
  await ann.synced();
  assert.equal(calls, 2, 'changes of one moment are reported together');
  await until(() => rowsOf(ben) === 3, 'ben has the rows');
  ben.doc.update('tasks', 't2', { n: 20 });
  await until(() => /** @type {any} */ (view.get('t2')).n === 20, 'changes of others are reported');
  assert.deepEqual([...view.keys()], ['t2', 't3', 't4']);
  let changes = 0;
  const stopStore = ann.watchStore(() => changes++);
  ann.store.set('cursors', 'ann', 1);
  await until(() => changes === 1, 'own entries are reported');
  ben.store.set('cursors', 'ben', 1);
  await until(() => changes === 2, 'entries of others are reported');
  stopStore();
  ann.pause();
  ann.doc.insert('tasks', 'unsent', {});
  const other = engine.create();
  other.insert('tasks', 'new', {});
  await server.request('/v1/admin/docs/board/import', { method: 'POST', body: other.save() });
  await ann.reset();
  ann.resume();
  await until(() => view.has('new'), 'rows of the new document are reported');
  assert.deepEqual([...view.keys()], ['new']);
  stop();
  const before = calls;
  ann.doc.insert('tasks', 't9', {});
  await ann.synced();
  assert.equal(calls, before);
  assert.equal(changes, 2);
});

test('pause and resume are reported', async (t) => {
  const server = await Server.start(t);
  const board = await client(t, server.url, 'board');
  await board.synced();
  const states = [board.status.connection];
  board.subscribe(() => {
    if (states.at(-1) !== board.status.connection) states.push(board.status.connection);
  });
  board.pause();
  await setImmediate();
  assert.deepEqual(states, ['online', 'offline']);
  board.resume();
  await board.synced();
  assert.deepEqual(states, ['online', 'offline', 'connecting', 'online']);
});

test('close of an online client waits until the server has all writes', async (t) => {
  const server = await Server.start(t);
  const board = await client(t, server.url, 'board');
  await board.synced();
  for (let n = 0; n < 8; n++) board.doc.insert('tasks', `t${n}`, { text: 'x'.repeat(100_000) });
  const closing = board.close();
  await assert.rejects(board.reset(), { name: 'ClientError', reason: 'closed' });
  await closing;
  assert.equal(await server.rows('board'), 8);
  assert.equal(board.status.unsent, 0);
});

test('close waits a limited time for a server that does not answer, and not at all offline', async (t) => {
  const server = await Server.start(t);
  const relay = await Relay.start(t, server.url);
  const [online, offline] = [await client(t, relay.url, 'board'), await client(t, relay.url, 'board')];
  await Promise.all([online.synced(), offline.synced()]);
  offline.pause();
  offline.doc.insert('tasks', 't1', {});
  relay.freeze();
  online.doc.insert('tasks', 't2', {});
  let start = Date.now();
  await offline.close();
  assert.ok(Date.now() - start < 1_000, 'an offline client closes at once');
  start = Date.now();
  await online.close();
  assert.ok(Date.now() - start >= 1_900, 'an online client waits');
});

test('a replica that leaves says so at once, since its page may not run any more later', async (t) => {
  const [ann, ben] = ['ann', 'ben'].map(
    (peer) =>
      new Replica(engine, 'board', peer, undefined, {
        onChange: () => {},
        onStoreChange: () => {},
        onStop: (error) => assert.fail(error),
        onFailed: (error) => assert.fail(String(error)),
        server: () => undefined,
      }),
  );
  t.after(() => [ann, ben].forEach((replica) => replica.end(new ClientError('closed', 'the test has ended'))));
  /** @type {[Replica, Replica][]} */
  const ways = [
    [ann, ben],
    [ben, ann],
  ];
  const links = new Map();
  let isBenHidden = false;
  for (const [from, to] of ways) {
    const send = (/** @type {Uint8Array} */ message) => {
      if (to !== ben || !isBenHidden) queueMicrotask(() => to.receive(links.get(to), message));
    };
    links.set(from, from.link({ send, hasRoom: () => true, onFailed: (error) => assert.fail(String(error)) }, false));
  }
  ben.store.set('people', 'ben', 'Ben');
  await until(() => ann.store.get('people', 'ben'), 'the entry arrives');
  // No time passes, so a further entry waits for a timer.
  t.mock.method(performance, 'now', () => 0);
  isBenHidden = true;
  ben.leave();
  await setImmediate();
  assert.equal(ann.store.get('people', 'ben'), undefined);
});
