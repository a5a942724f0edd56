// Mutators as the package calls them: what they are lent, and what comes of those that go wrong. Stand-ins for what jco makes of a
// component; components are run in `examples/mutators`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mutators } from '../src/mutators.js';
import { open } from '../src/node.js';

/** @import { Transaction } from '../dist/wit/interfaces/converge-sync-transactions.js' */
/** @import { Cell, Value } from '../dist/wit/interfaces/converge-sync-types.js' */

const { Doc } = await open();
const CELLS = [{ column: 'x', value: { tag: 'integer', val: 1n } }];

/** @param {Record<string, (transaction: Transaction, args: Value[]) => void>} functions */
function mutators(functions) {
  const names = () => Object.keys(functions);
  const apply = (/** @type {Transaction} */ lent, /** @type {string} */ name, /** @type {Value[]} */ args) =>
    functions[name]?.(lent, args);
  return new Mutators(() => ({ mutators: { names, apply } }), assert.fail);
}

const cells = /** @type {Cell[]} */ (CELLS);

test('a mutator reads its writes, which become one event', () => {
  const doc = Doc.create('ann');
  doc.insert('t', 'old', { x: 1 });
  const two = mutators({
    two(lent, args) {
      assert.deepEqual(args, [{ tag: 'text', val: 'a' }, { tag: 'null' }, { tag: 'integer', val: 7n }]);
      lent.insert('t', 'a', cells);
      lent.update('t', 'a', [{ column: 'y', value: { tag: 'null' } }]);
      lent.delete('t', 'old');
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

test('what the engine refuses carries the case of the contract', () => {
  /** @type {unknown[]} */
  const caught = [];
  const refused = mutators({
    refused(lent) {
      for (const call of [
        () => lent.update('t', 'none', cells),
        () => lent.delete('t', 'none'),
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
  assert.equal(refused.apply(Doc.create('ann'), 'refused'), undefined);
  assert.deepEqual(caught, ['no-such-row', 'no-such-row', 'limit-exceeded', 'invalid-argument']);
});

test('who refuses or stops commits nothing', () => {
  const doc = Doc.create('ann');
  const failing = mutators({
    refuse(lent) {
      lent.insert('t', 'a', cells);
      throw 'not today';
    },
    stop(lent) {
      lent.insert('t', 'a', cells);
      throw new WebAssembly.RuntimeError('unreachable');
    },
  });
  const name = 'MutatorError';
  assert.throws(() => failing.apply(doc, 'refuse'), { name, refused: true, mutator: 'refuse', message: 'not today' });
  assert.throws(() => failing.apply(doc, 'stop'), { name, refused: false, message: /stopped.*unreachable/ });
  assert.deepEqual([doc.version(), doc.get('t', 'a')], [[], undefined]);
});

test('whoever calls wrongly learns how', () => {
  const one = mutators({ one() {} });
  const doc = Doc.create('ann');
  const name = 'InvalidArgumentError';
  assert.throws(() => one.apply(doc, 'two'), { name, message: 'no mutator is named "two"; there are one' });
  assert.throws(() => one.apply(/** @type {any} */ ({}), 'one'), { name, message: /takes a document/ });
  assert.throws(() => one.apply(doc, 'one', [/** @type {any} */ (undefined)]), {
    name,
    message: /argument 1 is undefined/,
  });
  assert.throws(() => one.apply(doc, 'one', /** @type {any} */ ('a')), { name, message: /must be an array/ });
  assert.throws(() => new Mutators(() => ({}), assert.fail), {
    name,
    message: /^this is no component of the world mutator/,
  });
  doc.dispose();
  assert.throws(() => one.apply(doc, 'one'), { name: 'DisposedError' });
});
