// What sessions say and stores write, read twice: by the engine, and by protocol.js, which knows docs/protocol.md and
// docs/format.md alone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Session, open } from '../host-js/src/node.js';
import { Bytes, read } from './format.js';
import { readContent, readEntries, readMessage } from './protocol.js';

const engine = await open();
const NOW = 1_700_000_000_000;
const FRAME_BYTES = 10; // before the entries of a short frame
const CHECKSUM_BYTES = 4;

function side(peer, options = {}) {
  const [doc, store] = [engine.Doc.create(peer), engine.Store.create(peer, { timeToLive: 1e6 })];
  return { doc, store, session: Session.open(doc, store, { document: 'notes', ...options }) };
}

/** Carries messages until both sides are quiet; gives what each of them said, its parts joined. */
function listen(...sides) {
  const said = [];
  const parts = new Map();
  const numbers = [0, 0];
  const taken = [0, 0];
  for (let isQuiet = false; !isQuiet;) {
    isQuiet = true;
    for (const from of [0, 1]) {
      for (const bytes of sides[from].session.messages(NOW)) {
        isQuiet = false;
        const { kind, hasMore, acknowledges, number, content } = readMessage(bytes);
        assert.equal(acknowledges, taken[from]);
        sides[1 - from].session.receive(bytes, NOW);
        if (kind === 'acknowledgement') {
          said.push({ from, kind });
          continue;
        }
        assert.equal(number, numbers[from]++);
        taken[1 - from]++;
        const joined = Buffer.concat([parts.get(`${from} ${kind}`) ?? Buffer.alloc(0), content]);
        parts.set(`${from} ${kind}`, hasMore ? joined : undefined);
        if (!hasMore) said.push({ from, kind, content: readContent(kind, new Uint8Array(joined)) });
      }
    }
  }
  return said;
}

for (const mostMessageBytes of [65_536, 64]) {
  test(`a conversation in messages of ${mostMessageBytes} bytes`, () => {
    const [ann, ben] = [side('ann', { mostMessageBytes }), side('ben', { mostMessageBytes, namespaces: ['pos'] })];
    ann.doc.commit([{ op: 'insert', table: 't', row: 'ä', cells: { text: 'x'.repeat(100), real: 1.5, none: null } }]);
    ann.doc.delete('t', 'ä');
    ben.doc.insert('t', 'b', { n: -7 });
    ann.store.set('pos', 'a', 'text', NOW);
    ann.store.set('pos', 'b', new Uint8Array([0, 255]), NOW + 0.5);
    ann.store.set('other', 'a', 1, NOW);
    const { runs } = ann.doc.eventsSince();
    const said = listen(ann, ben);
    const of = (from, kind) =>
      said.filter((one) => one.from === from && one.kind === kind).map(({ content }) => content);

    const hello = { document: 'notes', readOnly: false, mostMessageBytes, namespaces: [], horizon: [] };
    const [{ checksums, ...first }, ...others] = of(0, 'hello');
    assert.deepEqual(first, { ...hello, version: [{ peer: 'ann', count: 2 }] });
    assert.ok(others.length === 0 && checksums[0] > 0);
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
    assert.deepEqual(of(1, 'events').flat(), [{ ...ben.doc.eventsSince().runs.find(({ peer }) => peer === 'ben') }]);
    assert.equal(ann.doc.digestHex(), ben.doc.digestHex());
  });
}

test('a conversation with a side below the horizon', () => {
  const [ann, ben] = [side('ann'), side('ben')];
  for (let n = 0; n < 5; n++) ann.doc.insert('t', 'r', { n });
  ann.doc.compact(ann.doc.version());
  ben.doc.insert('t', 'own', { n: 1 });
  const saved = ann.doc.save();
  const said = listen(ann, ben);
  const kinds = said.filter(({ kind }) => kind !== 'acknowledgement').map(({ from, kind }) => `${'ab'[from]} ${kind}`);
  assert.deepEqual(kinds, ['a hello', 'b hello', 'a document', 'b hello', 'b events']);
  const horizon = [{ peer: 'ann', count: 5 }];
  assert.deepEqual([said[0].content.horizon, said[0].content.checksums], [horizon, [0]]);
  const [{ content: document }] = said.filter(({ kind }) => kind === 'document');
  assert.deepEqual(document, saved);
  assert.deepEqual(read(document).horizon, horizon);
  assert.deepEqual(said.filter(({ kind }) => kind === 'hello').at(-1).content.horizon, horizon);
});

test('the golden messages and entries mean what their cases say', () => {
  const steps = (name) => JSON.parse(readFileSync(new URL(`conformance/${name}.json`, import.meta.url), 'utf8')).steps;
  const bytes = (hex) => new Uint8Array(Buffer.from(hex, 'hex'));
  const golden = steps('session/bytes').filter((step) => 'session.poll' in step);
  const messages = golden.map(({ gives }) => readMessage(bytes(gives)));
  assert.deepEqual(
    messages.map(({ kind }) => kind),
    ['hello', 'hello', 'entries', 'events', 'acknowledgement'],
  );
  const contents = messages.slice(0, 4).map(({ kind, content }) => readContent(kind, content));
  assert.deepEqual(contents[0].namespaces, ['pos', 'typing']);
  assert.ok(contents[1].readOnly && contents[1].mostMessageBytes === 1000);
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
