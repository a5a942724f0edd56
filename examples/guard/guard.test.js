// The guard in Node.js. The parts are transpiled one by one and linked here, because in what jco makes of the composite of wac a
// resource that JavaScript holds cannot be passed on to another component.

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

/** The conformance cases that are run here, some of every kind; wasmtime runs all of them. */
const FOLDERS = ['commit', 'fork', 'peek', 'transaction', 'update-reader', 'values', 'waiting', 'watch'];

test('in a composite, jco cannot pass a resource that JavaScript holds on to another component: still so', async () => {
  const { durable, ephemeral, session } = (await transpiled('guard.wasm')).start();
  const doc = durable.Doc.create('ann');
  const store = ephemeral.Store.create('ann', { timeToLive: 1_000, maxSkew: 1_000 });
  // The document is the guard's and goes to the guard; the store is the engine's, and would go to the guard.
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
  test(`linked here, transpiled by ${asByCli ? 'the CLI' : 'the library'} of jco, its rules hold for all writes`, async () => {
    await checkRules(await guard('board-schema', { asByCli }));
  });
}

/**
 * Checks that the guard refuses what breaks the rules of the board, whether it is written here or received.
 *
 * @param {Front} front
 */
async function checkRules(front) {
  const [free, guarded] = [await open(), await open(undefined, { front })];
  const [ann, ben] = [guarded.create('ann'), free.create('ben')];
  const refused = (rule) => ({
    name: 'InvalidArgumentError',
    message: new RegExp(`^the schema's rule "${rule}" refuses`),
  });
  assert.throws(() => ann.insert('notes', 'n', { x: 1 }), refused('table'));
  assert.throws(() => ann.insert('columns', 'todo', {}), refused('required'));
  ann.insert('columns', 'todo', { name: 'To do' });
  const task = { title: 'Write it down', column: 'todo' };
  assert.throws(
    () => ann.transact((to) => to.insert('tasks', 't', { ...task, column: 'gone' })),
    refused('references'),
  );
  ann.transact((to) => to.insert('tasks', 't', task));
  ben.mergeUpdate(ann.updateSince());
  ben.update('tasks', 't', { done: true });
  ann.mergeUpdate(ben.updateSince());

  const sides = [
    [free, ben],
    [guarded, ann],
  ].map(([engine, doc]) => engine.openSession(doc, engine.createStore(doc.peer()), { document: 'board' }));
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
  assert.throws(carry, refused('type'));
  assert.throws(() => to.poll(0), { name: 'SessionEndedError' });
  assert.equal(ann.get('tasks', 't')?.votes, undefined);
  assert.equal(guarded.gone, false);
}

test('linked here, with a schema that allows everything, it is the engine', async () => {
  const front = await guard('anything');
  const cases = new URL('../../tests/conformance/', import.meta.url);
  const expected = new Map(
    readFileSync(new URL('conformance/native.txt', target), 'utf8')
      .split('\n')
      .map((line) => line.match(/^(\S+ \S+) ([^]*)$/)?.slice(1) ?? []),
  );
  const module = new WebAssembly.Module(
    readFileSync(new URL('../../host-js/dist/converge.core.wasm', import.meta.url)),
  );
  let steps = 0;
  for (const folder of FOLDERS) {
    for (const file of readdirSync(new URL(`${folder}/`, cases)).sort()) {
      const name = `${folder}/${file.replace('.json', '')}`;
      const { steps: given } = expand(JSON.parse(readFileSync(new URL(`${name}.json`, cases), 'utf8')));
      const scene = new Scene(await open(module, { front }));
      for (const [place, step] of given.entries()) {
        check(`${name} ${place + 1}`, runStep(scene, step));
      }
      check(`${name} end`, checkEnd(scene));
      scene[Symbol.dispose]();
    }
  }
  assert.ok(steps > 300, `${steps} steps`);

  function check(step, result) {
    const [text, told] = [canonical(result), expected.get(step)];
    // Of long results the transcript has the length and a hash.
    if (Buffer.byteLength(text) <= 4_096) assert.equal(text, told, step);
    steps++;
  }
});
