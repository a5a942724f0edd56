// Reads messages of sessions and bytes of stores with protocol.js, which is written from docs/protocol.md and
// docs/format.md alone, and compares the result with the engine.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { open } from '../host-js/src/node.js';
import { Bytes } from './bytes.js';
import { read } from './format.js';
import { addressOf, readContent, readEntries, readMessage } from './protocol.js';

/** @import { Doc } from '../host-js/src/doc.js' */
/** @import { EventId } from '../host-js/dist/wit/interfaces/converge-sync-types.js' */
/** @import { SessionOptions } from '../host-js/src/types.js' */
/** @import { Document } from './format.js' */
/** @import { Contents, Kind } from './protocol.js' */
/** @typedef {{ from: number, kind: Kind | 'acknowledgement', content?: Contents[Kind] }} Message */

const engine = await open();
const NOW = 1_700_000_000_000;
const NONCES = [7n, 2n ** 64n - 1n];
const FRAME_BYTES = 10; // the header of a short frame
const CHECKSUM_BYTES = 4;

/**
 * @param {string} peer
 * @param {Partial<SessionOptions>} options
 */
function side(peer, options = {}, doc = engine.create(peer)) {
  const store = engine.createStore(peer, { timeToLive: 1e6 });
  return {
    doc,
    store,
    open: (/** @type {bigint} */ nonce) => engine.openSession(doc, store, { document: 'notes', nonce, ...options }),
  };
}

/**
 * Carries messages between new sessions until neither has one. Returns their contents, with parts
 * joined.
 *
 * @param {ReturnType<typeof side>[]} sides
 */
function converse(...sides) {
  const sessions = sides.map((side, i) => side.open(NONCES[i]));
  const messages = /** @type {Message[]} */ ([]);
  const knows = [false, false];
  const parts = new Map();
  const numbers = [0, 0];
  const received = [0, 0];
  for (let isQuiet = false; !isQuiet;) {
    isQuiet = true;
    for (const from of [0, 1]) {
      for (const bytes of sessions[from].messages(NOW)) {
        isQuiet = false;
        const message = readMessage(bytes);
        const { kind, hasMore, to, acknowledges } = message;
        assert.equal(acknowledges, received[from]);
        assert.equal(to, knows[from] ? addressOf(NONCES[1 - from]) : 0);
        sessions[1 - from].receive(bytes, NOW);
        if (message.kind === 'acknowledgement') {
          messages.push({ from, kind });
          continue;
        }
        assert.equal(message.number, numbers[from]++);
        received[1 - from]++;
        const joined = Buffer.concat([parts.get(`${from} ${kind}`) ?? Buffer.alloc(0), message.content]);
        parts.set(`${from} ${kind}`, hasMore ? joined : undefined);
        if (!hasMore) messages.push({ from, kind, content: readContent(message.kind, new Uint8Array(joined)) });
        if (kind === 'hello' && !hasMore) knows[1 - from] = true;
      }
    }
  }
  return messages;
}

for (const maxMessageBytes of [65_536, 64]) {
  test(`sessions with messages of ${maxMessageBytes} bytes`, () => {
    const [ann, ben] = [side('ann', { maxMessageBytes }), side('ben', { maxMessageBytes, namespaces: ['pos'] })];
    ann.doc.commit([{ op: 'insert', table: 't', row: 'ä', cells: { text: 'x'.repeat(100), real: 1.5, none: null } }]);
    ann.doc.delete('t', 'ä');
    ben.doc.commit([
      { op: 'insert', table: 't', row: 'b', cells: { n: -7 } },
      { op: 'add', table: 't', row: 'b', column: 'n', amount: 8 },
      { op: 'splice', table: 't', row: 'b', column: 's', at: 0, remove: 0, insert: 'é🌞' },
      { op: 'splice', table: 't', row: 'b', column: 's', at: 1, remove: 1, insert: 'té' },
    ]);
    ann.store.set('pos', 'a', 'text', NOW);
    ann.store.set('pos', 'b', new Uint8Array([0, 255]), NOW + 0.5);
    ann.store.set('other', 'a', 1, NOW);
    const { runs } = ann.doc.eventsSince();
    const messages = converse(ann, ben);

    const accept = { events: true, entries: true, documents: true };
    const hello = { nonce: NONCES[0], restarts: 0n, document: 'notes', readOnly: false, needsDocument: false, accept };
    const branches = [{ peer: 'ann', count: 2, start: 0, tip: printOf(ann.doc, { peer: 'ann', counter: 1 }) }];
    const summary = { isByName: false, branches, horizon: [], wanted: [] };
    assert.deepEqual(contentsOf(messages, 'hello', 0), [{ ...hello, maxMessageBytes, namespaces: [], summary }]);
    assert.deepEqual(contentsOf(messages, 'hello', 1)[0].namespaces, ['pos']);

    const events = contentsOf(messages, 'events', 0).flat();
    assert.deepEqual(
      events.flatMap(({ commits }) => commits),
      runs.flatMap(({ commits }) => commits),
    );
    const entries = contentsOf(messages, 'entries', 0).flat();
    assert.deepEqual(
      entries.map(({ age, ...entry }) => entry),
      ben.store.raw.getAll('pos'),
    );
    const [own] = contentsOf(messages, 'events', 1).flat();
    const { prints, ...run } = own;
    assert.deepEqual(run, { ...ben.doc.eventsSince().runs.find(({ peer }) => peer === 'ben'), lamport: own.lamport });
    assert.deepEqual(prints, [printOf(ben.doc, { peer: 'ben', counter: 0 })]);
    assert.deepEqual({ ...ann.doc.get('t', 'b') }, { n: 1, s: 'été' });
    assert.equal(ann.doc.digestHex(), ben.doc.digestHex());
  });
}

/** @type {(doc: Doc, event: EventId) => bigint} returns the fingerprint of an event */
function printOf(doc, event) {
  return BigInt(`0x${doc.permanentId(event).peer.split('~')[1]}`);
}

/**
 * Returns the contents of the messages of one kind, from one side or from both.
 *
 * @type {<K extends Kind>(messages: Message[], kind: K, from?: number) => Contents[K][]}
 */
function contentsOf(messages, kind, from) {
  const those = messages.filter((one) => one.kind === kind && (from === undefined || one.from === from));
  return those.map(({ content }) => /** @type {Contents[typeof kind]} */ (content));
}

/**
 * Returns the senders and kinds of the messages, without acknowledgements.
 *
 * @param {Message[]} messages
 */
function kindsOf(messages) {
  return messages.filter(({ kind }) => kind !== 'acknowledgement').map(({ from, kind }) => `${'ab'[from]} ${kind}`);
}

test('a session with a replica below the horizon', () => {
  const [ann, ben] = [side('ann'), side('ben')];
  for (let n = 0; n < 5; n++) ann.doc.insert('t', 'r', { n });
  const head = { peer: 'ann', counter: 4, fingerprint: printOf(ann.doc, { peer: 'ann', counter: 4 }) };
  ann.doc.compact([ann.doc.summary()]);
  ben.doc.insert('t', 'own', { n: 1 });
  const saved = ann.doc.save();
  const messages = converse(ann, ben);
  const kinds = kindsOf(messages);
  assert.deepEqual(kinds, ['a hello', 'b hello', 'a document', 'b hello', 'b events']);
  assert.deepEqual(contentsOf(messages, 'hello')[0].summary, {
    isByName: false,
    branches: [],
    horizon: [head],
    wanted: [],
  });
  const [document] = contentsOf(messages, 'document');
  assert.deepEqual(document, saved);
  assert.deepEqual(/** @type {Document} */ (read(document)).horizon, [{ peer: 'ann', count: 5 }]);
  assert.deepEqual(contentsOf(messages, 'hello').at(-1)?.summary.horizon, [head]);
});

test('a session of two replicas that wrote as one peer', () => {
  const first = engine.create('ann');
  for (let n = 0; n < 20; n++) first.insert('t', 'r', { n });
  const second = engine.load(first.save(), { peer: 'ann' });
  for (let n = 0; n < 5; n++) first.update('t', 'r', { a: n });
  for (let n = 0; n < 5; n++) second.update('t', 'r', { b: n });
  const messages = converse(side('ann', {}, first), side('ann', {}, second));
  const kinds = kindsOf(messages);
  for (const kind of ['hello', 'trace', 'events']) {
    assert.equal(kinds.filter((sent) => sent === `a ${kind}`).length, 1, kind);
    assert.equal(kinds.filter((sent) => sent === `b ${kind}`).length, 1, kind);
  }
  const [trace] = contentsOf(messages, 'trace', 0);
  const counters = trace.map(({ counter }) => counter);
  assert.deepEqual(counters, [24, 23, 22, 20, 16, 8, 0]);
  for (const { peer, counter, fingerprint } of trace) {
    assert.equal(peer, 'ann');
    if (counter < 20) assert.equal(fingerprint, printOf(second, { peer, counter }));
  }
  // The traces identify the events up to 16. One side sends the later ones; by then the other side knows where the fork is.
  const starts = contentsOf(messages, 'events').map(([first]) => first.start);
  assert.deepEqual(starts, [17, 20]);
  assert.deepEqual(first.save(), second.save());
  assert.equal(first.forks().length, 1);
});

test('a hello reports that its side needs a document', () => {
  const [ann, ben] = [engine.create('ann'), engine.create('ben')];
  ann.insert('t', 'r', {});
  ben.mergeUpdate(ann.updateSince());
  const known = ann.summary();
  ann.insert('t', 's', {});
  ben.insert('t', 'not on the horizon', {});
  ben.mergeUpdate(ann.updateSince(known));
  ann.compact([ann.summary()]);
  const messages = converse(side('ben', {}, ben), side('ann', {}, ann));
  const hellos = contentsOf(messages, 'hello', 0);
  assert.deepEqual(
    hellos.map(({ needsDocument }) => needsDocument),
    [false, true, false],
  );
  assert.deepEqual(ann.save(), ben.save());
  assert.ok(ann.get('t', 'not on the horizon') !== undefined);
});

test('the golden messages and entries decode to the content in their cases', () => {
  /** @type {(name: string) => Record<string, string>[]} */
  const steps = (name) => JSON.parse(readFileSync(new URL(`conformance/${name}.json`, import.meta.url), 'utf8')).steps;
  const bytes = (/** @type {string} */ hex) => new Uint8Array(Buffer.from(hex, 'hex'));
  const golden = steps('session/bytes').filter((step) => 'session.poll' in step);
  const decoded = golden.map(({ gives }) => readMessage(bytes(gives)));
  assert.deepEqual(
    decoded.map(({ kind }) => kind),
    ['hello', 'hello', 'entries', 'events', 'acknowledgement'],
  );
  const messages = decoded.flatMap((one) =>
    one.kind === 'acknowledgement' ? [] : [{ ...one, from: 0, content: readContent(one.kind, one.content) }],
  );
  const hellos = contentsOf(messages, 'hello');
  assert.deepEqual(hellos[0].namespaces, ['pos', 'typing']);
  assert.ok(hellos[1].readOnly && hellos[1].maxMessageBytes === 1000);
  assert.deepEqual(contentsOf(messages, 'entries')[0][0], {
    namespace: 'pos',
    key: 'a',
    peer: 'ann',
    timestamp: 1000,
    age: 0,
    value: { tag: 'integer', val: 1n },
  });
  assert.equal(contentsOf(messages, 'events')[0][0].peer, 'ann');

  const [{ gives }] = steps('presence/bytes').filter((step) => 'store.snapshot' in step && 'gives' in step);
  const entries = readEntries(new Bytes(bytes(gives).subarray(FRAME_BYTES, -CHECKSUM_BYTES)));
  assert.deepEqual(
    entries.map(({ namespace, key, peer, timestamp, age }) => [namespace, key, peer, timestamp, age].join()),
    [
      'pos,a,ann,1,2',
      'pos,b,ann,1,2',
      'pos,c,ann,2,1',
      'sel,a,ann,2,1',
      'sel,b,ann,2,1',
      'sel,c,ann,2,1',
      'sel,d,ben,2,0',
    ],
  );
  assert.deepEqual(
    entries.map(({ value }) => value),
    [
      { tag: 'null' },
      { tag: 'boolean', val: true },
      { tag: 'integer', val: -3n },
      { tag: 'real', val: 1.5 },
      { tag: 'text', val: 'ä' },
      { tag: 'blob', val: new Uint8Array([0, 255]) },
      undefined,
    ],
  );
});
