// Crashes: of the server, of the client, and days without a network. A ledger knows which writes were acknowledged.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { files } from '../../src/client/node.js';
import { Server, SharedMemory, client, folder, rowsOf, until } from './rig.js';

test('the server is killed under load: every acknowledged write is there, once', async (t) => {
  const server = await Server.start(t);
  const names = ['ann', 'ben', 'eve'];
  const boards = await Promise.all(
    names.map((name) => client(t, server.url, 'board', { storage: files(folder(t)), peerPrefix: `${name}.` })),
  );
  let isWriting = true;
  /** @type {Map<string, number>} */
  const written = new Map(names.map((name) => [name, 0]));
  /** What the server acknowledged. */
  const ledger = new Map(names.map((name) => [name, 0]));
  const writing = boards.map(async (board, i) => {
    const name = names[i] ?? '';
    for (let n = 0; isWriting; n++) {
      board.doc.insert('tasks', `${name} ${n}`, { n });
      written.set(name, n + 1);
      await sleep(2);
      if (board.status.savedThere) ledger.set(name, n + 1);
    }
  });
  for (let round = 0; round < 4; round++) {
    await sleep(400);
    await server.kill();
    // A server that was killed has everything that it acknowledged before.
    const acknowledged = new Map(ledger);
    await server.start();
    const path = '/v1/docs/board/tables/tasks';
    const text = await (await server.request(path, { headers: { accept: 'application/x-ndjson' } })).text();
    const there = new Set(
      text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line).row),
    );
    for (const [name, count] of acknowledged) {
      for (let n = 0; n < count; n++) assert.ok(there.has(`${name} ${n}`), `${name} ${n} was acknowledged`);
    }
    await until(() => boards.some((board) => board.status.connection === 'online'), 'a client is back');
  }
  isWriting = false;
  await Promise.all(writing);
  await Promise.all(boards.map((board) => board.synced()));
  const total = [...written.values()].reduce((sum, count) => sum + count, 0);
  await until(() => boards.every((board) => rowsOf(board) === total), `all clients have ${total} rows`);
  assert.equal(await server.rows('board'), total);
  assert.equal(new Set(boards.map((board) => board.doc.digestHex())).size, 1);
  assert.deepEqual(
    boards.flatMap((board) => board.doc.forks()),
    [],
  );
  for (const board of boards) {
    // An event for each write: nothing was written twice.
    const count = board.doc.version().reduce((sum, { count }) => sum + count, 0);
    assert.equal(count, total);
  }
  await Promise.all(boards.map((board) => board.close()));
});

test('1,000 writes offline, a new start offline, and then online: all there once', async (t) => {
  const server = await Server.start(t);
  const path = folder(t);
  const first = await client(t, server.url, 'board', { storage: files(path) });
  first.doc.insert('tasks', 'before', {});
  await first.synced();
  await server.kill();
  for (let n = 0; n < 1000; n++) {
    first.doc.insert('tasks', `t${n}`, { n });
    if (n % 3 === 0) await sleep(0);
  }
  assert.equal(first.status.unsent, 1000);
  await first.close();

  const second = await client(t, server.url, 'board', { storage: files(path) });
  assert.equal(rowsOf(second), 1001);
  assert.equal(second.status.unsent, 1000);
  assert.deepEqual([second.status.savedHere, second.status.savedThere], [true, false]);
  second.doc.update('tasks', 't999', { done: true });
  assert.equal(second.status.unsent, 1001);
  assert.equal(second.unsentCommits().length, 1001);
  await server.start();
  await second.synced();
  assert.equal(second.status.unsent, 0);
  assert.deepEqual(second.unsentCommits(), []);
  assert.equal(await server.rows('board'), 1001);
  assert.equal(
    second.doc.version().reduce((sum, { count }) => sum + count, 0),
    1002,
  );
  await second.close();

  const third = await client(t, server.url, 'board', { storage: files(path), paused: true });
  assert.deepEqual([third.status.unsent, third.status.savedThere], [0, true], 'what was acknowledged is remembered');
  assert.equal(third.doc.get('tasks', 't999')?.done, true);
  await third.close();
});

const WRITER = `
  import { connect } from ${JSON.stringify(new URL('../../src/client/index.js', import.meta.url))};
  import { files } from ${JSON.stringify(new URL('../../src/client/node.js', import.meta.url))};
  const [url, path] = process.argv.slice(1);
  const board = await connect(url, 'board', { storage: files(path) });
  let n = board.doc.tables().find(({ name }) => name === 'tasks')?.rows ?? 0;
  console.log('start', n);
  for (;;) {
    for (let burst = 0; burst < 3; burst++) board.doc.insert('tasks', 't' + n, { n: n++ });
    await board.saved();
    console.log('saved', n);
  }
`;

test('the client is killed while it writes: no write that was saved is lost, and no history forks', async (t) => {
  const server = await Server.start(t);
  const path = folder(t);
  let saved = 0;
  for (let round = 0; round < 10; round++) {
    const args = ['--input-type=module', '-e', WRITER, server.url, path];
    const writer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    writer.stdout.on('data', (text) => (printed += text));
    const ended = new Promise((resolve) => writer.once('close', resolve));
    await until(
      () => (printed.match(/saved/g)?.length ?? 0) > 10 + round * 20 || writer.exitCode !== null,
      'the client writes',
    );
    assert.equal(writer.exitCode, null);
    writer.kill('SIGKILL');
    await ended;
    const [start = '', ...lines] = printed.trimEnd().split('\n');
    assert.ok(Number(start.split(' ')[1]) >= saved, `${saved} rows were saved, and it began with: ${start}`);
    saved = Number(lines.at(-1)?.split(' ')[1]);
  }
  const board = await client(t, server.url, 'board', { storage: files(path) });
  assert.ok(rowsOf(board) >= saved);
  await board.synced();
  assert.deepEqual(board.doc.forks(), []);
  assert.equal(board.status.forked, false);
  assert.equal(await server.rows('board'), rowsOf(board));
  await board.close();
});

test('nothing is sent before it is stored', async (t) => {
  const server = await Server.start(t);
  const storage = new SharedMemory({ shares: false });
  const ann = await client(t, server.url, 'board', { storage });
  const ben = await client(t, server.url, 'board');
  await Promise.all([ann.synced(), ben.synced()]);
  storage.delayMs = 300;
  ann.doc.insert('tasks', 't1', {});
  await sleep(150);
  assert.equal(ben.doc.get('tasks', 't1'), undefined);
  assert.equal(ann.status.savedHere, false);
  await until(() => ben.doc.get('tasks', 't1'), 'the write arrives once it is stored');
  assert.ok(storage.content.updates.length > 0);
  // What arrives is not acknowledged before it is stored, either.
  const before = storage.appends;
  ben.doc.insert('tasks', 't2', {});
  await until(() => ann.doc.get('tasks', 't2'), 'the write arrives');
  assert.equal(ben.status.savedThere || storage.appends > before, true);
  await ann.saved();
  assert.ok(storage.appends > before);
  await Promise.all([ann.close(), ben.close()]);
});

test('the log is compacted, and the document is complete afterwards', async (t) => {
  const server = await Server.start(t);
  await server.kill();
  const storage = new SharedMemory({ shares: false });
  const board = await client(t, server.url, 'board', { storage });
  for (let n = 0; n < 700; n++) {
    board.doc.insert('tasks', `t${n}`, { n });
    await sleep(0);
  }
  await board.saved();
  assert.ok(storage.content.updates.length >= 500);
  await until(() => storage.compactions === 1, 'the log is compacted when there is nothing to do');
  assert.equal(storage.content.updates.length, 0);
  board.doc.insert('tasks', 'last', {});
  await board.close();
  const again = await client(t, server.url, 'board', { storage, paused: true });
  assert.equal(rowsOf(again), 701);
  await again.close();
});
