// The storage in IndexedDB with an implementation of IndexedDB for Node: names, durability options, compaction by
// several replicas, resets, deletion and failures. `tests/browser` runs it in Chromium.

import 'fake-indexeddb/auto';
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { Database } from '../src/client/indexeddb/database.js';
import { indexedDb } from '../src/client/indexeddb.js';

/** @import { StoredDocument } from '../src/client/storage.js' */

const KEY = 'http://localhost/board/1';

let databases = 0;
let name = '';
/** @type {StoredDocument[]} */
let opened = [];

beforeEach(() => {
  name = `test ${databases++}`;
  setLocks(new Locks());
});

afterEach(async () => {
  for (const document of opened) await document.close();
  opened = [];
});

/** Web Locks, as far as the storage uses them; Node 20 has none. */
class Locks {
  /** @type {Set<string>} */
  held = new Set();

  /**
   * @param {string} name
   * @param {{ ifAvailable: true }} _
   * @param {(lock: object | null) => unknown} callback
   */
  async request(name, _, callback) {
    if (this.held.has(name)) return callback(null);
    this.held.add(name);
    try {
      return await callback({ name });
    } finally {
      this.held.delete(name);
    }
  }
}

/** @param {Locks | undefined} locks */
function setLocks(locks) {
  Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true });
}

async function open(key = KEY, prefix = '') {
  const document = await indexedDb({ name }).open(key, prefix);
  opened.push(document);
  return document;
}

/** @param {number[]} bytes */
const update = (...bytes) => new Uint8Array(bytes);

/** A saved document of these tests: the bytes of all updates. */
const join = (/** @type {Uint8Array[]} */ updates) => update(...updates.flatMap((bytes) => [...bytes]));

test('a new document is empty', async () => {
  const document = await open();
  assert.deepEqual(await document.read(), { snapshot: undefined, updates: [], notes: {} });
});

test('updates and notes are read in order by a later replica, and by no other document', async () => {
  const document = await open();
  const other = await open('http://localhost/board/2');
  for (let i = 0; i < 12; i++) {
    await document.append(update(i));
    await other.append(update(100 + i));
  }
  await document.note({ incarnation: 'one', acknowledged: update(7) });
  await document.close();
  const { updates, notes } = await (await open()).read();
  assert.deepEqual(
    updates,
    Array.from({ length: 12 }, (_, i) => update(i)),
  );
  assert.deepEqual(notes, { incarnation: 'one', acknowledged: update(7) });
});

test('every write asks for strict durability', async (t) => {
  /** @type {unknown[]} */
  const options = [];
  const { transaction } = IDBDatabase.prototype;
  t.after(() => (IDBDatabase.prototype.transaction = transaction));
  /** @type {typeof transaction} */
  IDBDatabase.prototype.transaction = function (...args) {
    if (args[1] === 'readwrite') options.push(args[2]);
    return Reflect.apply(transaction, this, args);
  };
  const document = await open();
  await document.append(update(1));
  await document.note({});
  await document.compact(join);
  await document.rename();
  await document.reset({});
  await document.destroy();
  assert.deepEqual(options, Array(7).fill({ durability: 'strict' }));
});

test('only the bytes of a view are stored, not those of its buffer', async () => {
  const document = await open();
  await document.append(new Uint8Array(1_000_000).subarray(5, 8));
  const { updates } = await document.read();
  assert.equal(updates[0]?.buffer.byteLength, 3);
});

test('names are the lowest free numbers of the pool of a document', async () => {
  const [first, second, third] = [await open(), await open(), await open()];
  const device = /^([a-z]{16})\.0$/.exec(first.peer)?.[1] ?? assert.fail(first.peer);
  assert.deepEqual([second.peer, third.peer], [`${device}.1`, `${device}.2`]);
  assert.equal((await open('http://localhost/board/2')).peer, `${device}.0`);
  assert.equal((await open(KEY, 'ann.')).peer, `ann.${device}.0`);
  await second.close();
  assert.equal((await open()).peer, `${device}.1`);
  assert.equal((await open()).peer, `${device}.3`);
});

test('rename takes a name of a new device, for later replicas too', async () => {
  const document = await open(KEY, 'ann.');
  const former = document.peer;
  const renamed = await document.rename();
  assert.match(renamed, /^ann\.[a-z]{16}\.0$/);
  assert.notEqual(renamed, former);
  assert.equal(document.peer, renamed);
  assert.equal((await open(KEY, 'ann.')).peer, renamed.replace(/0$/, '1'));
});

test('without Web Locks every replica has a name of its own', async () => {
  setLocks(undefined);
  const names = [(await open(KEY, 'ann.')).peer, (await open(KEY, 'ann.')).peer];
  for (const name of names) assert.match(name, /^ann\.[a-z]{16}$/);
  assert.equal(new Set(names).size, 2);
  const document = await open();
  await document.append(update(1));
  await document.compact(join);
  assert.deepEqual((await document.read()).snapshot, update(1));
});

test('locks that fail are an error of the storage', async () => {
  const document = await open();
  const { locks } = navigator;
  const expected = { name: 'StorageError', code: 'failed', message: /failed with InvalidStateError: not active$/ };
  setLocks(
    Object.assign(new Locks(), {
      request: () => Promise.reject(new DOMException('not active', 'InvalidStateError')),
    }),
  );
  await assert.rejects(open(), expected);
  await assert.rejects(document.compact(join), expected);
  await assert.rejects(document.rename(), expected);
  setLocks(/** @type {any} */ (locks));
});

test('channels differ between databases, documents and resets', async () => {
  const channels = [(await open()).channel, (await open('http://localhost/board/2')).channel];
  name = `${name} more`;
  const document = await open();
  channels.push(document.channel);
  await document.reset({});
  channels.push(document.channel);
  assert.equal((await open()).channel, document.channel);
  assert.equal(new Set(channels).size, 4);
  assert.ok(channels.every((channel) => channel?.startsWith('converge:')));
});

test('compaction replaces the log by what save returns', async () => {
  const document = await open();
  const other = await open('http://localhost/board/2');
  await document.append(update(1));
  await document.append(update(2));
  await other.append(update(9));
  await document.compact((updates) => join([update(0), ...updates]));
  await document.append(update(3));
  const { snapshot, updates } = await document.read();
  assert.deepEqual([snapshot, updates], [update(0, 1, 2), [update(3)]]);
  assert.deepEqual((await other.read()).updates, [update(9)]);
});

test('compaction passes on what another replica has compacted meanwhile', async () => {
  const [ann, ben] = [await open(), await open()];
  await ann.read();
  await ben.read();
  await ann.append(update(1));
  await ann.compact(join);
  await ben.append(update(2));
  // ben has neither merged the update of ann nor read the snapshot that contains it.
  await ben.compact(join);
  assert.deepEqual((await open().then((later) => later.read())).snapshot, update(1, 2));
  // A replica that wrote the snapshot needs not merge it again.
  /** @type {Uint8Array[][]} */
  const passed = [];
  await ben.compact((updates) => {
    passed.push(updates);
    return update(1, 2);
  });
  assert.deepEqual(passed, [[]]);
});

test('compaction that fails changes nothing', async () => {
  const document = await open();
  await document.append(update(1));
  const failure = new Error('no');
  await assert.rejects(
    document.compact(() => {
      throw failure;
    }),
    failure,
  );
  assert.deepEqual(await document.read(), { snapshot: undefined, updates: [update(1)], notes: {} });
});

test('compaction does nothing while another replica compacts', async () => {
  const document = await open();
  await document.append(update(1));
  const held = `converge:${encodeURIComponent(name)}:${KEY}:compact`;
  await navigator.locks.request(held, { ifAvailable: true }, () =>
    document.compact(() => assert.fail('another replica compacts')),
  );
  assert.deepEqual((await document.read()).updates, [update(1)]);
});

test('after a reset, the writes of other replicas fail', async () => {
  const [ann, ben] = [await open(), await open()];
  await ben.append(update(1));
  await ann.reset({ incarnation: 'two' });
  await ann.append(update(2));
  const expected = { name: 'StorageError', code: 'reset', message: /another tab has reset "http:/ };
  await assert.rejects(ben.append(update(3)), expected);
  await assert.rejects(ben.note({ incarnation: 'one' }), expected);
  await assert.rejects(
    ben.compact(() => update(3)),
    expected,
  );
  await assert.rejects(ben.read(), expected);
  await ben.close();
  const content = { snapshot: undefined, updates: [update(2)], notes: { incarnation: 'two' } };
  assert.deepEqual(await (await open()).read(), content);
});

test('destroy removes the document, and the writes of other replicas fail', async () => {
  const [ann, ben] = [await open(), await open()];
  const other = await open('http://localhost/board/2');
  await other.append(update(9));
  await ann.append(update(1));
  await ann.compact(join);
  await ann.append(update(2));
  await ann.destroy();
  await assert.rejects(ben.append(update(3)), { name: 'StorageError', code: 'gone', message: /were deleted/ });
  const again = await open();
  assert.deepEqual(await again.read(), { snapshot: undefined, updates: [], notes: {} });
  // Nor can they write into the document that is created after it.
  await assert.rejects(ben.append(update(3)), { code: 'gone' });
  assert.deepEqual((await other.read()).updates, [update(9)]);
});

test('a deleted database is reported, and is not held open', async () => {
  const document = await open();
  await document.append(update(1));
  await deleted(name);
  await assert.rejects(document.append(update(2)), { name: 'StorageError', code: 'gone' });
  const again = await open();
  await again.append(update(3));
  assert.deepEqual((await again.read()).updates, [update(3)]);
});

test('a connection that was closed is opened again', async () => {
  const document = await open();
  await document.append(update(1));
  const { transaction } = IDBDatabase.prototype;
  // As after `close`, but before the event.
  IDBDatabase.prototype.transaction = function () {
    IDBDatabase.prototype.transaction = transaction;
    throw new DOMException('The database connection is closing.', 'InvalidStateError');
  };
  await document.append(update(2));
  assert.deepEqual((await document.read()).updates, [update(1), update(2)]);
});

test('a full disk is reported, and the same write succeeds later', async (t) => {
  const document = await open();
  const { add } = IDBObjectStore.prototype;
  t.after(() => (IDBObjectStore.prototype.add = add));
  IDBObjectStore.prototype.add = () => {
    throw new DOMException('no', 'QuotaExceededError');
  };
  const expected = { name: 'StorageError', code: 'full', message: /there is no space for the database "test/ };
  await assert.rejects(document.append(update(1)), expected);
  IDBObjectStore.prototype.add = add;
  await document.append(update(1));
  assert.deepEqual((await document.read()).updates, [update(1)]);
});

test('other errors of the database are reported with their message', async (t) => {
  const document = await open();
  const { add } = IDBObjectStore.prototype;
  t.after(() => (IDBObjectStore.prototype.add = add));
  IDBObjectStore.prototype.add = () => {
    throw new DOMException('Internal error.', 'UnknownError');
  };
  const expected = { code: 'failed', message: /^the database "test \d+" failed with UnknownError: Internal error\.$/ };
  await assert.rejects(document.append(update(1)), expected);
});

test('a newer version of the page gets the database, and older ones say so', async () => {
  const document = await open();
  await document.append(update(1));
  await new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 2);
    request.onerror = () => reject(request.error);
    request.onsuccess = () => resolve(request.result.close());
  });
  const expected = { name: 'StorageError', code: 'outdated', message: /reload the page/ };
  await assert.rejects(document.append(update(2)), expected);
  await assert.rejects(open(), expected);
});

test('opening does not wait without a limit for another connection', async () => {
  const blocking = await new Promise((/** @type {(database: IDBDatabase) => void} */ resolve) => {
    const request = indexedDB.open(name, 1);
    request.onsuccess = () => resolve(request.result);
  });
  const deleting = deleted(name);
  const database = new Database(name, 20);
  await assert.rejects(
    database.read(['device'], async () => {}),
    { name: 'StorageError', code: 'failed', message: /did not open within 0.02 s; close other tabs/ },
  );
  database.close();
  blocking.close();
  await deleting;
  // The connection that opened too late was closed.
  await deleted(name);
});

test('a closed document frees its name, and fails', async () => {
  const document = await open();
  const { peer } = document;
  const appended = document.append(update(1));
  await document.close();
  await appended;
  await assert.rejects(document.append(update(2)), { code: 'failed', message: /closed/ });
  const again = await open();
  assert.equal(again.peer, peer);
  assert.deepEqual((await again.read()).updates, [update(1)]);
});

test('unknown options are refused', () => {
  const options = /** @type {any} */ ({ names: 'notes' });
  assert.throws(() => indexedDb(options), { name: 'InvalidArgumentError', message: /names/ });
  assert.throws(() => indexedDb(/** @type {any} */ ({ name: 1 })), { name: 'InvalidArgumentError', message: /name/ });
});

test('without IndexedDB the error says so', async (t) => {
  const { indexedDB } = globalThis;
  t.after(() => (globalThis.indexedDB = indexedDB));
  Object.assign(globalThis, { indexedDB: undefined });
  await assert.rejects(open(), { name: 'StorageError', code: 'failed', message: /there is no IndexedDB here/ });
});

/**
 * @param {string} name
 * @returns {Promise<void>}
 */
function deleted(name) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
  });
}
