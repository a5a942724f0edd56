// The task board in Node.js: transpiles the component that the Rust host runs, and makes the calls of tests/board.rs.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Mutators } from '../../../host-js/src/mutators.js';
import { MutatorError, open } from '../../../host-js/src/node.js';
import { transpiled } from '../../transpiled.js';

const engine = await open();

test('the component imports only transactions', async () => {
  assert.deepEqual((await transpiled('board.wasm')).imports, ['converge:sync/transactions']);
});

for (const asByCli of [false, true]) {
  test(`calls return the same results as in wasmtime if ${asByCli ? 'the CLI' : 'the library'} of jco transpiled it`, async () => {
    const { instantiate, getCoreModule } = await transpiled('board.wasm', { asByCli });
    const board = new Mutators(instantiate, getCoreModule);
    const { calls, digest } = JSON.parse(readFileSync(new URL('../calls.json', import.meta.url), 'utf8'));
    const doc = engine.create('ann');
    for (const { call, arguments: args, caller, error, wrote = true } of calls) {
      if (error === undefined) {
        assert.equal(board.apply(doc, call, args, { caller }) !== undefined, wrote, call);
        continue;
      }
      const [[name, text]] = Object.entries(error);
      assert.throws(
        () => board.apply(doc, call, args, { caller }),
        (thrown) => thrown instanceof MutatorError && thrown.case === name && thrown.message.includes(text ?? ''),
        call,
      );
    }
    assert.equal(doc.digestHex(), digest);
  });
}
