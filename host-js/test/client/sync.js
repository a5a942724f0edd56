// Clients and the real server: reading, writing, crashes and restarts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server, SharedMemory, client, rowsOf, until } from './rig.js';

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
