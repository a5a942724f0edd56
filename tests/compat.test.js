// The replacement for `mizchi:converge` in jco, with its default options, as existing programs use it.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { transpile } from '@bytecodealliance/jco-transpile';

/**
 * @typedef {{ id: { peer: string, counter: number }, deps: unknown[], lamport: number,
 *   op: { tag: string, val: { rowId: string } } }} Event
 */

const made = fileURLToPath(new URL('../target/compat/', import.meta.url));
const { files, imports } = await transpile(fileURLToPath(new URL('../target/compat.wasm', import.meta.url)), {
  name: 'compat',
});
for (const [name, bytes] of Object.entries(files)) {
  const file = made + name;
  mkdirSync(file.slice(0, file.lastIndexOf('/')), { recursive: true });
  writeFileSync(file, bytes);
}

test('the component imports nothing', () => assert.deepEqual(imports, []));

test('an existing program of the interface runs unchanged', async () => {
  // By URL, because the type checker runs before the module that the program imports is generated.
  const { run } = await import(new URL('compat/program.js', import.meta.url).href);
  const { events, pulled, rows, states, cursor, changed, unknown, none } = run();
  assert.deepEqual(
    events.map((/** @type {Event} */ { id, deps, lamport, op }) => [
      id.peer,
      id.counter,
      deps.length,
      lamport,
      op.tag,
      op.val.rowId,
    ]),
    [
      ['ann', 0, 0, 1, 'insert', 't1'],
      ['ann', 1, 1, 2, 'insert', 't2'],
    ],
  );
  assert.deepEqual(pulled, [2, 1, 0]);
  assert.deepEqual(rows[0], { t1: { title: 'Write it down', done: false, weight: 2 } });
  assert.deepEqual(rows[1], rows[0]);
  assert.deepEqual(states[1], states[0]);
  assert.deepEqual(states[0].versions, [
    { peer: 'ann', version: 2 },
    { peer: 'ben', version: 1 },
  ]);
  const val = { tag: 'val-str', val: 't1' };
  assert.deepEqual({ ...cursor }, { key: 'ann', val, timestamp: 1_700_000_000_000, peer: 'ann' });
  assert.deepEqual([changed, unknown, none], [1, { peer: '', counter: -1 }, undefined]);
});
