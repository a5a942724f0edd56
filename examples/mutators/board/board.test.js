// The task board in Node.js: the component that the Rust host runs, transpiled by jco, with the calls of tests/board.rs.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Mutators } from '../../../host-js/src/mutators.js';
import { MutatorError, open } from '../../../host-js/src/node.js';
import { transpiled } from '../../transpiled.js';

const engine = await open();

test('it imports the transaction alone', async () => {
  assert.deepEqual((await transpiled('board.wasm')).imports, ['converge:sync/transactions']);
});

for (const asByCli of [false, true]) {
  test(`transpiled by ${asByCli ? 'the CLI' : 'the library'} of jco, it does and rejects what it does in wasmtime`, async () => {
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
