// Stores in JavaScript: values, defaults, and arguments that are rejected before the engine is called.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, real } from '../src/node.js';

const engine = await open();

/** @param {string} [peer] */
const create = (peer) => engine.createStore(peer, { timeToLive: 100, maxSkew: 50 });

test('values are read as they were set', () => {
  const [ann, ben] = [create('ann'), create('ben')];
  const values = [
    null,
    true,
    false,
    7,
    -7n,
    2n ** 60n,
    1.5,
    -0,
    Infinity,
    'text',
    '\ufefftext',
    new Uint8Array([0, 255]),
  ];
  for (const [i, value] of values.entries()) {
    assert.deepEqual(ann.set('n', String(i), value, 1), {
      namespace: 'n',
      key: String(i),
      value: typeof value === 'bigint' && value === -7n ? -7 : value,
      timestamp: 1,
      peer: 'ann',
    });
  }
  assert.deepEqual(ann.set('n', 'real', real(3), 1).value, real(3));
  const update = ann.takeUpdate();
  assert.ok(update);
  assert.deepEqual(ben.mergeUpdate(update, 1), ann.getAll('n'));
  assert.deepEqual(ben.getAll('n'), ann.getAll('n'));
  assert.ok(Number.isNaN(ann.set('n', 'nan', NaN, 2).value));
});

test('null is a value, and a removal has none', () => {
  const store = create('ann');
  assert.equal(store.set('n', 'k', null, 1).value, null);
  assert.deepEqual(store.remove('n', 'k', 2), { namespace: 'n', key: 'k', timestamp: 2, peer: 'ann' });
  assert.equal(store.get('n', 'k'), undefined);
  assert.equal(store.remove('n', 'k', 3), undefined);
  assert.deepEqual(store.mergeEntries([{ namespace: 'n', key: 'k', value: null, timestamp: 9, peer: 'ben' }], 9), [
    { namespace: 'n', key: 'k', value: null, timestamp: 9, peer: 'ben' },
  ]);
  assert.deepEqual(store.mergeEntries([{ namespace: 'n', key: 'k', timestamp: 10, peer: 'ben' }], 10), [
    { namespace: 'n', key: 'k', timestamp: 10, peer: 'ben' },
  ]);
});

test("the default time is the system's", () => {
  const store = engine.createStore();
  assert.match(store.peer(), /^[0-9a-f]{32}$/);
  const before = Date.now();
  const { timestamp } = store.set('n', 'k', 1);
  assert.ok(timestamp >= before && timestamp <= Date.now());
  assert.deepEqual(store.expire(), []);
  assert.equal(store.expire(timestamp + 30_000).length, 1);
  // At most ten minutes ahead.
  const entry = { namespace: 'n', key: 'k', value: 1, timestamp: timestamp + 600_000, peer: 'ben' };
  assert.equal(store.mergeEntries([entry], timestamp).length, 1);
  assert.throws(() => store.mergeEntries([{ ...entry, timestamp: timestamp + 600_001 }], timestamp), {
    name: 'InvalidArgumentError',
    message: /more than 600000 ms beyond the clock/,
  });
});

test('updates, snapshots, departure', () => {
  const [ann, ben] = [create('ann'), create('ben')];
  assert.equal(ann.takeUpdate(), undefined);
  ann.set('a', 'k', 1, 1);
  ann.set('b', 'k', 1, 1);
  assert.deepEqual(ann.namespaces(), ['a', 'b']);
  assert.equal(ben.mergeUpdate(ann.snapshot(['b']), 1).length, 1);
  assert.equal(ben.mergeUpdate(ann.snapshot(), 1).length, 1);
  assert.equal(ann.leave(2).length, 2);
  const update = ann.takeUpdate();
  assert.ok(update);
  assert.equal(ben.mergeUpdate(update, 2).length, 2);
  assert.deepEqual(ben.namespaces(), []);
  // Ben's clock is far behind now.
  ann.set('b', 'late', 1, 900_000);
  assert.equal(ben.refused(), 0);
  assert.deepEqual(ben.mergeUpdate(ann.snapshot(['b']), 2), []);
  assert.equal(ben.refused(), 1);
});

test('invalid arguments are rejected', () => {
  /** Arguments of wrong types are the point here. @type {any} */
  const store = create('ann');
  store.set('n', 'k', 1, 1);
  const before = store.snapshot();
  const entry = { namespace: 'n', key: 'k', value: 1, timestamp: 2, peer: 'ben' };
  /** @type {[call: () => void, message: RegExp][]} */
  const refused = [
    [() => /** @type {any} */ (engine).createStore(7), /^peer must be a string, not 7$/],
    [() => /** @type {any} */ (engine).createStore('a', { ttl: 1 }), /^options has no member "ttl"/],
    [() => /** @type {any} */ (engine).createStore('a', { timeToLive: '1' }), /^timeToLive must be a number of milli/],
    [() => engine.createStore('a', { timeToLive: 0 }), /the time to live is 0/],
    [() => engine.createStore('a', { maxSkew: -1 }), /skew is -1/],
    [() => store.set(1, 'k', 1), /^namespace must be a string, not 1$/],
    [() => store.set('n', undefined, 1), /^key must be a string/],
    [() => store.set('n', 1n, {}), /^key must be a string, not 1n$/],
    [() => store.mergeEntries([{ ...entry, key: 1n, value: {} }], 2), /^entries\[0\]: key must be a string, not 1n$/],
    [() => store.set('n', '\ud800', 1), /^key has a lone surrogate/],
    [() => store.set('n', 'k'), /^the value of "k" is undefined; use null, or leave it out$/],
    [() => store.set('n', 'k', {}), /^the value of "k" must be null, a boolean, number/],
    [() => store.set('n', 'k', 2 ** 60), /^the value of "k" is 1152921504606847000, beyond the safe integers/],
    [() => store.set('n', 'k', '\ud800'), /^the value of "k": the text has a lone surrogate/],
    [() => store.set('n', 'k', 1, '5'), /^now must be a number of milliseconds, not "5"$/],
    [() => store.set('n', 'k', 1, NaN), /the present time is NaN/],
    [() => store.set('', 'k', 1, 1), /the namespace is empty/],
    [() => store.remove('n', 1), /^key must be a string, not 1$/],
    [() => store.get('n'), /^key must be a string/],
    [() => store.getAll(), /^namespace must be a string/],
    [() => store.snapshot('n'), /^namespaces must be an array/],
    [() => store.snapshot([1]), /^namespaces\[0\] must be a string, not 1$/],
    [() => store.mergeEntries(entry), /^entries must be an array/],
    [() => store.mergeEntries([null]), /^entries\[0\] must be an object, not null$/],
    [() => store.mergeEntries([{ ...entry, peer: 1 }], 2), /^entries\[0\]: peer must be a string, not 1$/],
    [() => store.mergeEntries([{ ...entry, timestamp: '2' }], 2), /^entries\[0\]: timestamp must be a number of milli/],
    [() => store.mergeEntries([{ ...entry, timestamp: Infinity }], 2), /a timestamp is inf/],
    [() => store.raw.mergeEntries([{ ...entry, value: { tag: 'x' } }], 2), /^entries\[0\]: value has no case "x"$/],
    [() => store.raw.set('n', 'k', { tag: 'integer', val: 1 }, 2), /^integer must be a bigint/],
    [() => store.mergeUpdate('x'), /^update must be a Uint8Array/],
    [() => store.expire('x'), /^now must be a number of milliseconds/],
    [() => store.leave(-1), /the present time is -1/],
  ];
  for (const [call, message] of refused) {
    assert.throws(call, { name: 'InvalidArgumentError', message }, String(call));
    assert.deepEqual(store.snapshot(), before, String(call));
  }
  assert.throws(() => store.mergeUpdate(new Uint8Array(3)), { name: 'CorruptError' });
  assert.throws(() => store.set('n', 'k', 'x'.repeat(65_537)), { name: 'LimitExceededError' });
});

test('a store can be disposed twice', () => {
  const store = create('ann');
  store.dispose();
  store.dispose();
  assert.throws(() => store.peer(), { name: 'DisposedError', message: /^this store was disposed/ });
});
