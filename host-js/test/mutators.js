// Calls of mutators: the transaction that they use, and their errors. JavaScript functions replace
// transpiled components; `examples/mutators` runs real ones.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mutators } from '../src/mutators.js';
import { NoSuchRowError, open } from '../src/node.js';

/** @import { Transaction } from '../dist/wit/interfaces/converge-sync-transactions.js' */
/** @import { Cell, Value } from '../dist/wit/interfaces/converge-sync-types.js' */
/** @import { Call } from '../src/mutators.js' */

const engine = await open();
const CELLS = [{ column: 'x', value: { tag: 'integer', val: 1n } }];

/** @param {Record<string, (transaction: Transaction, args: Value[], caller?: string) => void>} functions */
function mutators(functions) {
  const names = () => Object.keys(functions);
  const apply = (/** @type {Transaction} */ lent, /** @type {Call} */ { name, arguments: args, caller }) =>
    functions[name]?.(lent, args, caller);
  return new Mutators(() => ({ mutators: { names, apply } }), assert.fail);
}

const cells = /** @type {Cell[]} */ (CELLS);

test('a mutator reads its writes, which become one event', () => {
  const doc = engine.create('ann');
  doc.insert('t', 'old', { x: 1 });
  const two = mutators({
    two(lent, args) {
      assert.deepEqual(args, [{ tag: 'text', val: 'a' }, { tag: 'null' }, { tag: 'integer', val: 7n }]);
      lent.insert('t', 'a', cells);
      lent.update('t', 'a', [{ column: 'y', value: { tag: 'null' } }]);
      lent.delete('t', 'old');
      lent.insert('t', 'b', cells);
      lent.unset('t', 'b', ['x']);
      lent.add('t', 'b', 'n', 2n);
      assert.deepEqual(lent.get('t', 'b'), [{ column: 'n', value: { tag: 'integer', val: 2n } }]);
      lent.splice('t', 'b', 's', 0, 0, 'abc');
      lent.splice('t', 'b', 's', 1, 1, '-');
      assert.deepEqual(lent.get('t', 'b')?.at(-1), { column: 's', value: { tag: 'text', val: 'a-c' } });
      lent.unset('t', 'b', ['n', 's']);
      assert.deepEqual(lent.get('t', 'b'), []);
      lent.delete('t', 'b');
      assert.deepEqual(
        lent.touched().map(({ row }) => row),
        ['a', 'b', 'old'],
      );
      assert.deepEqual(lent.get('t', 'a')?.length, 2);
      assert.equal(lent.get('t', 'b'), undefined);
      const options = { range: /** @type {const} */ ({ tag: 'all' }), descending: false, limit: 9, columns: [] };
      assert.deepEqual(
        lent.scan('t', options).rows.map(({ id }) => id),
        ['a'],
      );
    },
    nothing() {},
  });
  assert.deepEqual(two.names, ['two', 'nothing']);
  assert.deepEqual(two.apply(doc, 'two', ['a', null, 7]), { peer: 'ann', counter: 1 });
  assert.equal(two.apply(doc, 'nothing'), undefined);
});

test('errors of the engine have the case of the contract', () => {
  /** @type {unknown[]} */
  const caught = [];
  const refused = mutators({
    refused(lent) {
      for (const call of [
        () => lent.update('t', 'none', cells),
        () => lent.delete('t', 'none'),
        () => lent.unset('t', 'none', ['x']),
        () => lent.splice('t', 'none', 'x', 0, 0, ''),
        () => lent.add('t', 'none', 'x', 1n),
        () => lent.insert('t', 'x'.repeat(70_000), cells),
        () => lent.insert('', 'a', cells),
      ]) {
        try {
          call();
        } catch (error) {
          caught.push(/** @type {{ tag: string }} */ (error).tag);
        }
      }
    },
  });
  assert.equal(refused.apply(engine.create('ann'), 'refused'), undefined);
  const missing = ['no-such-row', 'no-such-row', 'no-such-row', 'no-such-row', 'no-such-row'];
  assert.deepEqual(caught, [...missing, 'limit-exceeded', 'invalid-argument']);
});

test('a mutator that fails commits nothing', () => {
  const doc = engine.create('ann');
  /** @type {Record<string, unknown>} */
  const thrown = {
    reject: { tag: 'rejected', val: 'not today' },
    misuse: { tag: 'invalid-arguments', val: 'a title is missing' },
    unknown: { tag: 'unknown-mutator' },
    fail: { tag: 'failed', val: { tag: 'no-such-row', val: { table: 't', row: 'r' } } },
    trap: new WebAssembly.RuntimeError('unreachable'),
    lie: { tag: 'failed', val: 'why' },
  };
  const failing = mutators(
    Object.fromEntries(
      Object.entries(thrown).map(([name, error]) => [
        name,
        (lent) => {
          lent.insert('t', 'a', cells);
          throw error;
        },
      ]),
    ),
  );
  const name = 'MutatorError';
  for (const [mutator, errorCase, message] of /** @type {const} */ ([
    ['reject', 'rejected', /^not today$/],
    ['misuse', 'invalid-arguments', /^the mutator misuse does not accept these arguments: a title is missing$/],
    ['unknown', 'unknown-mutator', /^no mutator is named "unknown"; the mutators are reject, /],
    ['fail', 'failed', /^the mutator fail failed: table "t" has no row "r"$/],
    ['trap', 'stopped', /^the mutator trap stopped in the middle of the call \(.*unreachable\)$/],
    ['lie', 'stopped', /^the mutator lie stopped/],
  ])) {
    assert.throws(() => failing.apply(doc, mutator), { name, mutator, case: errorCase, message });
  }
  assert.throws(
    () => failing.apply(doc, 'fail'),
    ({ cause }) => cause instanceof NoSuchRowError,
  );
  assert.deepEqual([doc.version(), doc.get('t', 'a')], [[], undefined]);
});

test('a mutator is passed the caller on whose behalf it runs', () => {
  const doc = engine.create('ann');
  /** @type {unknown[]} */
  const callers = [];
  const one = mutators({ one: (_, __, caller) => void callers.push(caller) });
  one.apply(doc, 'one');
  one.apply(doc, 'one', [], { caller: 'ann' });
  assert.deepEqual(callers, [undefined, 'ann']);
  const name = 'InvalidArgumentError';
  assert.throws(() => one.apply(doc, 'one', [], /** @type {any} */ ({ caller: 1 })), {
    name,
    message: /^caller must be/,
  });
  assert.throws(() => one.apply(doc, 'one', [], /** @type {any} */ ('ann')), {
    name,
    message: /^options must be an obj/,
  });
});

/** The error that glue from the jco CLI throws for the error of a `result`. */
class ComponentError extends Error {
  /** @param {unknown} value */
  constructor(value) {
    super(String(value));
    Object.defineProperty(this, 'payload', { value });
  }
}

test('a rejection by a mutator that the jco CLI transpiled is recognized', () => {
  const doc = engine.create('ann');
  const refusing = mutators({
    refuse() {
      throw new ComponentError({ tag: 'rejected', val: 'not today' });
    },
  });
  assert.throws(() => refusing.apply(doc, 'refuse'), { name: 'MutatorError', case: 'rejected', message: 'not today' });
});

test('an error of a front that the jco CLI transpiled is recognized, and the documents still work', async () => {
  /** @type {import('../src/types.js').Front} */
  const front = ({ durable }) => ({
    durable: {
      ...durable,
      Doc: /** @type {any} */ (
        class {
          static create() {
            return new this();
          }
          update() {
            throw new ComponentError({ tag: 'no-such-row', val: { table: 't', row: 'r' } });
          }
          delete() {
            throw new ComponentError(new WebAssembly.RuntimeError('unreachable'));
          }
        }
      ),
    },
  });
  const engine = await open(undefined, { front });
  const doc = engine.create('ann');
  assert.throws(() => doc.update('t', 'r', {}), { name: 'NoSuchRowError' });
  assert.equal(engine.gone, false);
  assert.throws(() => doc.delete('t', 'r'), { name: 'GoneError' });
});

test('the error of an invalid call names the problem', () => {
  const one = mutators({ one() {} });
  const doc = engine.create('ann');
  const name = 'InvalidArgumentError';
  assert.throws(() => one.apply(doc, 'two'), {
    name: 'MutatorError',
    case: 'unknown-mutator',
    message: 'no mutator is named "two"; the mutators are one',
  });
  assert.throws(() => one.apply(doc, /** @type {any} */ (1)), { name, message: 'name must be a string, not 1' });
  assert.throws(() => one.apply(/** @type {any} */ ({}), 'one'), { name, message: /takes a document/ });
  assert.throws(() => one.apply(doc, 'one', [/** @type {any} */ (undefined)]), {
    name,
    message: /argument 1 is undefined/,
  });
  assert.throws(() => one.apply(doc, 'one', /** @type {any} */ ('a')), { name, message: /must be an array/ });
  assert.throws(() => new Mutators(() => ({}), assert.fail), {
    name,
    message: /^the component does not implement the world mutator/,
  });
  doc.dispose();
  assert.throws(() => one.apply(doc, 'one'), { name: 'DisposedError' });
});
