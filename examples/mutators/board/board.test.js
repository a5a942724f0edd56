// The task board in Node: the component that the Rust host runs, transpiled by jco, with the calls of tests/board.rs.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { transpile } from '../../../host-js/node_modules/@bytecodealliance/jco-transpile/dist/index.js';
import { Mutators } from '../../../host-js/src/mutators.js';
import { open } from '../../../host-js/src/node.js';

const target = new URL('../../../target/', import.meta.url);
const made = new URL('board/', target);

mkdirSync(made, { recursive: true });
const { files, imports } = await transpile(fileURLToPath(new URL('board.wasm', target)), {
  name: 'board',
  instantiation: 'sync',
  strict: true,
  base64Cutoff: 0,
  emitTypescriptDeclarations: false,
});
for (const [name, bytes] of Object.entries(files)) {
  writeFileSync(new URL(name, made), bytes);
}
const { instantiate } = await import(new URL('board.js', made).href);
const board = new Mutators(instantiate, (file) => new WebAssembly.Module(readFileSync(new URL(file, made))));
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
