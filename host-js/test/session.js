// Sessions in JavaScript.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open } from '../src/node.js';
import { readFile } from 'node:fs/promises';

/** @import { Session } from '../src/session.js' */

const module = await WebAssembly.compile(await readFile(new URL('../dist/converge.core.wasm', import.meta.url)));
const engine = await open(module);
const elsewhere = await open(module);

/**
 * @param {string} peer
 * @param {typeof engine} [of]
 * @param {Partial<import('../src/types.js').SessionOptions>} [options]
 */
function side(peer, of = engine, options = {}) {
  const [doc, store] = [of.create(peer), of.createStore(peer)];
  return { doc, store, session: of.openSession(doc, store, { document: 'notes', ...options }) };
}

/**
 * @param {Session} one
 * @param {Session} other
 */
function carry(one, other) {
  let messages = 0;
  for (let isQuiet = false; !isQuiet;) {
    isQuiet = true;
    for (const [from, to] of [
      [one, other],
      [other, one],
    ]) {
      for (const message of from?.messages(1000) ?? []) {
        to?.receive(message, 1000);
        messages++;
        isQuiet = false;
      }
    }
  }
  return messages;
}

test('a session between two engines synchronizes them', () => {
  const [ann, ben] = [side('ann'), side('ben', elsewhere)];
  ann.doc.insert('t', 'a', { n: 1 });
  ben.doc.insert('t', 'b', { n: 2 });
  ann.store.set('cursors', 'ann', 'a', 1000);
  assert.deepEqual(ann.session.progress(), { knownThere: [], unsent: 1, awaited: 0, inSync: false });
  assert.ok(carry(ann.session, ben.session) > 2);
  assert.equal(ann.doc.digestHex(), ben.doc.digestHex());
  assert.deepEqual(ben.store.getAll('cursors'), ann.store.getAll('cursors'));
  const knownThere = ann.doc.version();
  assert.deepEqual(ben.session.progress(), { knownThere, unsent: 0, awaited: 0, inSync: true });
  assert.equal(carry(ann.session, ben.session), 0);
  assert.equal(ann.session.poll(), undefined);
});

test('receive returns the changes as plain values', () => {
  const [ann, ben] = [side('ann'), side('ben')];
  carry(ann.session, ben.session);
  ann.doc.insert('t', 'r', { n: 1 });
  ann.store.set('n', 'far', 1, 1e9);
  ann.store.set('n', 'near', 'x', 1000);
  const received = [...ann.session.messages(1000)].map((message) => ben.session.receive(message, 1000));
  assert.deepEqual(received, [
    {
      durable: undefined,
      ephemeral: [{ namespace: 'n', key: 'near', value: 'x', timestamp: 1000, peer: 'ann' }],
      refused: 1,
    },
    {
      durable: { applied: 1, duplicate: 0, waiting: 0, dropped: 0, missing: [], forked: [] },
      ephemeral: [],
      refused: 0,
    },
  ]);
});

test('options: namespaces, small messages, read-only', () => {
  const ann = side('ann', engine, { maxMessageBytes: 64 });
  const ben = side('ben', engine, { namespaces: ['wanted'], readOnly: true });
  ann.store.set('wanted', 'k', 1, 1000);
  ann.store.set('other', 'k', 1, 1000);
  ann.doc.insert('t', 'r', { text: 'x'.repeat(1000) });
  ben.doc.insert('t', 'own', {});
  assert.ok(carry(ann.session, ben.session) > 16);
  assert.deepEqual(ben.store.namespaces(), ['wanted']);
  assert.ok(ben.doc.get('t', 'r') && !ann.doc.get('t', 'own'));
});

test('a side that lost its session opens another on the same connection', () => {
  const [ann, ben] = [side('ann'), side('ben', elsewhere)];
  ann.doc.insert('t', 'a', {});
  carry(ann.session, ben.session);
  ann.session.dispose();
  ann.doc.insert('t', 'b', {});
  ben.doc.insert('t', 'c', {});
  const again = engine.openSession(ann.doc, ann.store, { document: 'notes' });
  carry(again, ben.session);
  assert.ok(again.progress().inSync && ben.session.progress().inSync);
  assert.equal(ann.doc.digestHex(), ben.doc.digestHex());
  assert.deepEqual([...ann.doc.rows('t')].length, 3);
});

test('a side accepts only what its options allow', () => {
  const writers = side('ben', engine, { writers: ['ben', 'cleo/*'] });
  const ann = side('ann');
  ann.store.set('n', 'k', 1, 1000);
  assert.equal(carryEntries(ann.session, writers.session), 1);
  assert.deepEqual(writers.store.getAll('n'), []);
  ann.doc.insert('t', 'r', {});
  assert.throws(() => carry(ann.session, writers.session), { name: 'ProtocolError', message: /ann/ });
  assert.deepEqual(writers.doc.version(), []);

  const [cleo, again] = [side('cleo/phone'), side('ben', engine, { writers: ['ben', 'cleo/*'] })];
  cleo.doc.insert('t', 'r', {});
  carry(cleo.session, again.session);
  assert.equal(again.doc.digestHex(), cleo.doc.digestHex());
});

/**
 * Exchanges messages until there are none. Returns the number of entries that were skipped.
 *
 * @param {Session} from
 * @param {Session} to
 */
function carryEntries(from, to) {
  let refused = 0;
  for (let round = 0; round < 4; round++) {
    for (const message of from.messages(1000)) refused += to.receive(message, 1000).refused;
    for (const message of to.messages(1000)) refused += from.receive(message, 1000).refused;
  }
  return refused;
}

test('a session keeps the memory of its document and store', () => {
  const [ann, ben] = [side('ann'), side('ben')];
  ann.doc.insert('t', 'r', { n: 1 });
  ben.doc.dispose();
  ben.store.dispose();
  carry(ann.session, ben.session);
  assert.deepEqual(ben.session.progress().knownThere, ann.doc.version());
  ben.session.dispose();
  ben.session.dispose();
  assert.throws(() => ben.session.poll(), { name: 'DisposedError', message: /^this session was disposed/ });
});

test('invalid arguments are rejected', () => {
  const { doc, store, session } = side('ann');
  const other = side('ben', elsewhere);
  /** Arguments of wrong types are the point here. @type {any} */
  const any = engine;
  /** @type {[call: () => void, message: RegExp][]} */
  const refused = [
    [() => any.openSession(), /^options must be an object, not undefined$/],
    [
      () => any.openSession(undefined, store, { document: 'd' }),
      /^doc must be a document of this package, not undefined$/,
    ],
    [() => any.openSession(doc, doc, { document: 'd' }), /^store must be a store of this package, not a Doc$/],
    [
      () => any.openSession(doc, other.store, { document: 'd' }),
      /^the store belongs to another engine; create all objects of a call with the same engine$/,
    ],
    [() => any.openSession(doc, store, {}), /^document must be a string, not undefined$/],
    [() => any.openSession(doc, store, { document: 'd', namespace: 'n' }), /^options has no member "namespace"/],
    [() => any.openSession(doc, store, { document: 'd', maxMessageBytes: 1.5 }), /^maxMessageBytes must be an integer/],
    [() => any.openSession(doc, store, { document: 'd', maxMessageBytes: 63 }), /give at least 64/],
    [() => any.openSession(doc, store, { document: 'd', namespaces: [1] }), /^namespaces\[0\] must be a string/],
    [() => any.openSession(doc, store, { document: 'd', readOnly: 1 }), /^readOnly must be true or false, not 1$/],
    [() => any.openSession(doc, store, { document: '' }), /the document name is empty/],
    [
      () => any.openSession(doc, store, { document: 'd', nonce: 1 }),
      /^nonce must be a bigint from 0n to 2n \*\* 64n - 1n, not 1$/,
    ],
    [() => any.openSession(doc, store, { document: 'd', nonce: 2n ** 64n }), /^nonce must be a bigint/],
    [
      () => any.openSession(doc, store, { document: 'd', accept: ['events'] }),
      /^accept must be an object, not an Array$/,
    ],
    [() => any.openSession(doc, store, { document: 'd', accept: { entrys: true } }), /^accept has no member "entrys"/],
    [
      () => any.openSession(doc, store, { document: 'd', accept: { events: 1 } }),
      /^events must be true or false, not 1$/,
    ],
    [() => any.openSession(doc, store, { document: 'd', writers: 'ann' }), /^writers must be an array, not "ann"$/],
    [() => any.openSession(doc, store, { document: 'd', writers: [1] }), /^writers\[0\] must be a string, not 1$/],
    [() => /** @type {any} */ (session).poll('1'), /^now must be a number of milliseconds, not "1"$/],
    [() => /** @type {any} */ (session).receive('1'), /^message must be a Uint8Array/],
  ];
  for (const [call, message] of refused) {
    assert.throws(call, { name: 'InvalidArgumentError', message }, String(call));
  }
  const disposed = engine.create('cleo');
  disposed.dispose();
  assert.throws(() => any.openSession(disposed, store, { document: 'd' }), { name: 'DisposedError' });
  assert.ok(session.poll(), 'an error before the engine is called does not end the session');
});

test('an error ends a session, but changes neither document nor store', () => {
  const [ann, ben] = [side('ann'), side('ben')];
  ben.doc.insert('t', 'r', {});
  assert.throws(() => ben.session.receive(new Uint8Array(9), 1000), { name: 'CorruptError' });
  assert.throws(() => ben.session.poll(1000), {
    name: 'SessionEndedError',
    case: 'session-ended',
    message: 'an earlier error ended this session; open a new one',
  });
  carry(ann.session, engine.openSession(ben.doc, ben.store, { document: 'notes' }));
  assert.equal(ann.doc.digestHex(), ben.doc.digestHex());
  const places = side('cleo', engine, { document: 'places' });
  const hello = ann.session.poll(1000) ?? engine.openSession(ann.doc, ann.store, { document: 'notes' }).poll(1000);
  assert.throws(() => places.session.receive(hello ?? new Uint8Array(), 1000), {
    name: 'ProtocolError',
    case: 'protocol',
    message: /"notes", this one "places"/,
  });
});
