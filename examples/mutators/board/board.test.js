// The task board in Node: the component that the Rust host runs, transpiled by jco, with the calls of tests/board.rs.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Mutators } from '../../../host-js/src/mutators.js';
import { open } from '../../../host-js/src/node.js';
import { transpiled } from '../../transpiled.js';

const { imports, instantiate, getCoreModule } = await transpiled('board.wasm');
const board = new Mutators(instantiate, getCoreModule);
const { Doc } = await open();

test('it imports the transaction alone', () => assert.deepEqual(imports, ['converge:sync/transactions']));

test('the calls give what they say, as in wasmtime', () => {
  const { calls, digest } = JSON.parse(readFileSync(new URL('../calls.json', import.meta.url), 'utf8'));
  const doc = Doc.create('ann');
  for (const { call, arguments: args, refused, wrote = true } of calls) {
    if (refused === undefined) {
      assert.equal(board.apply(doc, call, args) !== undefined, wrote, call);
    } else {
      assert.throws(() => board.apply(doc, call, args), { name: 'MutatorError', refused: true, message: refused });
    }
  }
  assert.equal(doc.digestHex(), digest);
});
