// Reads messages of sessions and bytes of stores with protocol.js, which is written from docs/protocol.md and
// docs/format.md alone, and compares the result with the engine.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { open } from '../host-js/src/node.js';
import { Bytes } from './bytes.js';
import { read } from './format.js';
import { addressOf, readContent, readEntries, readMessage } from './protocol.js';

const engine = await open();
const NOW = 1_700_000_000_000;
const NONCES = [7n, 2n ** 64n - 1n];
const FRAME_BYTES = 10; // the header of a short frame
const CHECKSUM_BYTES = 4;

function side(peer, options = {}, doc = engine.create(peer)) {
  const store = engine.createStore(peer, { timeToLive: 1e6 });
  return { doc, store, open: (nonce) => engine.openSession(doc, store, { document: 'notes', nonce, ...options }) };
}

/**
 * Carries messages between new sessions until neither has one. Returns their contents, with parts
 * joined.
 */
function converse(...sides) {
  for (const [i, side] of sides.entries()) side.session = side.open(NONCES[i]);
  const messages = [];
  const knows = [false, false];
  const parts = new Map();
  const numbers = [0, 0];
  const received = [0, 0];
  for (let isQuiet = false; !isQuiet;) {
    isQuiet = true;
    for (const from of [0, 1]) {
      for (const bytes of sides[from].session.messages(NOW)) {
        isQuiet = false;
        const { kind, hasMore, to, acknowledges, number, content } = readMessage(bytes);
        assert.equal(acknowledges, received[from]);
        assert.equal(to, knows[from] ? addressOf(NONCES[1 - from]) : 0);
        sides[1 - from].session.receive(bytes, NOW);
        if (kind === 'acknowledgement') {
          messages.push({ from, kind });
          continue;
        }
        assert.equal(number, numbers[from]++);
        received[1 - from]++;
        const joined = Buffer.concat([parts.get(`${from} ${kind}`) ?? Buffer.alloc(0), content]);
        parts.set(`${from} ${kind}`, hasMore ? joined : undefined);
        if (!hasMore) messages.push({ from, kind, content: readContent(kind, new Uint8Array(joined)) });
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
    ben.doc.insert('t', 'b', { n: -7 });
    ann.store.set('pos', 'a', 'text', NOW);
    ann.store.set('pos', 'b', new Uint8Array([0, 255]), NOW + 0.5);
    ann.store.set('other', 'a', 1, NOW);
    const { runs } = ann.doc.eventsSince();
    const messages = converse(ann, ben);
    const of = (from, kind) =>
      messages.filter((one) => one.from === from && one.kind === kind).map(({ content }) => content);

    const accept = { events: true, entries: true, documents: true };
    const hello = { nonce: NONCES[0], restarts: 0n, document: 'notes', readOnly: false, needsDocument: false, accept };
    const branches = [{ peer: 'ann', count: 2, start: 0, tip: printOf(ann.doc, { peer: 'ann', counter: 1 }) }];
    const summary = { isByName: false, branches, horizon: [], wanted: [] };
    assert.deepEqual(of(0, 'hello'), [{ ...hello, maxMessageBytes, namespaces: [], summary }]);
    assert.deepEqual(of(1, 'hello')[0].namespaces, ['pos']);

    const events = of(0, 'events').flat();
    assert.deepEqual(
      events.flatMap(({ commits }) => commits),
      runs.flatMap(({ commits }) => commits),
    );
    const entries = of(0, 'entries').flat();
    assert.deepEqual(
      entries.map(({ age, ...entry }) => entry),
      ben.store.raw.getAll('pos'),
    );
    const [own] = of(1, 'events').flat();
    const { prints, ...run } = own;
    assert.deepEqual(run, { ...ben.doc.eventsSince().runs.find(({ peer }) => peer === 'ben'), lamport: own.lamport });
    assert.deepEqual(prints, [printOf(ben.doc, { peer: 'ben', counter: 0 })]);
    assert.equal(ann.doc.digestHex(), ben.doc.digestHex());
  });
}

/** Returns the fingerprint of an event. */
function printOf(doc, event) {
  return BigInt(`0x${doc.permanentId(event).peer.split('~')[1]}`);
}

/** Returns the senders and kinds of the messages, without acknowledgements. */
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
  assert.deepEqual(messages[0].content.summary, { isByName: false, branches: [], horizon: [head], wanted: [] });
  const [{ content: document }] = messages.filter(({ kind }) => kind === 'document');
  assert.deepEqual(document, saved);
  assert.deepEqual(read(document).horizon, [{ peer: 'ann', count: 5 }]);
  assert.deepEqual(messages.filter(({ kind }) => kind === 'hello').at(-1).content.summary.horizon, [head]);
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
  const [trace] = messages.filter(({ from, kind }) => from === 0 && kind === 'trace');
  const counters = trace.content.map(({ counter }) => counter);
  assert.deepEqual(counters, [24, 23, 22, 20, 16, 8, 0]);
  for (const { peer, counter, fingerprint } of trace.content) {
    assert.equal(peer, 'ann');
    if (counter < 20) assert.equal(fingerprint, printOf(second, { peer, counter }));
  }
  // The traces identify the events up to 16. One side sends the later ones; by then the other side knows where the fork is.
  const starts = messages.filter(({ kind }) => kind === 'events').map(({ content }) => content[0].start);
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
  const hellos = messages.filter(({ from, kind }) => from === 0 && kind === 'hello').map(({ content }) => content);
  assert.deepEqual(
    hellos.map(({ needsDocument }) => needsDocument),
    [false, true, false],
  );
  assert.deepEqual(ann.save(), ben.save());
  assert.ok(ann.get('t', 'not on the horizon') !== undefined);
});

test('the golden messages and entries decode to the content in their cases', () => {
  const steps = (name) => JSON.parse(readFileSync(new URL(`conformance/${name}.json`, import.meta.url), 'utf8')).steps;
  const bytes = (hex) => new Uint8Array(Buffer.from(hex, 'hex'));
  const golden = steps('session/bytes').filter((step) => 'session.poll' in step);
  const decoded = golden.map(({ gives }) => readMessage(bytes(gives)));
  assert.deepEqual(
    decoded.map(({ kind }) => kind),
    ['hello', 'hello', 'entries', 'events', 'acknowledgement'],
  );
  const contents = decoded.slice(0, 4).map(({ kind, content }) => readContent(kind, content));
  assert.deepEqual(contents[0].namespaces, ['pos', 'typing']);
  assert.ok(contents[1].readOnly && contents[1].maxMessageBytes === 1000);
  assert.deepEqual(contents[2][0], {
    namespace: 'pos',
    key: 'a',
    peer: 'ann',
    timestamp: 1000,
    age: 0,
    value: { tag: 'integer', val: 1n },
  });
  assert.equal(contents[3][0].peer, 'ann');

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
