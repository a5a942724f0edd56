// Made the files of this folder, with the engine of version 1 of the format. It is kept to show how, and writes nothing
// where one of them exists: later versions must read those that are here.
//
//   node tests/data/format-1/make.js

import { existsSync, writeFileSync } from 'node:fs';
import { open, real } from '../../../host-js/src/node.js';
import { eventsOf, factsOf, historyFacts } from './facts.js';

const { Doc } = await open();
const here = (name) => new URL(name, import.meta.url);
const numbers = (count) => Array.from({ length: count }, (_, i) => i);
const create = (...peers) => peers.map((peer) => Doc.create(peer));

const concurrent = makeConcurrent();
const { compacted, later, onHorizon } = makeCompacted();
const waiting = makeWaiting();

/** The runs that wait, by document. */
const waits = new Map([waiting, later].map(({ doc, runs }) => [doc, runs]));
/** By name: what it is, and the document; for an update its bytes, events, and the document that takes it in. */
const files = {
  empty: ['An empty document', Doc.create('ann')],
  values: ['Every kind of value, at its ends', makeValues()],
  tables: ['Several tables: more rows than a block has, gone rows, rows made again, names beyond ASCII', makeTables()],
  concurrent: ['Three peers and several heads; further inserts, writes that do not show', concurrent],
  joined: ['A commit on 70 heads, and the events that join those before it', makeJoined()],
  commit: ['A commit with many operations, several of them on one row', makeCommit()],
  texts: ['Texts and blobs that repeat, among them more than have a code', makeTexts()],
  waiting: ['Events that wait for others, and for each other', waiting.doc],
  compacted: ['A document compacted at its version', compacted],
  'compacted-later': [
    'After a compaction: history, changed rows, an event not on the horizon, one that waits',
    later.doc,
  ],
  'update-cell': ['An update of one cell', makeUpdate(concurrent, 'concurrent')],
  'update-history': ['A whole history as an update', { ...since(concurrent, []), into: undefined }],
  'update-on-horizon': ['An update that builds on a horizon', { ...onHorizon, into: 'compacted' }],
  'update-early': ['An update that has to wait', makeEarly()],
  'update-empty': ['An update without events', { ...since(concurrent, concurrent.version()), into: 'concurrent' }],
};

const existing = Object.keys(files).filter(
  (name) => existsSync(here(`${name}.bin`)) || existsSync(here(`${name}.json`)),
);
if (existing.length > 0) {
  console.error(`nothing is written, as these exist: ${existing.join(', ')}`);
  process.exit(1);
}
for (const [name, [about, made]] of Object.entries(files)) {
  const isDocument = made instanceof Doc;
  const facts = isDocument ? { kind: 'document', ...documentFacts(made) } : { kind: 'update', ...updateFacts(made) };
  writeFileSync(here(`${name}.bin`), isDocument ? made.save() : made.bytes, { flag: 'wx' });
  writeFileSync(here(`${name}.json`), text({ about, ...facts }), { flag: 'wx' });
}

function makeValues() {
  const [doc] = create('ann');
  const row = (id, cells) => ({ op: 'insert', table: 'values', row: id, cells });
  doc.commit([
    row('blobs', { all: Uint8Array.from(numbers(256)), long: new Uint8Array(1000).fill(7), none: new Uint8Array() }),
    row('booleans', { no: false, yes: true }),
    row('integers', { least: -(2n ** 63n), minus: -1, most: 2n ** 63n - 1n, unsafe: 2n ** 53n + 1n, zero: 0 }),
    row('nothing', {}),
    row('nulls', { null: null }),
    row('reals', { infinity: Infinity, least: 5e-324, minus: -Infinity, most: real(Number.MAX_VALUE), nan: NaN }),
    row('zeros', { integer: 0, minus: -0, real: real(0), one: real(1), third: 1 / 3 }),
    row('texts', {
      long: 'long '.repeat(500),
      none: '',
      nul: '\0',
      mark: '\ufeffx',
      é: 'e\u0301',
      '\u{1f600}': '\u{1f600}',
    }),
  ]);
  const blob = Uint8Array.of(0, 255);
  const mixed = [null, true, 'text', 7, false, blob, 0.5, -7, 'text', real(2), null, blob];
  for (const [i, any] of mixed.entries()) doc.insert('mixed', `m${i}`, { any });
  for (const any of mixed.toReversed()) doc.update('mixed', 'm0', { any });
  return doc;
}

function makeTables() {
  const [doc] = create('ann');
  const commit = (op, table, ids, cells) => doc.commit(ids.map((id) => ({ op, table, row: id, ...cells?.(id) })));
  const ids = numbers(300).map((i) => `row-${String(i).padStart(4, '0')}`);
  const each = (n) => ids.filter((_, i) => i % n === 0);
  const deep = numbers(129).map((i) => `${'deep/'.repeat(40)}${i}`);
  commit('insert', 'many', ids, (id) => ({ cells: { id, number: Number(id.slice(4)) % 7 } }));
  commit('delete', 'many', each(5));
  commit('insert', 'many', each(15), () => ({ cells: { again: true } }));
  commit('insert', 'deep', deep, () => ({ cells: {} }));
  doc.insert('all gone', 'r', { x: 1 });
  doc.delete('all gone', 'r');
  const names = ['\u{1f600}', '\uffee', 'é', 'e\u0301', 'Z', '__proto__'];
  for (const name of names) doc.insert(name, name, { [name]: name });
  return doc;
}

function makeConcurrent() {
  const [ann, ben, cleo] = create('ann', 'ben', 'é');
  ann.insert('t', 'r', { x: 0, y: 0 });
  ann.insert('t', 's', { x: 0 });
  ann.insert('t', 'q', { x: 0, y: 0 });
  for (const other of [ben, cleo]) take(other, ann);
  // Ben's write of q comes between Ann's delete and insert, so it does not show.
  ann.delete('t', 'q');
  ben.update('t', 'q', { y: 9 });
  ann.insert('t', 'q', { x: 5 });
  ben.update('t', 'r', { y: 9 });
  cleo.insert('t', 'r', { z: 'cleo' });
  cleo.delete('t', 's');
  cleo.insert('t', 's', { x: 5 });
  for (const x of [1, 2, 3]) ben.update('t', 's', { x });
  ann.delete('t', 'r');
  ann.insert('t', 'r', { x: 5 });
  take(ben, cleo);
  ben.insert('t', 'r', { y: 10 });
  cleo.insert('t', 'r', { y: 11 });
  ann.insert('u', 'only', { x: 1 });
  ann.delete('t', 's');
  cleo.update('t', 's', { x: 6, y: 6 });
  for (const other of [ben, cleo]) take(ann, other);
  return ann;
}

function makeJoined() {
  const [doc] = create('join');
  for (const other of create(...numbers(70).map((i) => `peer ${String(i).padStart(2, '0')}`))) {
    other.insert('t', 'r', { by: other.peer(), [`column ${Number(other.peer().slice(5)) % 3}`]: 1 });
    take(doc, other);
  }
  doc.insert('t', 'joined', {});
  return doc;
}

function makeCommit() {
  const [doc] = create('ann');
  const kinds = ['insert', 'update', 'update', 'delete', 'insert', 'update'];
  const ops = numbers(300).map((i) => {
    const place = { op: kinds[Math.floor(i / 40) % 6], table: 't', row: `r${i % 40}` };
    return place.op === 'delete' ? place : { ...place, cells: { [`c${i % 3}`]: i } };
  });
  doc.commit([{ op: 'insert', table: 't', row: 'one', cells: {} }]);
  doc.commit(ops);
  return doc;
}

function makeTexts() {
  const [doc] = create('ann');
  const all = numbers(4110);
  const update = (i) => ({ op: 'update', table: 't', row: 'r', cells: { text: `t${i}`, blob: Uint8Array.of(i % 9) } });
  doc.insert('t', 'r', {});
  doc.commit([...all, ...all.slice(0, 10), ...all.slice(-20)].map(update));
  for (const id of ['a', 'b', 'c']) doc.insert('t', id, { text: 'the same', blob: Uint8Array.of(1, 2, 3) });
  return doc;
}

function makeWaiting() {
  const [ann, ben, cleo] = create('ann', 'ben', 'cleo');
  ann.insert('t', 'r', { x: 0 });
  take(cleo, ann);
  ann.insert('t', 'missing', { x: 'not in the document' });
  const first = ann.version();
  ann.update('t', 'r', { x: 2 });
  take(ben, ann);
  ben.commit([
    { op: 'delete', table: 't', row: 'missing' },
    { op: 'insert', table: 'u', row: 'é', cells: { text: 'the same', other: 'the same' } },
  ]);
  const runs = send(cleo, ben, first);
  ann.update('t', 'r', { x: 'not in the document either' });
  take(ben, ann);
  const second = ben.version();
  ben.update('t', 'r', { x: 3 });
  runs.push(...send(cleo, ben, second));
  const third = ann.version();
  ann.update('t', 'r', { x: 4 });
  runs.push(...send(cleo, ann, third));
  cleo.insert('t', 'q', { x: 'the same' });
  return { doc: cleo, runs };
}

/** `later` is what `compacted` became; `onHorizon` an update on top of that. */
function makeCompacted() {
  const [ann, ben, cleo] = create('ann', 'ben', 'cleo');
  for (const i of numbers(8)) ann.insert('t', `r${i}`, { x: i, text: 'the same' });
  for (const other of [ben, cleo]) take(other, ann);
  for (const i of numbers(4)) ben.update('t', `r${i}`, { x: i + 10 });
  for (const i of [0, 1]) cleo.update('t', `r${i}`, { x: 'not on the horizon', y: i });
  cleo.delete('t', 'r7');
  ann.insert('t', 'r2', { y: 2 });
  take(ann, ben);
  for (const i of [4, 5]) ann.delete('t', `r${i}`);
  ann.insert('t', 'r5', { x: 'again' });
  const horizon = ann.version();

  const compacted = ann.forkAt(ann.heads(), 'compacted');
  compacted.compact(horizon);
  const [reader] = create('reader');
  reader.mergeUpdate(ann.updateSince());
  reader.compact(horizon);
  const known = reader.version();
  reader.update('t', 'r6', { x: 60 });
  reader.delete('t', 'r3');
  const onHorizon = since(reader, known);

  take(ann, cleo);
  ann.compact(horizon);
  take(ann, reader);
  ann.update('t', 'r0', { text: 'the same', z: true });
  ann.insert('u', 'new', { x: 'the same' });
  ann.insert('t', 'r4', { y: 'back' });
  const dan = Doc.load(ann.save(), { peer: 'dan' });
  dan.insert('u', 'new', { x: 'not in the document' });
  const between = dan.version();
  dan.update('u', 'new', { y: 'waits' });
  return { compacted, later: { doc: ann, runs: send(ann, dan, between) }, onHorizon };
}

function makeUpdate(doc, into) {
  const copy = Doc.load(doc.save(), { peer: 'dan' });
  const known = copy.version();
  copy.update('t', 'r', { x: 'new' });
  return { ...since(copy, known), into };
}

function makeEarly() {
  const [ann, ben] = create('ann', 'ben');
  ann.insert('t', 'r', { x: 1 });
  take(ben, ann);
  ben.update('t', 'r', { y: 1 });
  take(ann, ben);
  ann.update('t', 'r', { x: 2 });
  return {
    ...since(ann, [
      { peer: 'ann', count: 1 },
      { peer: 'ben', count: 1 },
    ]),
    into: undefined,
  };
}

function take(to, from) {
  to.mergeUpdate(from.updateSince(to.version()));
}

/** Lets `to` take in what `from` has beyond `known`, which has to wait there, and gives that. */
function send(to, from, known) {
  const { bytes, runs } = since(from, known);
  to.mergeUpdate(bytes);
  return runs;
}

/** The events of a document beyond a version: as bytes, and as runs. */
function since(doc, known) {
  return { bytes: doc.updateSince(known), runs: doc.eventsSince(known).runs };
}

/** What the document holds, and what waits in it, of which no lamport times are known. */
function documentFacts(doc) {
  const runs = waits.get(doc)?.map((run) => ({ ...run, lamport: undefined }));
  return { ...factsOf(doc.raw), ...(runs === undefined ? {} : { waits: eventsOf(runs) }) };
}

/** What the update holds, and what it makes of the document that it goes `into`: that of the file, or an empty one. */
function updateFacts({ bytes, runs, into }) {
  const doc = into === undefined ? Doc.create('reader') : Doc.load(files[into][1].save(), { peer: 'reader' });
  doc.mergeUpdate(bytes);
  return { ...(into === undefined ? {} : { into }), ...historyFacts(runs), after: factsOf(doc.raw) };
}

/** JSON with a line for each member, and for each element of a long list in it. */
function text(json) {
  const members = Object.entries(json).map(([name, value]) => {
    const whole = JSON.stringify(value);
    const lines = () => value.map((each) => `    ${JSON.stringify(each)}`).join(',\n');
    const isLong = Array.isArray(value) && whole.length > 100;
    return `  ${JSON.stringify(name)}: ${isLong ? `[\n${lines()}\n  ]` : whole}`;
  });
  return `{\n${members.join(',\n')}\n}\n`;
}
