// Transactions: reads include buffered writes, a commit is one event, and a transaction that is not
// committed has no effect.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { open, real } from '../src/node.js';

const engine = await open();

function accounts() {
  const doc = engine.create('bank');
  doc.insert('accounts', 'a', { cents: 500, owner: 'Ann' });
  doc.insert('accounts', 'b', { cents: 0 });
  return doc;
}

test('a transaction reads its writes and commits them as one event', () => {
  const doc = accounts();
  const transaction = doc.begin();
  transaction.update('accounts', 'a', { cents: 400 });
  transaction.insert('accounts', 'c', { cents: 100, rate: real(1) });
  transaction.delete('accounts', 'b');
  assert.deepEqual({ ...transaction.get('accounts', 'a') }, { cents: 400, owner: 'Ann' });
  assert.equal(transaction.get('accounts', 'b'), undefined);
  assert.deepEqual(transaction.raw.get('accounts', 'c'), [
    { column: 'cents', value: { tag: 'integer', val: 100n } },
    { column: 'rate', value: { tag: 'real', val: 1 } },
  ]);
  const ids = (/** @type {Iterable<{ id: string }>} */ rows) => Array.from(rows, ({ id }) => id);
  assert.deepEqual(ids(transaction.rows('accounts')), ['a', 'c']);
  assert.deepEqual(ids(transaction.rows('accounts', { descending: true, limit: 1 })), ['c']);
  assert.deepEqual(transaction.scan('accounts', { limit: 1, columns: ['owner'] }), {
    rows: [{ id: 'a', cells: { owner: 'Ann' } }],
    more: true,
  });
  assert.deepEqual(ids(doc.rows('accounts')), ['a', 'b']);
  assert.deepEqual(transaction.commit(), { peer: 'bank', counter: 2 });
  assert.deepEqual(ids(doc.rows('accounts')), ['a', 'c']);
  assert.throws(() => transaction.commit(), { name: 'DisposedError', message: /^this transaction was disposed/ });
  assert.throws(() => transaction.get('accounts', 'a'), { name: 'DisposedError' });
  transaction.dispose();
});

test('a transaction reads its additions', () => {
  const doc = accounts();
  const pay = (/** @type {number} */ cents) =>
    doc.transact((transaction) => {
      transaction.add('accounts', 'a', 'cents', -cents);
      transaction.add('accounts', 'b', 'cents', cents);
      transaction.add('accounts', 'b', 'payments', 1n);
      assert.equal(transaction.get('accounts', 'a')?.cents, 500 - cents);
      assert.deepEqual(
        [...transaction.rows('accounts', { columns: ['payments'] })].map(({ cells }) => cells.payments),
        [undefined, 1],
      );
      if (cents > 500) throw new RangeError('not enough');
    });
  assert.throws(() => pay(501), RangeError);
  assert.deepEqual(pay(200), { peer: 'bank', counter: 2 });
  assert.deepEqual({ ...doc.get('accounts', 'b') }, { cents: 200, payments: 1 });
  for (const [row, column, error] of /** @type {const} */ ([
    ['none', 'cents', { name: 'NoSuchRowError', payload: { table: 'accounts', row: 'none' } }],
    ['a', 'owner', { name: 'InvalidArgumentError', message: /"owner" .* not an integer/ }],
  ])) {
    assert.throws(() => doc.transact((transaction) => transaction.add('accounts', row, column, 1)), error);
  }
});

test('a transaction reads its splices, and fails if the text changed meanwhile', () => {
  const doc = accounts();
  const [one, other] = [doc.begin(), doc.begin()];
  for (const transaction of [one, other]) {
    transaction.splice('accounts', 'a', 'owner', 3, 0, 'a');
    transaction.splice('accounts', 'a', 'owner', 0, 1, 'Hann');
    assert.equal(transaction.get('accounts', 'a')?.owner, 'Hannnna');
  }
  assert.deepEqual(one.commit(), { peer: 'bank', counter: 2 });
  assert.equal(doc.get('accounts', 'a')?.owner, 'Hannnna');
  assert.throws(() => other.commit(), { name: 'InvalidArgumentError', message: /changed/ });
  for (const [row, column, at, error] of /** @type {const} */ ([
    ['none', 'owner', 0, { name: 'NoSuchRowError', payload: { table: 'accounts', row: 'none' } }],
    ['a', 'cents', 0, { name: 'InvalidArgumentError', message: /"cents" .* not a text/ }],
    ['a', 'owner', 8, { name: 'InvalidArgumentError', message: /"owner" .* 7 / }],
  ])) {
    assert.throws(() => doc.transact((transaction) => transaction.splice('accounts', row, column, at, 0, '')), error);
  }
});

test('transact commits the writes of a function, or nothing if it throws', () => {
  const doc = accounts();
  const before = doc.digestHex();
  const pay = (/** @type {number} */ cents) =>
    doc.transact((transaction) => {
      const from = Number(transaction.get('accounts', 'a')?.cents);
      transaction.update('accounts', 'a', { cents: from - cents });
      if (from < cents) throw new RangeError('not enough');
      transaction.update('accounts', 'b', { cents });
    });
  assert.throws(() => pay(501), RangeError);
  assert.throws(() => doc.transact((transaction) => transaction.delete('accounts', 'x')), { name: 'NoSuchRowError' });
  assert.throws(() => doc.transact(async () => assert.fail('the function continued')), /not asynchronous/);
  const thenable = { then: (/** @type {() => void} */ resolve) => resolve() };
  assert.throws(() => doc.transact(() => /** @type {any} */ (thenable)), {
    name: 'InvalidArgumentError',
    message: 'transact() takes a function that is not asynchronous; use begin() for asynchronous writes',
  });
  assert.equal(
    doc.transact(() => {}),
    undefined,
  );
  assert.deepEqual([doc.digestHex(), doc.version()[0]?.count], [before, 2]);
  assert.deepEqual(pay(500), { peer: 'bank', counter: 2 });
  assert.deepEqual(
    [...doc.rows('accounts')].map(({ cells }) => cells.cents),
    [0, 500],
  );
});

test('a transaction can be read after its document is disposed, and frees its memory', () => {
  const doc = accounts();
  const [kept, dropped] = [doc.begin(), doc.begin()];
  dropped.insert('accounts', 'x', {});
  dropped[Symbol.dispose]();
  assert.throws(() => dropped.insert('accounts', 'x', {}), { name: 'DisposedError' });
  doc.dispose();
  assert.throws(() => doc.begin(), { name: 'DisposedError' });
  assert.deepEqual({ ...kept.get('accounts', 'a') }, { cents: 500, owner: 'Ann' });
  assert.deepEqual(kept.insert('accounts', 'x', {}), undefined);
  assert.throws(() => kept.commit(), { name: 'DisposedError', message: /^this document was disposed/ });
  kept.dispose();
});

test('only the document of a transaction can commit it', async () => {
  const [doc, other] = [accounts(), accounts()];
  const transaction = doc.raw.begin();
  const elsewhere = (await open(readFile(new URL('../dist/converge.core.wasm', import.meta.url)))).create('ann');
  const name = 'InvalidArgumentError';
  assert.throws(() => elsewhere.raw.commitTransaction(transaction), {
    name,
    message: /^the transaction belongs to another engine;/,
  });
  assert.throws(() => doc.raw.commitTransaction(/** @type {any} */ ({})), {
    name,
    message: /must be a transaction of/,
  });
  transaction.insert('accounts', 'x', []);
  assert.throws(() => other.raw.commitTransaction(transaction), { name });
  assert.throws(() => doc.raw.commitTransaction(transaction), { name: 'DisposedError' });
  assert.deepEqual([doc.version()[0]?.count, other.version()[0]?.count], [2, 2]);
});

test('a commit to a deleted row fails, and the document still works', () => {
  const doc = accounts();
  const transaction = doc.begin();
  transaction.update('accounts', 'b', { cents: 1 });
  doc.delete('accounts', 'b');
  assert.throws(() => transaction.commit(), { name: 'NoSuchRowError' });
  assert.throws(() => transaction.commit(), { name: 'DisposedError' });
  assert.deepEqual(doc.insert('accounts', 'b', {}), { peer: 'bank', counter: 3 });
});
