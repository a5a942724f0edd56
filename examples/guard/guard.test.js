// The guard in Node.js. jco cannot pass a resource that JavaScript holds to another component of a composition, so the parts
// are transpiled one by one and linked here.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { canonical, expand } from '../../host-js/conformance/notation.js';
import { checkEnd } from '../../host-js/conformance/lasting.js';
import { Scene, runStep } from '../../host-js/conformance/runner.js';
import { open } from '../../host-js/src/node.js';
import { target, transpiled } from '../transpiled.js';
import { guard } from './link.js';

/** @import { Front } from '../../host-js/src/types.js' */
/** @import { Json } from '../../host-js/conformance/notation.js' */

/** The folders of the conformance cases that run here; in wasmtime all cases run. */
const FOLDERS = [
  'add',
  'commit',
  'fork',
  'peek',
  'splice',
  'transaction',
  'update-reader',
  'values',
  'waiting',
  'watch',
];

test('jco still cannot pass a resource that JavaScript holds to another component of a composition', async () => {
  const { durable, ephemeral, session } = (await transpiled('guard.wasm')).start();
  const doc = durable.Doc.create('ann');
  const store = ephemeral.Store.create('ann', { timeToLive: 1_000, maxSkew: 1_000 });
  // The document is a resource of the guard, the store one of the engine. Passing the store to the guard fails.
  doc.commitTransaction(doc.begin());
  const options = {
    document: 'd',
    nonce: 1n,
    maxMessageBytes: 65_536,
    namespaces: [],
    readOnly: false,
    accept: { events: true, entries: true, documents: true },
    writers: [],
  };
  assert.throws(() => session.Session.open(doc, store, options), {
    name: 'TypeError',
    message: 'Resource error: Not a valid "Store" resource.',
  });
});

for (const asByCli of [false, true]) {
  test(`the rules apply to all writes if ${asByCli ? 'the CLI' : 'the library'} of jco transpiled the parts`, async () => {
    await checkRules(await guard('board-schema', { asByCli }));
  });
}

/**
 * Checks that the guard rejects local and received writes that break the rules of the board.
 *
 * @param {Front} front
 */
async function checkRules(front) {
  const [free, guarded] = [await open(), await open(undefined, { front })];
  const [ann, ben] = [guarded.create('ann'), free.create('ben')];
  const rejected = (/** @type {string} */ rule) => ({
    name: 'InvalidArgumentError',
    message: new RegExp(`^the schema's rule "${rule}" rejects`),
  });
  assert.throws(() => ann.insert('notes', 'n', { x: 1 }), rejected('table'));
  assert.throws(() => ann.insert('columns', 'todo', {}), rejected('required'));
  ann.insert('columns', 'todo', { name: 'To do' });
  const task = { title: 'Write it down', column: 'todo' };
  assert.throws(
    () => ann.transact((to) => to.insert('tasks', 't', { ...task, column: 'gone' })),
    rejected('references'),
  );
  ann.transact((to) => to.insert('tasks', 't', task));
  ben.mergeUpdate(ann.updateSince());
  assert.throws(() => ann.add('tasks', 't', 'title', 1), rejected('type'));
  assert.throws(() => ann.transact((to) => to.add('notes', 'n', 'x', 1)), rejected('table'));
  ann.add('tasks', 't', 'votes', 1);
  ann.transact((to) => to.add('tasks', 't', 'votes', 1n));
  ben.add('tasks', 't', 'votes', -3);
  ben.update('tasks', 't', { done: true });
  ann.mergeUpdate(ben.updateSince());

  const sides = /** @type {const} */ ([
    [free, ben],
    [guarded, ann],
  ]).map(([engine, doc]) => engine.openSession(doc, engine.createStore(doc.peer()), { document: 'board' }));
  const [from, to] = sides;
  const carry = () => {
    for (let quiet = false; !quiet;) {
      quiet = true;
      for (const [one, other] of [sides, [to, from]]) {
        for (const message of one.messages(0)) {
          other.receive(message, 0);
          quiet = false;
        }
      }
    }
  };
  carry();
  assert.equal(ann.digestHex(), ben.digestHex());
  ben.update('tasks', 't', { votes: 1.5 });
  assert.throws(carry, rejected('type'));
  assert.throws(() => to.poll(0), { name: 'SessionEndedError' });
  assert.equal(ann.get('tasks', 't')?.votes, -1);
  assert.equal(guarded.gone, false);
}

test('with a schema that allows everything, the guard behaves like the engine', async () => {
  const front = await guard('anything');
  const cases = new URL('../../tests/conformance/', import.meta.url);
  const expected = new Map(
    readFileSync(new URL('conformance/native.txt', target), 'utf8')
      .split('\n')
      .map((line) => /** @type {[string, string]} */ (line.match(/^(\S+ \S+) ([^]*)$/)?.slice(1) ?? [])),
  );
  const module = new WebAssembly.Module(
    readFileSync(new URL('../../host-js/dist/converge.core.wasm', import.meta.url)),
  );
  let steps = 0;
  for (const folder of FOLDERS) {
    for (const file of readdirSync(new URL(`${folder}/`, cases)).sort()) {
      const name = `${folder}/${file.replace('.json', '')}`;
      const json = expand(JSON.parse(readFileSync(new URL(`${name}.json`, cases), 'utf8')));
      const { steps: given } = /** @type {{ steps: Json[] }} */ (json);
      const scene = new Scene(await open(module, { front }));
      for (const [place, step] of given.entries()) {
        check(`${name} ${place + 1}`, runStep(scene, step));
      }
      check(`${name} end`, checkEnd(scene));
      scene[Symbol.dispose]();
    }
  }
  assert.ok(steps > 300, `${steps} steps`);

  /** @type {(step: string, result: Json) => void} */
  function check(step, result) {
    const text = canonical(result);
    // For longer results, the transcript contains only the length and a hash.
    if (Buffer.byteLength(text) <= 4_096) assert.equal(text, expected.get(step), step);
    steps++;
  }
});
