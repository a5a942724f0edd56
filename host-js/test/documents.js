// Documents: writing, reading, scanning, exchanging events, watching.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromReport } from '../conformance/notation.js';
import * as package_ from '../src/node.js';
import { open, randomPeer } from '../src/node.js';

/** @import { Op } from '../src/types.js' */

const engine = await open();

/**
 * Returns a document with the rows `a` to `e`, U+FFFD and an emoji. The emoji sorts last in UTF-8,
 * but not in UTF-16.
 */
function letters() {
  const doc = engine.create('ann');
  doc.commit(
    ['c', 'a', 'e', 'b', 'd', '\u{1f600}', '\ufffd'].map((row, n) => ({
      op: /** @type {const} */ ('insert'),
      table: 't',
      row,
      cells: { n, letter: row },
    })),
  );
  return doc;
}

/** @param {{ rows: { id: string }[] }} page */
const ids = ({ rows }) => rows.map(({ id }) => id);

test('the engine returns its version and its limits', () => {
  assert.match(engine.version(), /^\d+\.\d+\.\d+$/);
  assert.deepEqual(
    engine.limits().find(({ name }) => name === 'row-bytes'),
    { name: 'row-bytes', maximum: 4096n },
  );
});

test('the engine summarizes bytes without loading them', () => {
  const doc = engine.create('ann');
  doc.insert('people', 'p1', { name: 'Alice' });
  doc.insert('people', 'p2', {});
  const saved = engine.inspect(doc.save());
  assert.equal(saved.content, 'document');
  assert.deepEqual(saved.version, [{ peer: 'ann', count: 2 }]);
  assert.deepEqual(saved.tables, [{ name: 'people', rows: 2 }]);
  assert.deepEqual([saved.horizon, saved.waiting], [[], 0]);
  assert.ok(saved.sections.length > 0 && saved.sections.every(({ name, bytes }) => name !== '' && bytes > 0n));
  assert.equal(engine.inspect(doc.updateSince()).content, 'update');
  const store = engine.createStore('ann');
  store.set('n', 'k', 1);
  assert.equal(engine.inspect(store.snapshot()).content, 'ephemeral-snapshot');
  assert.equal(engine.inspect(store.takeUpdate() ?? assert.fail()).content, 'ephemeral-update');
  assert.throws(() => engine.inspect(new Uint8Array(3)), { name: 'CorruptError' });
  assert.throws(() => engine.inspect(/** @type {any} */ ('x')), { message: 'bytes must be a Uint8Array, not "x"' });
});

test('keys for ordered lists are between their neighbors', () => {
  const first = engine.between(undefined, undefined, 'ann');
  const last = engine.between(first, undefined, 'ann');
  const ofAnn = engine.between(first, last, 'ann');
  const ofBen = engine.between(first, last, 'ben');
  assert.notEqual(ofAnn, ofBen);
  const list = [engine.between(undefined, first, 'ann'), first, ...[ofAnn, ofBen].sort(), last];
  assert.deepEqual([...list].sort(), list);
  assert.ok(list.every((key) => /^[A-Za-z0-9.]+$/.test(key)));
  assert.equal(engine.raw.ordering.between(first, last, 'ann'), ofAnn);
  const doc = engine.create('ann');
  for (const key of list) doc.insert('steps', key, {});
  assert.deepEqual(ids(doc.scan('steps')), list);
});

test('every write is an event', () => {
  const doc = engine.create('ann');
  assert.equal(doc.peer(), 'ann');
  assert.deepEqual(doc.insert('people', 'p1', { name: 'Alice', age: 30 }), { peer: 'ann', counter: 0 });
  assert.deepEqual(doc.update('people', 'p1', { age: 31 }), { peer: 'ann', counter: 1 });
  assert.deepEqual({ ...doc.get('people', 'p1') }, { name: 'Alice', age: 31 });
  assert.deepEqual(doc.tables(), [{ name: 'people', rows: 1 }]);
  assert.deepEqual(doc.delete('people', 'p1'), { peer: 'ann', counter: 2 });
  assert.equal(doc.get('people', 'p1'), undefined);
  assert.deepEqual(doc.tables(), []);
  assert.deepEqual(doc.version(), [{ peer: 'ann', count: 3 }]);
  assert.deepEqual(doc.heads(), [{ peer: 'ann', counter: 2 }]);
});

test('unset removes cells in single calls, commits and transactions', () => {
  const doc = engine.create('ann');
  doc.insert('t', 'r', { a: 1, b: 2, c: 3, d: 4 });
  assert.deepEqual(doc.unset('t', 'r', ['a', 'nix']), { peer: 'ann', counter: 1 });
  doc.commit([{ op: 'unset', table: 't', row: 'r', columns: ['b'] }]);
  doc.transact((transaction) => {
    transaction.unset('t', 'r', ['c']);
    assert.deepEqual({ ...transaction.get('t', 'r') }, { d: 4 });
    assert.deepEqual(transaction.touched(), [{ table: 't', row: 'r' }]);
  });
  assert.deepEqual({ ...doc.get('t', 'r') }, { d: 4 });
  for (const call of [
    () => doc.unset('t', 'nix', ['a']),
    () => doc.transact((transaction) => transaction.unset('t', 'nix', ['a'])),
  ]) {
    assert.throws(call, { name: 'NoSuchRowError', payload: { table: 't', row: 'nix' } });
  }
});

test('additions of several replicas all count', () => {
  const ann = engine.create('ann');
  ann.insert('polls', 'p1', { title: 'Lunch?', yes: 1 });
  const ben = engine.load(ann.save(), { peer: 'ben' });
  assert.deepEqual(ann.add('polls', 'p1', 'yes', 1), { peer: 'ann', counter: 1 });
  ann.commit([{ op: 'add', table: 'polls', row: 'p1', column: 'no', amount: 2n }]);
  ben.transact((transaction) => {
    transaction.add('polls', 'p1', 'yes', 3);
    transaction.add('polls', 'p1', 'no', -1n);
    assert.deepEqual({ ...transaction.get('polls', 'p1') }, { no: -1, title: 'Lunch?', yes: 4 });
  });
  ann.mergeUpdate(ben.updateSince(ann.summary()));
  ben.mergeUpdate(ann.updateSince(ben.summary()));
  assert.deepEqual({ ...ann.get('polls', 'p1') }, { no: 1, title: 'Lunch?', yes: 5 });
  assert.deepEqual(ann.save(), ben.save());
  ann.update('polls', 'p1', { yes: 0 });
  ben.add('polls', 'p1', 'yes', 7);
  ann.mergeUpdate(ben.updateSince(ann.summary()));
  assert.equal(ann.get('polls', 'p1')?.yes, 0, 'an addition to a replaced value');
});

test('amounts and sums follow the rule of integers', () => {
  const doc = engine.create('ann');
  doc.insert('t', 'r', { a: null });
  doc.add('t', 'r', 'a', Number.MAX_SAFE_INTEGER);
  assert.equal(doc.get('t', 'r')?.a, Number.MAX_SAFE_INTEGER);
  doc.add('t', 'r', 'a', 1);
  assert.equal(doc.get('t', 'r')?.a, 2n ** 53n);
  doc.add('t', 'r', 'a', -(2n ** 63n));
  doc.add('t', 'r', 'a', -0);
  assert.equal(doc.get('t', 'r')?.a, 2n ** 53n - 2n ** 63n);
  for (const amount of [-1, 2n ** 63n - 1n]) {
    doc.add('t', 'r', 'b', amount);
    const [{ commits } = assert.fail()] = doc.eventsSince().runs;
    const [op] = commits.at(-1) ?? [];
    assert.deepEqual(op, { tag: 'add', val: { table: 't', row: 'r', column: 'b', amount: BigInt(amount) } });
  }
});

test('splices of several replicas all count', () => {
  const ann = engine.create('ann');
  ann.insert('notes', 'n1', { title: 'Minutes', text: 'Buy 🥛 and tea' });
  const ben = engine.load(ann.save(), { peer: 'ben' });
  assert.deepEqual(ann.splice('notes', 'n1', 'text', 6, 3, 'or'), { peer: 'ann', counter: 1 });
  ann.commit([{ op: 'splice', table: 'notes', row: 'n1', column: 'more', at: 0, remove: 0, insert: '' }]);
  ben.transact((transaction) => {
    transaction.splice('notes', 'n1', 'text', 4, 1, '🧀');
    transaction.splice('notes', 'n1', 'text', 5, 0, '🍞');
    assert.equal(transaction.get('notes', 'n1')?.text, 'Buy 🧀🍞 and tea');
  });
  ann.mergeUpdate(ben.updateSince(ann.summary()));
  ben.mergeUpdate(ann.updateSince(ben.summary()));
  assert.deepEqual({ ...ann.get('notes', 'n1') }, { more: '', text: 'Buy 🧀🍞 or tea', title: 'Minutes' });
  assert.deepEqual(ann.save(), ben.save());
  ann.update('notes', 'n1', { text: 'nothing' });
  ben.splice('notes', 'n1', 'text', 0, 0, 'Please ');
  ann.mergeUpdate(ben.updateSince(ann.summary()));
  assert.equal(ann.get('notes', 'n1')?.text, 'nothing', 'a splice of a replaced text');
});

test('the positions of splices count Unicode scalar values', () => {
  const doc = engine.create('ann');
  doc.insert('t', 'r', { a: null });
  for (const [at, remove, insert, text] of /** @type {const} */ ([
    [0, 0, '👩‍🚀', '👩‍🚀'],
    [1, 1, '+', '👩+🚀'],
    [3, 0, 'é', '👩+🚀é'],
    [4, 1, '', '👩+🚀e'],
    [0, 4, '', ''],
  ])) {
    doc.splice('t', 'r', 'a', at, remove, insert.normalize('NFD'));
    assert.equal(doc.get('t', 'r')?.a, text.normalize('NFD'));
    const [{ commits } = assert.fail()] = doc.eventsSince().runs;
    const val = { table: 't', row: 'r', column: 'a', at, remove, insert: insert.normalize('NFD') };
    assert.deepEqual(commits.at(-1), [{ tag: 'splice', val }]);
  }
  const maximum = Number(engine.limits().find(({ name }) => name === 'value-bytes')?.maximum);
  doc.splice('t', 'r', 'a', 0, 0, 'x'.repeat(maximum));
  assert.throws(() => doc.splice('t', 'r', 'a', 0, 0, 'x'), { name: 'LimitExceededError' });
});

test('watchers and differences report the texts of splices', () => {
  const doc = engine.create('ann');
  doc.insert('t', 'r', { a: 'bc' });
  const before = doc.heads();
  const watcher = doc.watch();
  doc.splice('t', 'r', 'a', 0, 0, 'a');
  doc.splice('t', 'r', 'b', 0, 0, '😀');
  const ops = [{ op: 'update', table: 't', row: 'r', cells: { a: 'abc', b: '😀' } }];
  assert.deepEqual(watcher.take(), { ops, more: false });
  assert.deepEqual(doc.diff(before, doc.heads()), ops);
});

test('watchers and differences report the sums of additions', () => {
  const doc = engine.create('ann');
  doc.insert('t', 'r', { a: 1 });
  const before = doc.heads();
  const watcher = doc.watch();
  doc.add('t', 'r', 'a', 2);
  doc.add('t', 'r', 'b', 2n ** 60n);
  const ops = [{ op: 'update', table: 't', row: 'r', cells: { a: 3, b: 2n ** 60n } }];
  assert.deepEqual(watcher.take(), { ops, more: false });
  assert.deepEqual(doc.diff(before, doc.heads()), ops);
});

test('equal additions of two copies of a replica are one event, unless they are distinguished', () => {
  const doc = engine.create('ann');
  doc.insert('t', 'r', { a: 0 });
  for (const [salts, sum] of /** @type {const} */ ([
    [[0n, 0n], 1],
    [[1n, 2n ** 64n - 1n], 2],
  ])) {
    const [one, other] = salts.map((salt) => {
      const copy = engine.load(doc.save(), { peer: 'ann' });
      copy.distinguish(salt);
      copy.add('t', 'r', 'a', 1);
      return copy;
    });
    if (one === undefined || other === undefined) assert.fail();
    one.mergeUpdate(other.updateSince(one.summary()));
    assert.equal(one.get('t', 'r')?.a, sum);
    assert.equal(one.forks().length, sum - 1);
  }
});

test('a commit is one event or nothing', () => {
  const doc = engine.create('ann');
  const event = doc.commit([
    { op: 'insert', table: 't', row: 'a', cells: { n: 1 } },
    { op: 'update', table: 't', row: 'a', cells: { n: 2 } },
    { op: 'insert', table: 't', row: 'b', cells: {} },
    { op: 'delete', table: 't', row: 'b' },
  ]);
  assert.deepEqual(event, { peer: 'ann', counter: 0 });
  assert.deepEqual(
    [...doc.rows('t')].map(({ id, cells }) => [id, { ...cells }]),
    [['a', { n: 2 }]],
  );
  assert.throws(
    () =>
      doc.commit([
        { op: 'update', table: 't', row: 'a', cells: { n: 3 } },
        { op: 'delete', table: 't', row: 'b' },
      ]),
    { name: 'NoSuchRowError' },
  );
  assert.equal(doc.get('t', 'a')?.n, 2);
});

test('a commit of many rows is the same event as with one operation at a time', () => {
  const columns = ['a', 'b', '__proto__'];
  /** @type {import('../src/types.js').Op[]} */
  const ops = [];
  for (let row = 0; row < 100; row++) {
    const some = columns.filter((_, at) => (row >> at) & 1);
    const cells = Object.fromEntries(some.map((column, at) => [column, `${row} ${at}`]));
    const table = row < 50 ? 't' : 'u';
    ops.push(
      { op: 'insert', table, row: `r${row}`, cells },
      { op: 'update', table, row: `r${row}`, cells: { c: row } },
    );
  }
  const [together, apart] = [engine.create('ann'), engine.create('ann')];
  together.commit(ops);
  apart.transact((transaction) => {
    for (const op of ops) {
      if (op.op === 'insert') transaction.insert(op.table, op.row, op.cells);
      if (op.op === 'update') transaction.update(op.table, op.row, op.cells);
    }
  });
  assert.deepEqual(together.save(), apart.save());
  assert.deepEqual([...together.rows('t')], [...apart.rows('t')]);
  assert.deepEqual(together.get('u', 'r99'), apart.get('u', 'r99'));
});

test('raw rows are rejected if their shapes do not fit', () => {
  const { raw } = engine.create('ann');
  /** @type {(shape: number, count: number) => import('../dist/wit/interfaces/converge-sync-durable.js').RowsOp[]} */
  const ops = (shape, count) => {
    const values = Array.from({ length: count }, () => /** @type {const} */ ({ tag: 'null' }));
    return [{ tag: 'insert', val: { table: 't', shapes: [['b', 'a']], rows: [{ id: 'r', shape, values }] } }];
  };
  const unknown = 'the row "r" has the shape 1, but the number of shapes is 1; count them from 0';
  assert.throws(() => raw.commitRows(ops(1, 2)), { name: 'InvalidArgumentError', message: new RegExp(unknown) });
  assert.throws(() => raw.commitRows(ops(0, 1)), {
    name: 'InvalidArgumentError',
    message: /the number of values of the row "r" is 1, and the number of columns of its shape is 2; give one value/,
  });
  assert.deepEqual(raw.commitRows(ops(0, 2)), { peer: 'ann', counter: 0 });
  assert.deepEqual(
    raw.get('t', 'r')?.map(({ column }) => column),
    ['a', 'b'],
  );
});

test('only functions, errors, Real and UndoManager are exported as values', () => {
  const classes = Object.entries(package_).filter(([, value]) => /^class\b/.test(String(value)));
  const values = classes.filter(([, { prototype }]) => !(prototype instanceof Error)).map(([name]) => name);
  assert.deepEqual(values, ['Real', 'UndoManager']);
  const others = Object.keys(package_).filter((name) => !classes.some(([known]) => known === name));
  assert.deepEqual(others, ['open', 'randomPeer', 'real']);
});

test('a replica without a name gets a random one', () => {
  assert.match(engine.create().peer(), /^[0-9a-f]{32}$/);
  assert.notEqual(randomPeer(), randomPeer());
});

test('a scan returns rows sorted as bytes, and follows its options', () => {
  const doc = letters();
  const all = ['a', 'b', 'c', 'd', 'e', '\ufffd', '\u{1f600}'];
  assert.deepEqual(ids(doc.scan('t')), all);
  assert.deepEqual(ids(doc.scan('t', { descending: true })), all.slice().reverse());
  assert.deepEqual(ids(doc.scan('t', { range: { equal: 'b' } })), ['b']);
  assert.deepEqual(ids(doc.scan('t', { range: { atLeast: 'd' } })), all.slice(3));
  assert.deepEqual(ids(doc.scan('t', { range: { atMost: 'b' } })), ['a', 'b']);
  assert.deepEqual(ids(doc.scan('t', { range: { between: ['b', 'd'] } })), ['b', 'c', 'd']);
  assert.deepEqual(ids(doc.scan('t', { range: { startsWith: '\u{1f600}' } })), ['\u{1f600}']);
  assert.deepEqual(ids(doc.scan('t', { after: 'c', limit: 1 })), ['d']);
  assert.deepEqual(ids(doc.scan('t', { after: 'c', descending: true })), ['b', 'a']);
  assert.deepEqual(doc.scan('t', { limit: 0 }), { rows: [], more: true });
  assert.equal(doc.scan('t', { limit: 6 }).more, true);
  assert.equal(doc.scan('t', { limit: 7 }).more, false);
  assert.deepEqual({ ...doc.scan('t', { columns: ['n'], limit: 1 }).rows[0]?.cells }, { n: 1 });
  assert.deepEqual(doc.scan('nix'), { rows: [], more: false });
});

test('rows() fetches further pages automatically', () => {
  const doc = engine.create('ann');
  const names = Array.from({ length: 1000 }, (_, i) => `row-${String(i).padStart(4, '0')}`);
  doc.commit(names.map((row, i) => ({ op: /** @type {const} */ ('insert'), table: 't', row, cells: { i } })));
  assert.deepEqual(
    [...doc.rows('t')].map(({ id }) => id),
    names,
  );
  assert.deepEqual(
    [...doc.rows('t', { descending: true, limit: 300 })].map(({ id }) => id),
    names.slice(-300).reverse(),
  );
  assert.deepEqual(
    [...doc.rows('t', { after: 'row-0989', columns: ['nix'] })].map(({ id }) => id),
    names.slice(-10),
  );
  assert.deepEqual([...doc.rows('t', { range: { startsWith: 'row-05' } })].length, 100);
  assert.deepEqual([...doc.rows('t', { limit: 0 })], []);
  const columns = ['i'];
  const iterator = doc.rows('t', { columns });
  iterator.next();
  columns.push(/** @type {any} */ (7));
  assert.equal([...iterator].length, 999, 'options that change meanwhile have no effect');
});

test('replicas that exchange events agree', () => {
  const [ann, ben] = [engine.create('ann'), engine.create('ben')];
  ann.insert('t', 'r', { x: 1 });
  ben.insert('t', 'r', { y: 2 });
  assert.deepEqual(ben.mergeEvents(ann.eventsSince(ben.summary()).runs), {
    applied: 1,
    duplicate: 0,
    waiting: 0,
    dropped: 0,
    missing: [],
    forked: [],
  });
  ann.mergeEvents(ben.eventsSince(ann.summary()).runs);
  assert.deepEqual({ ...ann.get('t', 'r') }, { x: 1, y: 2 });
  assert.deepEqual(ann.heads(), ben.heads());
  assert.equal(ann.digestHex(), ben.digestHex());
  assert.equal(ann.digestHex(), Buffer.from(ann.digest()).toString('hex'));
  assert.equal(ann.digest().length, 32);
  assert.deepEqual(fromReport(ann.mergeEvents(ben.eventsSince().runs)), { duplicate: 2 });
});

test('events wait for their dependencies', () => {
  const [ann, ben] = [engine.create('ann'), engine.create('ben')];
  ann.insert('t', 'r', {});
  ann.update('t', 'r', { x: 1 });
  const {
    runs: [first],
    more,
  } = ann.eventsSince(undefined, 1);
  const {
    runs: [second],
  } = ann.eventsSince(engine.summaryOf([{ peer: 'ann', count: 1 }]));
  assert.ok(first && second && more);
  const { waiting, missing } = ben.mergeEvents([second]);
  assert.deepEqual([waiting, missing.map(({ counter }) => counter)], [1, [0]]);
  assert.equal(ben.get('t', 'r'), undefined);
  assert.deepEqual(fromReport(ben.mergeEvents([first])), { applied: 2 });
  assert.deepEqual({ ...ben.get('t', 'r') }, { x: 1 });
});

test('documents of different engines exchange events', async () => {
  const { readFile } = await import('node:fs/promises');
  const other = await open(readFile(new URL('../dist/converge.core.wasm', import.meta.url)));
  const [ann, ben] = [engine.create('ann'), other.create('ben')];
  ann.insert('t', 'r', { x: 1 });
  ben.mergeEvents(ann.eventsSince().runs);
  assert.equal(ben.digestHex(), ann.digestHex());
});

test('a watcher returns changes as operations that a mirror can execute', () => {
  const doc = engine.create('ann');
  doc.insert('t', 'old', { x: 1 });
  const watcher = doc.watch();
  assert.deepEqual(watcher.take(), { ops: [], more: false });
  doc.insert('t', 'new', { x: 1 });
  doc.update('t', 'new', { x: 2, y: 2n ** 60n });
  doc.delete('t', 'old');
  const { ops, more } = watcher.take();
  assert.equal(more, false);
  assert.deepEqual(plain(ops), [
    { op: 'insert', table: 't', row: 'new', cells: { x: 2, y: 2n ** 60n } },
    { op: 'delete', table: 't', row: 'old' },
  ]);
  const mirror = engine.create('mirror');
  mirror.insert('t', 'old', { x: 1 });
  mirror.commit(ops);
  assert.equal(mirror.digestHex(), doc.digestHex());
});

test('a watcher returns pages, and its iterator returns all changes', () => {
  const doc = engine.create('ann');
  const insert = (/** @type {number} */ i) => ({
    op: /** @type {const} */ ('insert'),
    table: 't',
    row: `${i}`,
    cells: { i },
  });
  doc.commit(Array.from({ length: 600 }, (_, i) => insert(i)));
  const watcher = doc.watch([], { fromStart: true });
  const first = watcher.take(10);
  assert.equal(first.ops.length, 10);
  assert.equal(first.more, true);
  assert.equal([...watcher].length, 590);
  assert.deepEqual([...watcher], []);
  doc.delete('t', '1');
  assert.deepEqual([...watcher], [{ op: 'delete', table: 't', row: '1' }]);
});

test('a watcher of some tables does not see the others', () => {
  const doc = engine.create('ann');
  const watcher = doc.watch(['t']);
  doc.insert('u', 'r', {});
  assert.deepEqual([...watcher], []);
  doc.insert('t', 'r', {});
  assert.equal([...watcher].length, 1);
});

test('a watcher sees merges', () => {
  const [ann, ben] = [engine.create('ann'), engine.create('ben')];
  const watcher = ben.watch();
  ann.insert('t', 'r', { x: 'y' });
  ben.mergeEvents(ann.eventsSince().runs);
  assert.deepEqual(plain([...watcher]), [{ op: 'insert', table: 't', row: 'r', cells: { x: 'y' } }]);
});

test("the raw access has the contract's types", () => {
  const doc = engine.create('ann');
  doc.raw.insert('t', 'r', [
    { column: 'x', value: { tag: 'real', val: 1 } },
    { column: 'a', value: { tag: 'null' } },
  ]);
  const row = [
    { column: 'a', value: { tag: 'null' } },
    { column: 'x', value: { tag: 'real', val: 1 } },
  ];
  assert.deepEqual(doc.raw.get('t', 'r'), row);
  const watcher = doc.watch([], { fromStart: true });
  assert.deepEqual(watcher.raw.take(1), {
    ops: [{ tag: 'insert', val: { table: 't', row: 'r', cells: row } }],
    more: false,
  });
  assert.equal(doc.raw.peer(), 'ann');
  assert.deepEqual(doc.raw.version(), doc.version());
});

/** @param {Op<any>[]} ops */
function plain(ops) {
  return ops.map((op) => ('cells' in op ? { ...op, cells: { ...op.cells } } : op));
}
