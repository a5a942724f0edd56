// Copies of the package's objects by `structuredClone`, `postMessage`, `JSON.stringify` and spread syntax.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Mutators } from '../src/mutators.js';
import { open } from '../src/node.js';

const engine = await open();
const doc = engine.create('ann');
doc.insert('t', 'r', { x: 1 });
const store = engine.createStore('ann');
const session = engine.openSession(doc, store, { document: 'd' });
const mutators = new Mutators(() => ({ mutators: { names: () => [] } }), assert.fail);

/** @type {[object: object, message: RegExp][]} */
const OBJECTS = [
  [doc, /^a document cannot be cloned, .*; send the bytes of save\(\) or updateSince\(\)$/],
  [doc.raw, /^a document cannot/],
  [doc.watch(), /^a watcher cannot .*; send what take\(\) returns$/],
  [doc.watch().raw, /^a watcher cannot/],
  [doc.openText('t', 'r', 'c'), /^a view cannot .*; send what read\(\) or take\(\) returns$/],
  [doc.openText('t', 'r', 'c').raw, /^a view cannot/],
  [doc.begin(), /^a transaction cannot .*; commit it and send the event$/],
  [doc.begin().raw, /^a transaction cannot/],
  [store, /^a store cannot .*; send the bytes of snapshot\(\) or takeUpdate\(\)$/],
  [store.raw, /^a store cannot/],
  [session, /^a session cannot .*; send its messages$/],
  [session.raw, /^a session cannot/],
  [engine, /^an engine cannot .*; send the compiled module and open\(\) it there$/],
  [mutators, /^a set of mutators cannot .*; send the compiled modules$/],
];

for (const [object, message] of OBJECTS) {
  test(`a copy of ${object.constructor.name} ${message} is rejected`, () => {
    const { port1, port2 } = new MessageChannel();
    for (const copy of [
      () => structuredClone(object),
      () => structuredClone({ nested: [object] }),
      () => port1.postMessage(object),
      () => JSON.stringify(object),
      () => ({ ...object }),
    ]) {
      assert.throws(copy, (error) => {
        assert.match(/** @type {Error} */ (error).message, message);
        return true;
      });
    }
    port1.close();
    port2.close();
    assert.equal(typeof inspect(object), 'string');
  });
}

test('a cloned error keeps its message, and its case as the cause', () => {
  /** @type {any} */
  let error;
  assert.throws(
    () => doc.update('t', 'nix', {}),
    (/** @type {any} */ thrown) => {
      error = thrown;
      return true;
    },
  );
  const clone = structuredClone(error);
  assert.ok(clone instanceof Error);
  assert.equal(clone.message, error.message);
  assert.deepEqual(clone.cause, { tag: error.case, val: error.payload });
});
