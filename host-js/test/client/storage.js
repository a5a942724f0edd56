// Storages that fail, are wiped or cloned, and replicas that share one.

import assert from 'node:assert/strict';
import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { open } from '../../src/node.js';
import { files } from '../../src/client/node.js';
import { StorageError } from '../../src/client/storage-error.js';
import { Server, SharedMemory, client, engine, folder, rowsOf, until } from './rig.js';

test('a full disk: the state says so, nothing is sent or lost, and everything continues with space', async (t) => {
  const server = await Server.start(t);
  const storage = new SharedMemory({ shares: false });
  const ann = await client(t, server.url, 'board', { storage });
  const ben = await client(t, server.url, 'board');
  ann.doc.insert('tasks', 't1', {});
  await ann.synced();
  storage.failure = new StorageError('full', 'there is no space');
  ann.doc.insert('tasks', 't2', {});
  await until(() => ann.status.error, 'the state has an error');
  assert.equal(ann.status.error?.reason, 'storage');
  assert.equal(ann.status.error?.code, 'full');
  assert.deepEqual([ann.status.savedHere, ann.status.savedThere, ann.status.unsent], [false, false, 1]);
  ben.doc.insert('tasks', 't3', {});
  await until(() => ann.doc.get('tasks', 't3'), 'writes of others arrive');
  await sleep(100);
  assert.equal(ben.doc.get('tasks', 't2'), undefined);
  storage.failure = undefined;
  ann.doc.insert('tasks', 't4', {});
  await ann.synced();
  assert.equal(ann.status.error, undefined);
  assert.equal(ann.status.savedHere, true);
  await until(() => rowsOf(ben) === 4, 'all writes arrive');
  await ann.close();
  const again = await client(t, server.url, 'board', { storage, paused: true });
  assert.equal(rowsOf(again), 4);
  await Promise.all([again.close(), ben.close()]);
});

test('saved resolves although the application never stops writing', async (t) => {
  const storage = new SharedMemory({ shares: false });
  storage.delayMs = 20;
  const board = await client(t, 'http://127.0.0.1:9', 'board', { storage, paused: true });
  let written = 0;
  const timer = setInterval(() => board.doc.insert('tasks', `t${written++}`, {}), 1);
  t.after(() => clearInterval(timer));
  await until(() => storage.appends > 0, 'the first rows are stored');
  for (let n = 0; n < 3; n++) {
    const before = written;
    await board.saved();
    const stored = engine.create();
    for (const update of storage.content.updates) stored.mergeUpdate(update);
    assert.ok((stored.tables()[0]?.rows ?? 0) >= before, 'the rows of before are stored');
  }
  clearInterval(timer);
  await board.close();
});

test('a client that is closed with a full disk says what was not stored', async (t) => {
  const server = await Server.start(t);
  const storage = new SharedMemory({ shares: false });
  const board = await client(t, server.url, 'board', { storage, paused: true });
  storage.failure = new StorageError('full', 'there is no space');
  board.doc.insert('tasks', 't1', {});
  await assert.rejects(board.close(), { name: 'ClientError', reason: 'storage', code: 'full' });
  assert.equal(board.status.error?.reason, 'closed');
  assert.throws(() => board.doc.insert('tasks', 't2', {}), { reason: 'closed' });
  assert.ok(board.doc.get('tasks', 't1'));
});

test('a write after close fails, also while the client is closing', async (t) => {
  const server = await Server.start(t);
  const storage = new SharedMemory({ shares: false });
  storage.delayMs = 50;
  const board = await client(t, server.url, 'board', { storage });
  board.doc.insert('tasks', 't1', {});
  const closed = board.close();
  assert.throws(() => board.doc.insert('tasks', 't2', {}), { reason: 'closed' });
  assert.throws(() => board.store.set('cursors', 'x', 1), { reason: 'closed' });
  await closed;
  const again = await client(t, server.url, 'board', { storage, paused: true });
  assert.equal(rowsOf(again), 1);
});

test('calls after close fail, and reading does not', async (t) => {
  const server = await Server.start(t);
  const board = await client(t, server.url, 'board', { storage: new SharedMemory({ shares: false }) });
  board.doc.insert('tasks', 't1', {});
  await board.synced();
  await board.close();
  const closed = { name: 'ClientError', reason: 'closed' };
  const fail = () => assert.fail('called');
  assert.throws(() => board.watch(['tasks'], fail), closed);
  assert.throws(() => board.watchStore(fail), closed);
  assert.throws(() => board.resume(), closed);
  await assert.rejects(board.synced(), closed);
  await assert.rejects(board.reset(), closed);
  await assert.rejects(board.destroy(), closed);
  board.pause();
  board.subscribe(fail)();
  await board.close();
  await board.saved();
  assert.equal(board.status.connection, 'stopped');
  assert.equal(rowsOf(board), 1);
  assert.equal(board.unsentCommits().length, 0);
});

test('a storage that was wiped is filled again', async (t) => {
  const server = await Server.start(t);
  const storage = new SharedMemory({ shares: false });
  const board = await client(t, server.url, 'board', { storage });
  board.doc.insert('tasks', 't1', {});
  await board.synced();
  storage.content = { updates: [], notes: {}, resets: 0 };
  storage.failure = new StorageError('gone', 'the data was deleted');
  board.doc.insert('tasks', 't2', {});
  await sleep(50);
  storage.failure = undefined;
  await board.synced();
  await board.close();
  const again = await client(t, server.url, 'board', { storage, paused: true });
  assert.equal(rowsOf(again), 2);
  assert.notEqual(storage.content.notes.incarnation, undefined);
  await again.close();
});

test('a cloned folder: both histories are kept, and the next start has another name', async (t) => {
  const server = await Server.start(t);
  const [path, copy] = [folder(t), folder(t)];
  let one = await client(t, server.url, 'board', { storage: files(path) });
  one.doc.insert('tasks', 't1', {});
  await one.synced();
  await one.close();
  cpSync(path, copy, { recursive: true });
  one = await client(t, server.url, 'board', { storage: files(path), paused: true });
  let two = await client(t, server.url, 'board', { storage: files(copy), paused: true });
  const name = one.doc.peer();
  assert.equal(two.doc.peer(), name);
  for (let n = 0; n < 10; n++) {
    one.doc.insert('tasks', `one ${n}`, {});
    two.doc.insert('tasks', `two ${n}`, {});
  }
  one.resume();
  await one.synced();
  two.resume();
  await two.synced();
  await until(() => rowsOf(one) === 21 && rowsOf(two) === 21, 'both have everything');
  assert.ok(one.status.forked || two.status.forked);
  one.doc.insert('tasks', 'one more', {});
  two.doc.insert('tasks', 'two more', {});
  await until(() => rowsOf(one) === 23 && rowsOf(two) === 23, 'both continue');
  assert.equal(one.doc.forks().length, 1, 'there are no further forks');
  await Promise.all([one.close(), two.close()]);
  one = await client(t, server.url, 'board', { storage: files(path) });
  two = await client(t, server.url, 'board', { storage: files(copy) });
  assert.notEqual(one.doc.peer(), two.doc.peer());
  one.doc.insert('tasks', 'one last', {});
  two.doc.insert('tasks', 'two last', {});
  await until(() => rowsOf(one) === 25 && rowsOf(two) === 25, 'both continue under their new names');
  assert.equal(one.doc.forks().length, 1);
  assert.equal(one.doc.digestHex(), two.doc.digestHex());
  await Promise.all([one.close(), two.close()]);
});

test('equal edits of two copies of a storage both count', async (t) => {
  const storage = new SharedMemory({ shares: false });
  const first = await client(t, 'http://127.0.0.1:9', 'board', { storage, paused: true });
  first.doc.insert('tasks', 't1', { votes: 0 });
  await first.close();
  const both = await Promise.all(
    [storage, storage.clone()].map((copy) => client(t, 'http://127.0.0.1:9', 'board', { storage: copy, paused: true })),
  );
  for (const { doc } of both) {
    assert.equal(doc.peer(), first.doc.peer());
    doc.transact((transaction) => {
      transaction.add('tasks', 't1', 'votes', 1);
      transaction.splice('tasks', 't1', 'text', 0, 0, 'x');
    });
  }
  await Promise.all(both.map((board) => board.saved()));
  assert.equal(storage.appends, 2, 'an edit is stored');
  const updates = both.map(({ doc }) => doc.updateSince());
  for (const { doc } of both) {
    for (const update of updates) doc.mergeUpdate(update);
    assert.deepEqual({ ...doc.get('tasks', 't1') }, { text: 'xx', votes: 2 });
  }
});

test('additions that a start commits again count once, if the cell still has a number', async (t) => {
  const doc = engine.create('hand');
  doc.insert('tasks', 't1', { n: 1, s: 1 });
  const tab = engine.create('tab');
  tab.mergeUpdate(doc.updateSince());
  tab.add('tasks', 't1', 'n', 2);
  const add = { op: /** @type {const} */ ('add'), table: 'tasks', row: 't1' };
  tab.commit([
    { ...add, column: 's', amount: 1 },
    { ...add, column: 'n', amount: 4 },
  ]);
  const late = tab.updateSince(doc.summary());
  doc.update('tasks', 't1', { s: 'text' });
  doc.compact([doc.summary()]);
  const storage = new SharedMemory({ shares: false });
  storage.content = { ...storage.content, snapshot: doc.save(), updates: [late] };
  const starts = await Promise.all(
    [storage.clone(), storage].map((copy) => client(t, 'http://127.0.0.1:9', 'board', { storage: copy, paused: true })),
  );
  for (const board of starts) {
    doc.mergeUpdate(board.doc.updateSince(doc.summary()));
    assert.deepEqual({ ...doc.get('tasks', 't1') }, { n: 7, s: 'text' });
  }
});

test('splices that a start commits again are left out if the text has no such place', async (t) => {
  const doc = engine.create('hand');
  doc.insert('tasks', 't1', { text: 'ab', long: 'x' });
  const tab = engine.create('tab');
  tab.mergeUpdate(doc.updateSince());
  const splice = { op: /** @type {const} */ ('splice'), table: 'tasks', row: 't1' };
  tab.commit([
    { ...splice, column: 'text', at: 0, remove: 0, insert: '-' },
    { ...splice, column: 'text', at: 3, remove: 0, insert: '!' },
    { ...splice, column: 'long', at: 0, remove: 0, insert: '+' },
  ]);
  const late = tab.updateSince(doc.summary());
  const maximum = Number(engine.limits().find(({ name }) => name === 'value-bytes')?.maximum);
  doc.update('tasks', 't1', { text: 'a', long: 'x'.repeat(maximum) });
  doc.compact([doc.summary()]);
  const storage = new SharedMemory({ shares: false });
  storage.content = { ...storage.content, snapshot: doc.save(), updates: [late] };
  const board = await client(t, 'http://127.0.0.1:9', 'board', { storage, paused: true });
  assert.equal(board.doc.get('tasks', 't1')?.text, '-a');
  assert.equal(String(board.doc.get('tasks', 't1')?.long).length, maximum);
});

test('a restored backup of a folder heals', async (t) => {
  const server = await Server.start(t);
  const [path, backup] = [folder(t), folder(t)];
  let board = await client(t, server.url, 'board', { storage: files(path) });
  board.doc.insert('tasks', 't1', {});
  await board.synced();
  await board.close();
  cpSync(path, backup, { recursive: true });
  board = await client(t, server.url, 'board', { storage: files(path) });
  board.doc.insert('tasks', 't2', {});
  await board.synced();
  await board.close();
  board = await client(t, server.url, 'board', { storage: files(backup), paused: true });
  assert.equal(rowsOf(board), 1);
  board.doc.insert('tasks', 't3', {});
  board.resume();
  await board.synced();
  await until(() => rowsOf(board) === 3, 'the write after the backup comes back');
  assert.equal(board.status.forked, true);
  assert.equal(await server.rows('board'), 3);
  await board.close();
});

test('a damaged log: the client says what was left out, no history forks, and the server has the rest', async (t) => {
  const server = await Server.start(t);
  const path = folder(t);
  const board = await client(t, server.url, 'board', { storage: files(path) });
  for (let n = 0; n < 10; n++) {
    board.doc.insert('tasks', `t${n}`, { text: 'x'.repeat(50) });
    await board.saved();
  }
  await board.synced();
  assert.equal(board.status.repaired, undefined);
  await board.close();
  const [name = ''] = readdirSync(path);
  const log = join(path, name, 'log-0');
  const bytes = readFileSync(log);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(log, bytes);
  await assert.rejects(client(t, server.url, 'board', { storage: files(path) }), { code: 'failed' });
  const again = await client(t, server.url, 'board', { storage: files(path, { repair: true }), paused: true });
  assert.ok(rowsOf(again) < 10);
  assert.deepEqual(readFileSync(again.status.repaired ?? ''), bytes);
  again.doc.insert('tasks', 'after', {});
  again.resume();
  await again.synced();
  assert.equal(rowsOf(again), 11);
  assert.equal(await server.rows('board'), 11);
  assert.deepEqual([again.status.forked, again.doc.forks()], [false, []]);
  await again.close();
});

test('three replicas with one storage see each other, offline too', async (t) => {
  const server = await Server.start(t);
  await server.kill();
  const storage = new SharedMemory();
  const open = () => client(t, server.url, 'board', { storage });
  const tabs = [await open(), await open(), await open()];
  assert.equal(new Set(tabs.map((tab) => tab.doc.peer())).size, 3);
  for (const [i, tab] of tabs.entries()) {
    tab.doc.insert('tasks', `t${i}`, {});
    tab.store.set('cursors', tab.store.peer(), i);
  }
  await until(() => tabs.every((tab) => rowsOf(tab) === 3), 'all see all rows');
  await until(() => tabs.every((tab) => tab.store.getAll('cursors').length === 3), 'all see all cursors');
  assert.ok(tabs.every((tab) => tab.status.connection !== 'online' && tab.status.unsent === 3));
  await tabs[2]?.close();
  await until(() => tabs[0]?.store.getAll('cursors').length === 2, 'the cursor of a replica that left disappears');
  tabs[2] = await open();
  assert.equal(rowsOf(tabs[2]), 3);
  tabs[2].doc.insert('tasks', 't3', {});
  await until(() => tabs.every((tab) => rowsOf(tab) === 4), 'a newcomer is seen');
  assert.equal(
    new Set(storage.content.updates.map((update) => Buffer.from(update).toString('hex'))).size,
    storage.content.updates.length,
  );
  await server.start();
  await Promise.all(tabs.map((tab) => tab.synced()));
  assert.equal(await server.rows('board'), 4);
  assert.equal(tabs[0]?.doc.version().length, 3, 'there are as many names as there were replicas at once');
  await Promise.all(tabs.map((tab) => tab.close()));
});

test('what a replica stored and did not send is merged when another one compacts the log', async (t) => {
  const server = await Server.start(t);
  await server.kill();
  const storage = new SharedMemory({ shares: false });
  const board = await client(t, server.url, 'board', { storage });
  const dead = await client(t, server.url, 'board', { storage });
  dead.doc.insert('tasks', 'orphan', {});
  await dead.saved();
  assert.equal(board.doc.get('tasks', 'orphan'), undefined);
  board.doc.insert('tasks', 'large', { text: 'x'.repeat(300_000) });
  await until(() => storage.compactions > 0, 'a large log is compacted');
  await until(() => board.doc.get('tasks', 'orphan'), 'the write is merged');
  assert.equal(storage.content.updates.length, 0);
  board.doc.insert('tasks', 'last', {});
  await board.close();
  const again = await client(t, server.url, 'board', { storage, paused: true });
  assert.equal(rowsOf(again), 3);
});

test('a write during reset is returned, and does not get into the new document', async (t) => {
  const server = await Server.start(t);
  const storage = new SharedMemory();
  const board = await client(t, server.url, 'board', { storage, paused: true });
  const former = board.doc;
  storage.onRename = async () => {
    former.insert('tasks', 'late', {});
    await sleep(10);
    former.insert('tasks', 'later', {});
  };
  const commits = await board.reset();
  assert.deepEqual(
    commits.map(([op]) => op?.row),
    ['late', 'later'],
  );
  board.doc.insert('tasks', 'new', {});
  board.resume();
  await board.synced();
  await sleep(100);
  await board.close();
  const again = await client(t, server.url, 'board', { storage, paused: true });
  assert.deepEqual(
    [...again.doc.rows('tasks')].map(({ id }) => id),
    ['new'],
  );
  assert.equal(await server.rows('board'), 1);
});

test('a paused client stays offline after reset, and connects again after a reset that failed', async (t) => {
  const server = await Server.start(t);
  const storage = new SharedMemory({ shares: false });
  const board = await client(t, server.url, 'board', { storage });
  await board.synced();
  board.pause();
  await board.reset();
  await sleep(300);
  assert.deepEqual([board.status.connection, board.status.error], ['offline', undefined]);
  board.resume();
  await board.synced();
  storage.failure = new StorageError('full', 'no space');
  await assert.rejects(board.reset(), { reason: 'storage' });
  storage.failure = undefined;
  await board.synced();
  // Paused and connected again while the reset runs.
  storage.onRename = async () => board.pause();
  await board.reset();
  assert.equal(board.status.connection, 'offline');
  storage.onRename = async () => board.resume();
  await board.reset();
  board.doc.insert('tasks', 'new', {});
  await board.synced();
  assert.equal(await server.rows('board'), 1);
});

test('unsent commits are complete, also if they are larger than a page of events', async (t) => {
  const server = await Server.start(t);
  const storage = new SharedMemory({ shares: false });
  const open = () => client(t, server.url, 'board', { storage, paused: true });
  let board = await open();
  const rows = Array.from({ length: 40 }, (_, n) => `t${n}`);
  for (const row of rows) board.doc.insert('tasks', row, { content: new Uint8Array(500_000) });
  assert.ok(board.doc.eventsSince().more, 'there is more than one page');
  await board.close();
  board = await open();
  assert.equal(board.status.unsent, rows.length);
  const commits = await board.reset();
  assert.deepEqual(
    commits.map(([op]) => op?.row),
    rows,
  );
});

test('resets at the same time: each returns the commits since the one before', async (t) => {
  const server = await Server.start(t);
  const storage = new SharedMemory({ shares: false });
  const board = await client(t, server.url, 'board', { storage, paused: true });
  board.doc.insert('tasks', 'first', {});
  const resets = [board.reset(), board.reset()];
  resets[0]?.then(() => board.doc.insert('tasks', 'second', {}));
  const [first, second] = await Promise.all(resets);
  assert.deepEqual(
    [first, second].map((commits) => commits?.flat().map(({ row }) => row)),
    [['first'], ['second']],
  );
  board.doc.insert('tasks', 'third', {});
  const third = board.reset();
  await board.close();
  assert.equal((await third).length, 1);
  assert.throws(() => board.doc.insert('tasks', 'x', {}), { reason: 'closed' });
  const other = await storage.open('', '');
  assert.equal((await other.read()).updates.length, 0);
  assert.match(other.peer, /\.0$/, 'the name is free');
});

test('reset and destroy reach the other replicas', async (t) => {
  const server = await Server.start(t);
  const storage = new SharedMemory();
  const [one, two] = [
    await client(t, server.url, 'board', { storage, paused: true }),
    await client(t, server.url, 'board', { storage, paused: true }),
  ];
  one.doc.insert('tasks', 't1', { n: 1 });
  two.doc.insert('tasks', 't2', { n: 2 });
  await until(() => rowsOf(one) === 2 && rowsOf(two) === 2, 'both see both rows');
  const returned = await one.reset();
  assert.equal(returned.length, 2);
  await until(() => two.status.connection === 'stopped', 'the other one stops');
  assert.equal(two.status.error?.reason, 'reset');
  assert.equal(rowsOf(two), 2, 'its data can still be read');
  two.doc.insert('tasks', 't3', { n: 3 });
  one.doc.insert('tasks', 'new', {});
  await one.saved();
  assert.throws(() => two.resume(), { reason: 'reset' });
  assert.deepEqual(
    (await two.reset()).map(([op]) => op?.row),
    ['t3'],
    'only what the other one did not return',
  );
  await until(() => rowsOf(two) === 1, 'both have the new document');
  one.resume();
  assert.equal(rowsOf(one), 1);
  await Promise.all([one.synced(), two.synced()]);
  assert.equal(await server.rows('board'), 1);

  await one.destroy();
  await until(() => two.status.error?.reason === 'destroyed', 'the other one stops');
  assert.equal(two.status.connection, 'stopped');
  await two.close();
  assert.deepEqual(storage.content.updates, []);
  const again = await client(t, server.url, 'board', { storage });
  await again.synced();
  assert.equal(rowsOf(again), 1, 'what is on the server stays');
  await again.close();
});

test('an engine that stops: the client says so, and what was stored is there with a new engine', async (t) => {
  const server = await Server.start(t);
  const storage = new SharedMemory({ shares: false });
  const doomed = await open(readFileSync(fileURLToPath(new URL('../../dist/converge.core.wasm', import.meta.url))));
  const board = await client(t, server.url, 'board', { engine: doomed, storage });
  board.doc.insert('tasks', 't1', {});
  await board.synced();
  /** @returns {unknown} */
  const deep = () => {
    try {
      return deep();
    } catch {
      return board.doc.insert('tasks', 't2', {});
    }
  };
  assert.throws(deep, { name: 'GoneError' });
  await until(() => board.status.connection === 'stopped', 'the client stops');
  assert.equal(board.status.error?.reason, 'engine');
  assert.throws(() => board.resume(), { reason: 'engine' });
  // Timers of the client do not throw, either.
  await sleep(1500);
  await board.close();
  const again = await client(t, server.url, 'board', { storage });
  await again.synced();
  assert.equal(rowsOf(again), 1);
});
