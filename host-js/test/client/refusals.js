// What a client does when the server refuses, replaces, deletes or compacts, and when the network is half dead.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { Connection } from '../../src/client/connection.js';
import { download } from '../../src/client/download.js';
import { LimitExceededError } from '../../src/errors.js';
import { Relay, Server, SharedMemory, client, engine, folder, rowsOf, run, until } from './rig.js';

/** @import { ClientError } from '../../src/client/errors.js' */
/** @import { Doc } from '../../src/index.js' */

const POST = { method: 'POST' };

/**
 * Starts a server with a key, and returns a function that makes tokens.
 *
 * @param {import('node:test').TestContext} t
 * @param {string[]} [options]
 */
async function withKey(t, options = []) {
  const key = join(folder(t), 'key.json');
  run(['token', '--new-key', key]);
  const server = await Server.start(t, ['--key', key, ...options]);
  const token = (/** @type {string} */ docs, valid = '1h', /** @type {string[]} */ more = []) =>
    run(['token', '--key', key, '--subject', 'ann', '--docs', docs, '--valid', valid, ...more]);
  return { server, token };
}

test('a replaced document: synchronization stops, and reset returns what was not sent', async (t) => {
  const server = await Server.start(t);
  const storage = new SharedMemory({ shares: false });
  const board = await client(t, server.url, 'board', { storage });
  board.doc.insert('tasks', 'old', {});
  await board.synced();
  board.pause();
  board.doc.insert('tasks', 'mine', { title: 'Unsent' });
  board.doc.update('tasks', 'old', { seen: true });
  const other = engine.create('other');
  other.insert('tasks', 'new', {});
  await server.request('/v1/admin/docs/board/import', { ...POST, body: other.save() });
  board.resume();
  await until(() => board.status.connection === 'stopped', 'the client stops');
  assert.equal(board.status.error?.reason, 'replaced');
  await assert.rejects(board.synced(), { reason: 'replaced' });
  assert.equal(rowsOf(board), 2, 'the data can be read');
  board.doc.insert('tasks', 'later', {});
  await board.saved();
  assert.equal(board.status.unsent, 3);
  const former = board.doc;
  const name = former.peer();
  const commits = await board.reset();
  assert.deepEqual(commits, [
    [{ op: 'insert', table: 'tasks', row: 'mine', cells: { title: 'Unsent' } }],
    [{ op: 'update', table: 'tasks', row: 'old', cells: { seen: true } }],
    [{ op: 'insert', table: 'tasks', row: 'later', cells: {} }],
  ]);
  await board.synced();
  assert.notEqual(board.doc.peer(), name);
  assert.throws(() => former.insert('tasks', 'x', {}), { reason: 'reset' });
  assert.deepEqual(
    [...board.doc.rows('tasks')].map(({ id }) => id),
    ['new'],
  );
  for (const ops of commits.slice(0, 1)) board.doc.commit(ops);
  await board.synced();
  assert.equal(await server.rows('board'), 2);
  await board.close();
  const again = await client(t, server.url, 'board', { storage });
  await again.synced();
  assert.equal(rowsOf(again), 2);
  await again.close();
});

test('a deleted document stays deleted, and the data of clients that were offline stays readable', async (t) => {
  const server = await Server.start(t);
  const storage = new SharedMemory({ shares: false });
  const ann = await client(t, server.url, 'board', { storage });
  const ben = await client(t, server.url, 'board');
  ann.doc.insert('tasks', 't1', {});
  await ann.synced();
  ann.pause();
  ann.doc.insert('tasks', 't2', {});
  await server.request('/v1/admin/docs/board', { method: 'DELETE' });
  await until(() => ben.status.error?.reason === 'deleted', 'a client that is online learns it');
  ann.resume();
  await until(() => ann.status.connection === 'stopped', 'a client that was offline learns it');
  assert.equal(ann.status.error?.reason, 'deleted');
  assert.equal(ann.status.error?.code, 4410);
  assert.equal(rowsOf(ann), 2);
  assert.deepEqual(
    ann.unsentCommits().map(([op]) => op?.row),
    ['t2'],
  );
  await assert.rejects(server.rows('board'), /410/);
  await server.request('/v1/admin/docs/board/undelete', POST);
  ann.resume();
  await ann.synced();
  assert.equal(await server.rows('board'), 2);
  await Promise.all([ann.close(), ben.close()]);
});

test('a token that does not arrive: the next attempt asks again', async (t) => {
  const { server, token } = await withKey(t);
  let calls = 0;
  const good = token('*=rwp');
  const board = await client(t, server.url, 'board', {
    token: () => (++calls === 1 ? new Promise(() => {}) : Promise.resolve(good)),
  });
  await until(() => calls === 1, 'the client asks');
  assert.equal(board.status.connection, 'connecting');
  board.pause();
  assert.deepEqual([board.status.connection, board.status.error], ['offline', undefined]);
  board.resume();
  await board.synced();
  assert.equal(calls, 2);
});

test('a token function that takes too long', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  /** @type {(ClientError | undefined)[]} */
  const errors = [];
  let calls = 0;
  const connection = new Connection('ws://127.0.0.1:9', () => (calls++, new Promise(() => {})), {
    onWelcome: () => {},
    onMessage: () => {},
    onLost: () => {},
    onState: (_, error) => errors.push(error),
  });
  t.after(() => connection.close());
  connection.start();
  // Timers of attempts follow each other.
  for (let second = 0; second < 35; second++) {
    t.mock.timers.tick(1_000);
    await setImmediate();
  }
  assert.equal(calls, 2);
  assert.match(errors.at(-1)?.message ?? '', /there is no token: it did not arrive within 30 s/);
  assert.equal(errors.at(-1)?.reason, 'token');
});

test('a download without progress fails, and one that is aborted ends', async (t) => {
  /** @type {import('node:http').ServerResponse[]} */
  const responses = [];
  let isGone = false;
  const http = createServer((_, response) => {
    responses.push(response);
    response.on('close', () => (isGone = true));
    response.write('a part');
  });
  await new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(undefined)));
  t.after(() => {
    http.closeAllConnections();
    http.close();
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (http.address());
  const url = `http://127.0.0.1:${port}`;
  await assert.rejects(download(url, '', new AbortController(), 200), /nothing arrived for 0.2 s/);
  await until(() => isGone, 'the request ends');
  const slow = download(url, '', new AbortController(), 2_000);
  await until(() => responses.length === 2, 'the request arrives');
  responses[1]?.end(', and the rest');
  assert.equal(Buffer.from(await slow).toString(), 'a part, and the rest');
  const controller = new AbortController();
  const ended = download(url, '', controller);
  controller.abort();
  await assert.rejects(ended, { name: 'AbortError' });
});

test('a token is renewed before it expires, without a new connection', async (t) => {
  const { server, token } = await withKey(t);
  const relay = await Relay.start(t, server.url);
  let fetched = 0;
  const board = await client(t, relay.url, 'board', {
    token: async () => {
      fetched++;
      return token('*=rwp', '4s');
    },
  });
  board.doc.insert('tasks', 't1', {});
  await board.synced();
  let lost = 0;
  board.subscribe(() => (lost += board.status.connection === 'online' ? 0 : 1));
  await until(() => fetched >= 3, 'the token is renewed twice');
  await sleep(500);
  board.doc.insert('tasks', 't2', {});
  await board.synced();
  assert.equal(lost, 0);
  await board.close();
});

test('a token that expired is replaced, and one that is refused twice stops the client', async (t) => {
  const { server, token } = await withKey(t);
  const [good, expired] = [token('*=rwp'), token('*=rwp', '1s')];
  await sleep(1100);
  const tokens = [expired, good];
  const board = await client(t, server.url, 'board', { token: () => tokens.shift() ?? 'bad' });
  await board.synced();
  assert.equal(tokens.length, 0);
  // The next tokens are bad.
  board.pause();
  board.resume();
  await until(() => board.status.connection === 'stopped', 'the client stops');
  assert.deepEqual([board.status.error?.reason, board.status.error?.code], ['token', 4401]);
  tokens.push(good);
  board.resume();
  await board.synced();
  await board.close();

  const fixed = await client(t, server.url, 'board', { token: expired });
  await until(() => fixed.status.connection === 'stopped', 'a client with a fixed token stops at once');
  assert.equal(fixed.status.error?.reason, 'token');
  await fixed.close();
  let failures = 0;
  const failing = await client(t, server.url, 'board', {
    token: () => {
      if (failures++ < 2) throw new Error('no network');
      return good;
    },
  });
  await until(() => failing.status.error, 'the error is reported');
  assert.equal(failing.status.error?.message, 'there is no token: no network');
  await failing.synced();
  await failing.close();
});

test('rights', async (t) => {
  const { server, token } = await withKey(t);
  const writer = await client(t, server.url, 'board', { token: token('*=rwp') });
  writer.doc.insert('tasks', 't1', {});
  await writer.synced();
  const reader = await client(t, server.url, 'board', { token: token('*=r') });
  await until(() => rowsOf(reader) === 1, 'a reader reads');
  assert.equal(reader.status.readOnly, true);
  reader.doc.insert('tasks', 't2', {});
  await sleep(100);
  assert.equal(reader.status.connection, 'online');
  assert.equal(reader.status.savedThere, false);
  assert.equal(await server.rows('board', 'tasks').catch(() => 1), 1);
  const stranger = await client(t, server.url, 'board', { token: token('other=rwp') });
  await until(() => stranger.status.connection === 'stopped', 'a stranger stops');
  assert.equal(stranger.status.error?.reason, 'refused');
  const missing = await client(t, server.url, 'missing', { token: token('*=r') });
  await until(() => missing.status.connection === 'stopped', 'a reader of a missing document stops');
  assert.equal(missing.status.error?.reason, 'not-found');
  const restricted = token('*=rwp', '1h', ['--peers', 'ann.']);
  const named = await client(t, server.url, 'board', { token: restricted, peerPrefix: 'ann.' });
  named.doc.insert('tasks', 't3', {});
  await named.synced();
  assert.match(named.doc.peer(), /^ann\./);
  const unnamed = await client(t, server.url, 'board', { token: restricted });
  unnamed.doc.insert('tasks', 't4', {});
  await until(() => unnamed.status.connection === 'stopped', 'events of other peers are refused');
  assert.equal(unnamed.status.error?.reason, 'refused');
  assert.ok(unnamed.doc.get('tasks', 't4'));
  await Promise.all([writer, reader, stranger, missing, named, unnamed].map((board) => board.close()));
});

test('a server that recovers gets back what it lost', async (t) => {
  const server = await Server.start(t);
  const board = await client(t, server.url, 'board', { storage: new SharedMemory({ shares: false }) });
  board.doc.insert('tasks', 't1', {});
  await board.synced();
  const backup = join(folder(t), 'backup');
  run(['backup', '--data', server.data, '--to', backup]);
  board.doc.insert('tasks', 't2', {});
  await board.synced();
  await server.kill();
  server.data = join(folder(t), 'restored');
  run(['restore', '--from', backup, '--data', server.data]);
  await server.start();
  await until(() => board.status.connection === 'online', 'the client is back');
  await board.synced();
  assert.equal(await server.rows('board'), 2);
  assert.equal(board.status.forked, false);
  await board.close();
});

test('a half-open connection is found by a missing pong', async (t) => {
  const server = await Server.start(t, ['--silence-timeout', '900ms']);
  const relay = await Relay.start(t, server.url);
  const board = await client(t, relay.url, 'board');
  board.doc.insert('tasks', 't1', {});
  await board.synced();
  // A quiet connection stays open, because the client pings.
  let lost = 0;
  const unsubscribe = board.subscribe(() => (lost += board.status.connection === 'online' ? 0 : 1));
  await sleep(2000);
  assert.equal(lost, 0);
  unsubscribe();
  relay.freeze();
  board.doc.insert('tasks', 't2', {});
  await until(() => board.status.connection !== 'online', 'the client notices');
  assert.match(board.status.error?.message ?? '', /did not answer/);
  relay.cut();
  relay.thaw();
  await board.synced();
  assert.equal(await server.rows('board'), 2);
  await board.close();
});

test('a connection that is lost is opened again, and nothing is written twice', async (t) => {
  const server = await Server.start(t);
  const relay = await Relay.start(t, server.url);
  const board = await client(t, relay.url, 'board');
  for (let round = 0; round < 8; round++) {
    for (let n = 0; n < 50; n++) board.doc.insert('tasks', `${round} ${n}`, {});
    await sleep(round * 3);
    relay.cut();
    await until(() => board.status.connection !== 'online', 'the connection is lost');
    await board.synced();
  }
  assert.equal(await server.rows('board'), 400);
  assert.equal(board.doc.version()[0]?.count, 400);
  await board.close();
});

test('presence is renewed while the client lives, and removed after it is gone', async (t) => {
  const server = await Server.start(t, ['--presence-grace', '300ms']);
  const relay = await Relay.start(t, server.url);
  const ann = await client(t, server.url, 'board');
  const ben = await client(t, relay.url, 'board');
  const entry = ben.store.set('cursors', 'ben', 't1');
  await until(() => ann.store.get('cursors', 'ben'), 'the cursor arrives');
  await until(() => (ann.store.get('cursors', 'ben')?.timestamp ?? 0) > entry.timestamp, 'it is renewed');
  // ben loses the network, and nobody says so: the server removes the entry after the grace.
  ben.pause();
  await until(() => ann.store.get('cursors', 'ben') === undefined, 'the cursor disappears');
  ben.resume();
  await until(() => ann.store.get('cursors', 'ben'), 'the cursor comes back with the next renewal', 60_000);
  await Promise.all([ann.close(), ben.close()]);
});

test('presence is sent at most 20 times a second', async (t) => {
  const server = await Server.start(t);
  const [ann, ben] = [await client(t, server.url, 'board'), await client(t, server.url, 'board')];
  await Promise.all([ann.synced(), ben.synced()]);
  let changes = 0;
  let last = 0;
  const timer = setInterval(() => {
    const value = Number(ann.store.get('cursors', 'ben')?.value ?? 0);
    if (value !== last) changes++;
    last = value;
  }, 1);
  t.after(() => clearInterval(timer));
  const end = Date.now() + 1000;
  let n = 0;
  while (Date.now() < end) {
    ben.store.set('cursors', 'ben', ++n);
    await sleep(1);
  }
  await until(() => ann.store.get('cursors', 'ben')?.value === n, 'the last value arrives');
  clearInterval(timer);
  assert.ok(n > 100, `${n} values were set`);
  assert.ok(changes <= 25, `${changes} values arrived`);
  await Promise.all([ann.close(), ben.close()]);
});

/**
 * A server by hand: one document, which can be compacted, and whose server accepts no documents.
 *
 * @param {import('node:test').TestContext} t
 * @param {Doc} doc
 */
async function serveByHand(t, doc) {
  const store = engine.createStore('hand');
  const http = createServer((_, response) => response.end(doc.save()));
  const sockets = new WebSocketServer({ server: http });
  const state = { loads: 0, answersWithConflict: false };
  http.on('request', () => state.loads++);
  sockets.on('connection', (socket) => {
    const session = engine.openSession(doc, store, { document: 'board', accept: { documents: false } });
    let isOpen = false;
    const goodbye = () => {
      socket.send(new Uint8Array([72, 0xb9, 0x22, 1, 0]));
      socket.close(4409);
    };
    socket.on('message', (/** @type {Buffer} */ message) => {
      if (!isOpen) {
        isOpen = true;
        socket.send(new Uint8Array([65, 1, 105, 3, 0x80, 0x80, 4, 0xe0, 0xd4, 3]));
        if (state.answersWithConflict) {
          state.answersWithConflict = false;
          goodbye();
          return;
        }
      } else {
        try {
          session.receive(message);
        } catch {
          goodbye();
          return;
        }
      }
      session.flush((bytes) => socket.send(bytes));
    });
    const timer = setInterval(() => {
      if (isOpen && socket.readyState === socket.OPEN) session.flush((bytes) => socket.send(bytes));
    }, 10);
    socket.on('close', () => {
      clearInterval(timer);
      session.dispose();
    });
  });
  await new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(undefined)));
  t.after(() => {
    for (const socket of sockets.clients) socket.terminate();
    http.close();
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (http.address());
  return { url: `http://127.0.0.1:${port}`, state };
}

for (const way of ['by the session', 'after a goodbye']) {
  test(`a document that was compacted past the client: it rebases ${way}, and no write is lost`, async (t) => {
    const doc = engine.create('hand');
    const { url, state } = await serveByHand(t, doc);
    const storage = new SharedMemory();
    const open = () => client(t, url, 'board', { storage });
    let board = await open();
    const tab = await open();
    board.doc.insert('tasks', 't1', {});
    await board.synced();
    await until(() => rowsOf(tab) === 1, 'the other tab has the row');
    board.pause();
    tab.pause();
    board.doc.insert('tasks', 't2', { by: 'board' });
    tab.doc.insert('tasks', 't3', { by: 'tab' });
    await until(() => rowsOf(board) === 3, 'both have everything');
    await tab.close();
    // Nobody is left who would commit the write of the closed tab again.
    doc.insert('tasks', 't4', {});
    doc.compact([doc.summary()]);
    state.answersWithConflict = way === 'after a goodbye';
    board.resume();
    await board.synced();
    assert.equal(state.loads > 0, way === 'after a goodbye');
    await until(() => doc.get('tasks', 't2') && doc.get('tasks', 't3'), 'the server has the writes of both');
    assert.equal(rowsOf(board), 4);
    assert.equal(board.doc.digestHex(), doc.digestHex());
    board.doc.insert('tasks', 't5', {});
    await board.synced();
    assert.ok(storage.compactions > 0, 'a rebased document is stored as a snapshot');
    await board.close();
    board = await client(t, url, 'board', { storage, paused: true });
    assert.equal(rowsOf(board), 5);
    board.resume();
    await board.synced();
    assert.equal(board.doc.digestHex(), doc.digestHex());
    await board.close();
  });
}

test('the unsent commits of a compacted document are known, also after a crash before the next note', async (t) => {
  const doc = engine.create('hand');
  const { url } = await serveByHand(t, doc);
  const storage = new SharedMemory({ shares: false });
  let board = await client(t, url, 'board', { storage });
  board.doc.insert('tasks', 't1', {});
  await board.synced();
  const { acknowledged } = await noted(storage);
  board.pause();
  doc.insert('tasks', 't2', {});
  doc.compact([doc.summary()]);
  board.resume();
  await board.synced();
  await board.close();
  for (const notes of [{ acknowledged }, {}]) {
    storage.content.notes = { ...storage.content.notes, acknowledged: undefined, ...notes };
    board = await client(t, url, 'board', { storage, paused: true });
    const former = board.unsentCommits().length;
    board.doc.insert('tasks', 'unsent', {});
    assert.deepEqual(board.unsentCommits().at(-1)?.[0]?.row, 'unsent');
    assert.equal(board.unsentCommits().length, former + 1);
    if (notes.acknowledged) assert.equal(board.status.unsent, former + 1);
    await board.close();
  }
  board = await client(t, url, 'board', { storage, paused: true });
  const commits = await board.reset();
  assert.equal(commits.flat().filter(({ row }) => row === 'unsent').length, 2);
});

/**
 * Waits until a client has noted what the server has acknowledged.
 *
 * @param {SharedMemory} storage
 */
async function noted(storage) {
  await until(() => storage.content.notes.acknowledged, 'the client notes it');
  return storage.content.notes;
}

test('stored events that are committed again after a start are stored before they are sent', async (t) => {
  const doc = engine.create('hand');
  const { url } = await serveByHand(t, doc);
  doc.insert('tasks', 't1', {});
  const tab = engine.create('tab');
  tab.mergeUpdate(doc.updateSince());
  tab.insert('tasks', 'late', {});
  const late = tab.updateSince(doc.summary());
  doc.insert('tasks', 't2', {});
  doc.compact([doc.summary()]);
  // One tab has stored the rebased document, and then another one its last write, which does not build on it.
  const storage = new SharedMemory({ shares: false });
  storage.content = { ...storage.content, snapshot: doc.save(), updates: [late] };
  storage.delayMs = 200;
  const board = await client(t, url, 'board', { storage });
  assert.equal(rowsOf(board), 3);
  assert.equal(board.status.savedHere, false);
  await until(() => doc.get('tasks', 'late'), 'the server has it');
  const stored = engine.load(storage.content.snapshot ?? doc.save());
  for (const update of storage.content.updates.filter((update) => update !== late)) stored.mergeUpdate(update);
  assert.ok(stored.get('tasks', 'late'), 'the new event is stored');
});

test('writes of another tab that cannot be committed again stay in the storage', async (t) => {
  const doc = engine.create('hand');
  const { url, state } = await serveByHand(t, doc);
  const storage = new SharedMemory();
  const board = await client(t, url, 'board', { storage });
  const tab = await client(t, url, 'board', { storage });
  board.doc.insert('tasks', 't1', {});
  await board.synced();
  board.pause();
  tab.pause();
  tab.doc.insert('tasks', 't2', {});
  await until(() => rowsOf(board) === 2, 'both have everything');
  await tab.close();
  doc.insert('tasks', 't3', {});
  doc.compact([doc.summary()]);
  state.answersWithConflict = true;
  const { raw } = board.doc;
  const { commit } = raw;
  let failures = 0;
  const full = () => {
    failures++;
    throw new LimitExceededError({ limit: 'document-bytes', maximum: 1n, actual: 2n });
  };
  Object.defineProperty(raw, 'commit', { value: full, configurable: true });
  board.resume();
  await until(() => board.status.error?.reason === 'storage', 'the client says so');
  assert.match(board.status.error?.message ?? '', /document-bytes/);
  assert.ok(failures > 0);
  assert.equal(board.status.savedHere, false);
  Object.defineProperty(raw, 'commit', { value: commit, configurable: true });
  await until(() => doc.get('tasks', 't2'), 'the server has it');
  await board.synced();
  assert.equal(board.doc.digestHex(), doc.digestHex());
});

test('a document that was compacted past two tabs: both continue, and no write is lost', async (t) => {
  const doc = engine.create('hand');
  const { url } = await serveByHand(t, doc);
  const storage = new SharedMemory();
  const tabs = [await client(t, url, 'board', { storage }), await client(t, url, 'board', { storage })];
  const names = ['one', 'two'];
  for (const [i, tab] of tabs.entries()) tab.doc.insert('tasks', `${names[i]} before`, {});
  await Promise.all(tabs.map((tab) => tab.synced()));
  await until(() => tabs.every((tab) => rowsOf(tab) === 2), 'both have both rows');
  for (let round = 0; round < 3; round++) {
    for (const tab of tabs) tab.pause();
    for (const [i, tab] of tabs.entries()) tab.doc.insert('tasks', `${names[i]} ${round}`, { round });
    doc.insert('tasks', `hand ${round}`, {});
    doc.compact([doc.summary()]);
    for (const tab of tabs) tab.resume();
    await Promise.all(tabs.map((tab) => tab.synced()));
    const rows = 2 + 3 * (round + 1);
    await until(
      () => [doc, ...tabs.map((tab) => tab.doc)].every((one) => one.scan('tasks').rows.length === rows),
      'all have all',
    );
    await until(
      () => new Set([doc, ...tabs.map((tab) => tab.doc)].map((one) => one.digestHex())).size === 1,
      'all are equal',
    );
  }
  assert.deepEqual(doc.forks(), []);
  await Promise.all(tabs.map((tab) => tab.close()));
  const again = await client(t, url, 'board', { storage, paused: true });
  assert.equal(again.doc.digestHex(), doc.digestHex(), 'the storage has everything');
});

test('a server that misbehaves: the client reports it, and connects again when it may', async (t) => {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => sockets.once('listening', () => resolve(undefined)));
  t.after(() => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
  });
  const welcome = [65, 1, 105, 3, 0x80, 0x80, 4, 0xe0, 0xd4, 3];
  const goodbye = (/** @type {number} */ code, /** @type {number} */ retry) => [
    72,
    (code % 128) + 128,
    Math.floor(code / 128),
    (retry % 128) + 128,
    Math.floor(retry / 128),
    2,
    110,
    111,
  ];
  /** What the server sends on each connection. */
  const script = [
    [[65, 200]],
    [welcome, [1, 2, 3]],
    [welcome, [79, 1], Array.from({ length: 100 }, () => 7)],
    [goodbye(1012, 601)],
    [goodbye(4999, 1)],
    [goodbye(4998, 0)],
  ];
  /** @type {number[]} */
  const times = [];
  sockets.on('connection', (socket) => {
    times.push(Date.now());
    const messages = script[times.length - 1] ?? [];
    socket.on('message', (/** @type {Buffer} */ message) => {
      if (message[0] === 64) for (const bytes of messages) socket.send(new Uint8Array(bytes));
    });
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (sockets.address());
  const board = await client(t, `http://127.0.0.1:${port}`, 'board');
  /** @type {(string | undefined)[]} */
  const reasons = [];
  board.subscribe(() => {
    const { error } = board.status;
    if (error !== undefined && reasons.at(-1) !== error.message) reasons.push(error.message);
  });
  board.doc.insert('tasks', 't1', {});
  await until(() => board.status.connection === 'stopped', 'the last goodbye stops the client');
  assert.equal(times.length, script.length);
  assert.match(reasons[0] ?? '', /damaged frame/);
  assert.ok(reasons.length >= 3, reasons.join());
  assert.equal(board.status.error?.code, 4998);
  assert.equal(board.status.error?.message, 'no');
  const [third = 0, fourth = 0, fifth = 0] = times.slice(2);
  assert.ok(fifth - fourth >= 600, 'the client waits as long as the server says');
  assert.ok(fourth > third);
  assert.equal(rowsOf(board), 1);
});
