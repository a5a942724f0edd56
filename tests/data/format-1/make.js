// Generated the files of this folder, with the engine of format version 1. Kept to show how; writes nothing if a file exists,
// because later versions must read the existing files.
//
//   node tests/data/format-1/make.js

import { existsSync, writeFileSync } from 'node:fs';
import { open, real } from '../../../host-js/src/node.js';
import { factsOf, historyFacts, named, waitsOf } from './facts.js';

/** @import { RowOp } from '../../../host-js/dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Doc } from '../../../host-js/src/doc.js' */
/** @import { NewCellValue, Op } from '../../../host-js/src/types.js' */
/** @import { Run } from './facts.js' */
/** @typedef {{ bytes: Uint8Array, runs: Run[], into?: string }} Update `into`: the file of the document to merge it into */

const engine = await open();
const here = (/** @type {string} */ name) => new URL(name, import.meta.url);
const numbers = (/** @type {number} */ count) => Array.from({ length: count }, (_, i) => i);
const create = (/** @type {string[]} */ ...peers) => peers.map((peer) => engine.create(peer));

const concurrent = makeConcurrent();
const { compacted, later, onHorizon } = makeCompacted();
const waiting = makeWaiting();
const additions = makeAdditions();
const splices = makeSplices();
const forked = makeForked();
const branchWaits = makeWaitingBranch();

/** The waiting runs, by document. */
const waits = new Map(
  [waiting, later, branchWaits, additions.waiting, splices.waiting].map(({ doc, runs }) => [doc, runs]),
);
/** @type {Record<string, [about: string, made: Doc | Update]>} */
const files = {
  empty: ['An empty document', engine.create('ann')],
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
  'update-history': ['A whole history as an update', { ...since(concurrent, nothing()), into: undefined }],
  'update-on-horizon': ['An update that builds on a horizon', { ...onHorizon, into: 'compacted' }],
  'update-early': ['An update that has to wait', makeEarly()],
  'update-empty': ['An update without events', { ...since(concurrent, concurrent.summary()), into: 'concurrent' }],
  forked: ['A peer of which two replicas wrote', forked.once],
  'forked-nested': [
    'Forks on the branches of a fork, one of three branches, and one at the first event',
    forked.nested,
  ],
  'forked-compacted': ['Forks below a horizon, one across it and one above it', makeForkedCompacted(forked.nested)],
  'forked-waiting': ['Events of a branch that wait, and whose first event is missing', branchWaits.doc],
  salted: ['Equal events, told apart by a salt', makeSalted()],
  additions: ['Additions to written, null and absent cells, some of which do not count', additions.doc],
  'additions-compacted': ['Additions below a horizon, on it and next to it', additions.compacted],
  'additions-waiting': ['An addition that waits, in a document without others', additions.waiting.doc],
  'update-additions': ['An update of additions', { ...additions.update, into: 'additions' }],
  splices: ['Splices of written, null and absent cells, some of which do not count or are void', splices.doc],
  'splices-compacted': ['Splices below a horizon, on it and next to it', splices.compacted],
  'splices-waiting': ['Splices that wait, in a document without others', splices.waiting.doc],
  'update-splices': ['An update of splices', { ...splices.update, into: 'splices' }],
  'update-fork': ['The other branch of a fork as an update', { ...makeUpdateOfFork(), into: undefined }],
  'update-forked': ['A whole history with nested forks', { ...since(forked.nested, nothing()), into: undefined }],
  'update-marker': ['An update for a replica that seems to be ahead', { ...makeMarker(), into: undefined }],
};

const existing = Object.keys(files).filter(
  (name) => existsSync(here(`${name}.bin`)) || existsSync(here(`${name}.json`)),
);
if (existing.length > 0) {
  console.error(`files exist, so nothing is written: ${existing.join(', ')}`);
  process.exit(1);
}
for (const [name, [about, made]] of Object.entries(files)) {
  const isDocument = 'save' in made;
  const facts = isDocument ? { kind: 'document', ...documentFacts(made) } : { kind: 'update', ...updateFacts(made) };
  writeFileSync(here(`${name}.bin`), isDocument ? made.save() : made.bytes, { flag: 'wx' });
  writeFileSync(here(`${name}.json`), text({ about, ...facts }), { flag: 'wx' });
}

function makeValues() {
  const [doc] = create('ann');
  /** @type {(id: string, cells: Record<string, NewCellValue>) => Op} */
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
  /** @type {(op: Op['op'], table: string, ids: string[], cells?: (id: string) => { cells: object }) => unknown} */
  const commit = (op, table, ids, cells) =>
    doc.commit(ids.map((id) => /** @type {Op} */ ({ op, table, row: id, ...cells?.(id) })));
  const ids = numbers(300).map((i) => `row-${String(i).padStart(4, '0')}`);
  const each = (/** @type {number} */ n) => ids.filter((_, i) => i % n === 0);
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
  for (const other of [ben, cleo]) merge(other, ann);
  // Ben's write of q is executed between Ann's delete and insert, so it is not visible.
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
  merge(ben, cleo);
  ben.insert('t', 'r', { y: 10 });
  cleo.insert('t', 'r', { y: 11 });
  ann.insert('u', 'only', { x: 1 });
  ann.delete('t', 's');
  cleo.update('t', 's', { x: 6, y: 6 });
  for (const other of [ben, cleo]) merge(ann, other);
  return ann;
}

function makeJoined() {
  const [doc] = create('join');
  for (const other of create(...numbers(70).map((i) => `peer ${String(i).padStart(2, '0')}`))) {
    other.insert('t', 'r', { by: other.peer(), [`column ${Number(other.peer().slice(5)) % 3}`]: 1 });
    merge(doc, other);
  }
  doc.insert('t', 'joined', {});
  return doc;
}

function makeCommit() {
  const [doc] = create('ann');
  const kinds = /** @type {const} */ (['insert', 'update', 'update', 'delete', 'insert', 'update']);
  const ops = numbers(300).map((i) => {
    const [op, place] = [kinds[Math.floor(i / 40) % 6], { table: 't', row: `r${i % 40}` }];
    return op === 'delete' ? { op, ...place } : { op, ...place, cells: { [`c${i % 3}`]: i } };
  });
  doc.commit([{ op: 'insert', table: 't', row: 'one', cells: {} }]);
  doc.commit(ops);
  return doc;
}

function makeTexts() {
  const [doc] = create('ann');
  const all = numbers(4110);
  /** @type {(i: number) => Op} */
  const update = (i) => ({ op: 'update', table: 't', row: 'r', cells: { text: `t${i}`, blob: Uint8Array.of(i % 9) } });
  doc.insert('t', 'r', {});
  doc.commit([...all, ...all.slice(0, 10), ...all.slice(-20)].map(update));
  for (const id of ['a', 'b', 'c']) doc.insert('t', id, { text: 'the same', blob: Uint8Array.of(1, 2, 3) });
  return doc;
}

function makeWaiting() {
  const [ann, ben, cleo] = create('ann', 'ben', 'cleo');
  ann.insert('t', 'r', { x: 0 });
  merge(cleo, ann);
  ann.insert('t', 'missing', { x: 'not in the document' });
  const first = ann.summary();
  ann.update('t', 'r', { x: 2 });
  merge(ben, ann);
  ben.commit([
    { op: 'delete', table: 't', row: 'missing' },
    { op: 'insert', table: 'u', row: 'é', cells: { text: 'the same', other: 'the same' } },
  ]);
  const runs = send(cleo, ben, first);
  ann.update('t', 'r', { x: 'not in the document either' });
  merge(ben, ann);
  const second = ben.summary();
  ben.update('t', 'r', { x: 3 });
  runs.push(...send(cleo, ben, second));
  const third = ann.summary();
  ann.update('t', 'r', { x: 4 });
  runs.push(...send(cleo, ann, third));
  cleo.insert('t', 'q', { x: 'the same' });
  return { doc: cleo, runs };
}

/** `later` continues `compacted`; `onHorizon` is an update that builds on its horizon. */
function makeCompacted() {
  const [ann, ben, cleo] = create('ann', 'ben', 'cleo');
  for (const i of numbers(8)) ann.insert('t', `r${i}`, { x: i, text: 'the same' });
  for (const other of [ben, cleo]) merge(other, ann);
  for (const i of numbers(4)) ben.update('t', `r${i}`, { x: i + 10 });
  for (const i of [0, 1]) cleo.update('t', `r${i}`, { x: 'not on the horizon', y: i });
  cleo.delete('t', 'r7');
  ann.insert('t', 'r2', { y: 2 });
  merge(ann, ben);
  for (const i of [4, 5]) ann.delete('t', `r${i}`);
  ann.insert('t', 'r5', { x: 'again' });
  const horizon = [ann.summary()];

  const compacted = ann.forkAt(ann.heads(), 'compacted');
  compacted.compact(horizon);
  const [reader] = create('reader');
  reader.mergeUpdate(ann.updateSince());
  reader.compact(horizon);
  const known = reader.summary();
  reader.update('t', 'r6', { x: 60 });
  reader.delete('t', 'r3');
  const onHorizon = since(reader, known);

  merge(ann, cleo);
  ann.compact(horizon);
  merge(ann, reader);
  ann.update('t', 'r0', { text: 'the same', z: true });
  ann.insert('u', 'new', { x: 'the same' });
  ann.insert('t', 'r4', { y: 'back' });
  const dan = engine.load(ann.save(), { peer: 'dan' });
  dan.insert('u', 'new', { x: 'not in the document' });
  const between = dan.summary();
  dan.update('u', 'new', { y: 'waits' });
  return { compacted, later: { doc: ann, runs: send(ann, dan, between) }, onHorizon };
}

/** @type {(doc: Doc, into: string) => Update} */
function makeUpdate(doc, into) {
  const dan = engine.load(doc.save(), { peer: 'dan' });
  const known = dan.summary();
  dan.update('t', 'r', { x: 'new' });
  return { ...since(dan, known), into };
}

function makeEarly() {
  const [ann, ben] = create('ann', 'ben');
  ann.insert('t', 'r', { x: 1 });
  merge(ben, ann);
  ben.update('t', 'r', { y: 1 });
  merge(ann, ben);
  const known = ann.summary();
  ann.update('t', 'r', { x: 2 });
  return { ...since(ann, known), into: undefined };
}

/** `compacted` and `update` continue `doc`. */
function makeAdditions() {
  const [ann, ben, cleo] = create('ann', 'ben', 'cleo');
  const max = 2n ** 63n - 1n;
  ann.insert('t', 'r', { integer: 5, null: null, updated: 1, unset: 1, text: 'x' });
  for (const row of ['gone', 'again', 'hidden']) ann.insert('t', row, {});
  for (const other of [ben, cleo]) merge(other, ann);
  for (const doc of [ann, ben]) {
    for (const column of ['integer', 'null', 'absent', 'updated', 'unset']) doc.add('t', 'r', column, 3);
    for (const [column, amount] of /** @type {const} */ ([
      ['high', max],
      ['low', -max - 1n],
      ['zero', 0],
    ])) {
      doc.add('t', 'r', column, amount);
    }
    for (const row of ['gone', 'again']) doc.add('t', row, 'n', 1);
  }
  ann.commit([
    { op: 'update', table: 't', row: 'r', cells: { updated: 10 } },
    { op: 'add', table: 't', row: 'r', column: 'updated', amount: 1 },
    { op: 'unset', table: 't', row: 'r', columns: ['unset'] },
    { op: 'add', table: 't', row: 'r', column: 'unset', amount: 2 },
    { op: 'delete', table: 't', row: 'gone' },
    { op: 'delete', table: 't', row: 'again' },
    { op: 'insert', table: 't', row: 'again', cells: {} },
    { op: 'add', table: 't', row: 'again', column: 'n', amount: 4 },
  ]);
  // Executed after the delete of a row, this write has no effect, and its additions wait for an insert.
  cleo.delete('t', 'hidden');
  ben.update('t', 'hidden', { n: 1 });
  ben.add('t', 'hidden', 'n', 1);
  for (const other of [ben, cleo]) merge(ann, other);
  const [run] = ann.eventsSince(cleo.summary()).runs;
  const add = /** @type {const} */ ({ table: 't', row: 'r', column: 'integer', amount: 100n });
  ann.mergeEvents([
    {
      ...run,
      peer: 'void',
      start: 0,
      lamport: 1,
      deps: [],
      fingerprints: new BigUint64Array(),
      commits: [[{ tag: 'add', val: add }]],
    },
  ]);
  const doc = engine.load(ann.save(), { peer: 'doc' });

  const known = doc.summary();
  const [dan, eve] = ['dan', 'eve'].map((peer) => engine.load(doc.save(), { peer }));
  dan.update('t', 'r', { null: 50 });
  for (const column of ['integer', 'null', 'unset']) dan.add('t', 'r', column, 7);
  dan.delete('t', 'again');
  dan.insert('t', 'again', { n: null });
  dan.add('t', 'again', 'n', 8);
  const update = since(dan, known);
  for (const column of ['integer', 'null', 'absent', 'updated', 'unset']) eve.add('t', 'r', column, 20);
  eve.add('t', 'again', 'n', 20);
  eve.commit([
    { op: 'update', table: 't', row: 'r', cells: { zero: 30 } },
    { op: 'add', table: 't', row: 'r', column: 'zero', amount: 1 },
  ]);
  const compacted = engine.load(dan.save(), { peer: 'compacted' });
  merge(compacted, eve);
  compacted.compact([dan.summary()]);
  compacted.add('t', 'again', 'n', 1);
  compacted.add('t', 'r', 'low', 1);

  const [early] = create('early');
  early.insert('t', 'r', { integer: 1 });
  const late = engine.load(early.save(), { peer: 'late' });
  late.insert('t', 's', {});
  const between = late.summary();
  late.add('t', 'r', 'integer', 1);
  return { doc, compacted, update, waiting: { doc: early, runs: send(early, late, between) } };
}

/** `compacted` and `update` continue `doc`. */
function makeSplices() {
  const [ann, ben, cleo] = create('ann', 'ben', 'cleo');
  ann.insert('t', 'r', { written: 'Hello 🌍', null: null, updated: 'a', unset: 'b', number: 1 });
  for (const row of ['gone', 'again', 'hidden']) ann.insert('t', row, {});
  for (const other of [ben, cleo]) merge(other, ann);
  for (const doc of [ann, ben]) {
    const name = doc.peer();
    for (const [i, char] of [...`${name} types `].entries()) doc.splice('t', 'r', 'absent', i, 0, char);
    for (const column of ['null', 'updated', 'unset']) doc.splice('t', 'r', column, 0, 0, `${name} `);
    for (const row of ['gone', 'again']) doc.splice('t', row, 's', 0, 0, name);
    doc.splice('t', 'r', 'empty', 0, 0, '');
    // A cell with a sum and a text shows the text.
    doc.add('t', 'r', 'both', 1);
  }
  ann.splice('t', 'r', 'written', 5, 0, ', all');
  ben.splice('t', 'r', 'written', 6, 1, 'é🌞');
  for (const at of [7, 6, 5]) ben.splice('t', 'r', 'written', at, 1, '');
  cleo.splice('t', 'r', 'both', 0, 0, 'text');
  ann.commit([
    { op: 'update', table: 't', row: 'r', cells: { updated: 'new' } },
    { op: 'splice', table: 't', row: 'r', column: 'updated', at: 3, remove: 0, insert: '!' },
    { op: 'splice', table: 't', row: 'r', column: 'updated', at: 0, remove: 1, insert: 'N' },
    { op: 'unset', table: 't', row: 'r', columns: ['unset'] },
    { op: 'splice', table: 't', row: 'r', column: 'unset', at: 0, remove: 0, insert: 'set' },
    { op: 'delete', table: 't', row: 'gone' },
    { op: 'delete', table: 't', row: 'again' },
    { op: 'insert', table: 't', row: 'again', cells: {} },
    { op: 'splice', table: 't', row: 'again', column: 's', at: 0, remove: 0, insert: 'again' },
  ]);
  // Executed after the delete of a row, this write has no effect, and its splices wait for an insert.
  cleo.delete('t', 'hidden');
  ben.update('t', 'hidden', { s: 'hidden' });
  ben.splice('t', 'hidden', 's', 6, 0, '?');
  for (const other of [ben, cleo]) merge(ann, other);
  const head = ann.heads();
  ann.mergeEvents([
    {
      peer: 'void',
      start: 0,
      lamport: undefined,
      deps: head,
      fingerprints: new BigUint64Array(),
      salt: 0n,
      commits: [
        [
          splice({ column: 'written', at: 99, remove: 0, insert: 'beyond' }),
          splice({ column: 'written', at: 0, remove: 1, insert: 'J' }),
          splice({ column: 'void', at: 0, remove: 1, insert: 'void' }),
          splice({ column: 'number', at: 0, remove: 0, insert: 'not a text' }),
          splice({ row: 'gone', column: 's', at: 0, remove: 0, insert: 'no row' }),
        ],
      ],
    },
  ]);
  const doc = engine.load(ann.save(), { peer: 'doc' });

  const known = doc.summary();
  const [dan, eve] = ['dan', 'eve'].map((peer) => engine.load(doc.save(), { peer }));
  const late = engine.load(doc.save(), { peer: 'late' });
  dan.update('t', 'r', { null: 'dan' });
  for (const column of ['written', 'null', 'unset', 'absent']) dan.splice('t', 'r', column, 1, 1, 'dan 🌵');
  for (const [i, char] of [...'typed'].entries()) dan.splice('t', 'r', 'absent', 2 + i, 0, char);
  dan.delete('t', 'again');
  dan.insert('t', 'again', { s: null });
  dan.splice('t', 'again', 's', 0, 0, 'null');
  const update = since(dan, known);
  merge(eve, dan);
  for (const column of ['written', 'null', 'absent', 'updated']) eve.splice('t', 'r', column, 2, 1, 'eve');
  eve.splice('t', 'again', 's', 4, 0, '.');
  // These events do not build on the horizon.
  late.insert('t', 'late', {});
  late.splice('t', 'late', 's', 0, 0, 'late');
  const compacted = engine.load(dan.save(), { peer: 'compacted' });
  for (const other of [eve, late]) merge(compacted, other);
  compacted.compact([dan.summary()]);
  compacted.splice('t', 'again', 's', 0, 4, 'new');
  compacted.splice('t', 'r', 'unset', 0, 0, '');

  const [early] = create('early');
  early.insert('t', 'r', { s: 'early' });
  const other = engine.load(early.save(), { peer: 'other' });
  other.insert('t', 's', {});
  const between = other.summary();
  other.splice('t', 'r', 's', 5, 0, ' 🌵');
  other.commit([
    { op: 'splice', table: 't', row: 'r', column: 's', at: 0, remove: 1, insert: 'E' },
    { op: 'splice', table: 't', row: 's', column: 's', at: 0, remove: 0, insert: 'é' },
  ]);
  return { doc, compacted, update, waiting: { doc: early, runs: send(early, other, between) } };
}

/** @type {(content: { row?: string, column: string, at: number, remove: number, insert: string }) => RowOp} */
function splice(content) {
  return { tag: 'splice', val: { table: 't', row: 'r', ...content } };
}

/** Replicas that write as one peer, like restored backups; `nested` continues `once`. */
function makeForked() {
  const [ann, ben] = create('ann', 'ben');
  ann.insert('t', 'r', { x: 0, y: 0 });
  const other = copy(ann);
  ann.update('t', 'r', { x: 1 });
  other.update('t', 'r', { x: 2 });
  other.insert('t', 's', { x: 2 });
  merge(ann, other);
  merge(ben, ann);
  ben.update('t', 'r', { y: 'ben' });
  const once = engine.load(ben.save(), { peer: 'once' });

  merge(ann, ben);
  const [third, fourth] = [copy(ann), copy(ann)];
  for (const [x, doc] of [ann, third, fourth].entries()) doc.update('t', 'r', { x: `branch ${x}` });
  other.delete('t', 's');
  const last = copy(other);
  for (const [y, doc] of [other, last].entries()) doc.update('t', 'r', { y: `branch ${y}` });
  const [early] = create('ben');
  early.insert('u', 'early', {});
  for (const doc of [third, fourth, other, last, early]) merge(ann, doc);
  ann.insert('t', 'joined', {});
  return { once, nested: ann };
}

/** @param {Doc} nested */
function makeForkedCompacted(nested) {
  const below = copy(nested);
  merge(below, nested);
  const across = copy(below);
  const horizon = [below.summary()];
  below.compact(horizon);
  const [one, other] = [copy(below), copy(below)];
  below.update('t', 'r', { x: 'after the horizon' });
  across.update('t', 'r', { x: 'after the horizon, too' });
  merge(below, across);
  one.insert('t', 's', { x: 1 });
  other.insert('t', 's', { x: 2 });
  other.update('t', 's', { x: 3 });
  for (const doc of [one, other]) merge(below, doc);
  return below;
}

function makeWaitingBranch() {
  const [ann] = create('ann');
  ann.insert('t', 'r', { x: 0 });
  const other = copy(ann);
  ann.update('t', 'r', { x: 1 });
  other.update('t', 'r', { x: 'not in the document' });
  const known = other.summary();
  other.update('t', 'r', { x: 2 });
  other.update('t', 'r', { x: 3 });
  const ben = engine.load(other.save(), { peer: 'ben' });
  ben.insert('t', 's', {});
  const runs = [...send(ann, other, known), ...send(ann, ben, other.summary())];
  return { doc: ann, runs };
}

function makeSalted() {
  const [ann, doc] = create('ann', 'reader');
  ann.insert('t', 'r', { x: 0 });
  const [run] = ann.eventsSince().runs;
  doc.mergeEvents([run, { ...run, salt: 1n }, { ...run, salt: 2n ** 64n - 1n }]);
  return doc;
}

function makeUpdateOfFork() {
  const [ann] = create('ann');
  ann.insert('t', 'r', { x: 0 });
  const other = copy(ann);
  const known = ann.summary();
  ann.update('t', 'r', { x: 1 });
  other.update('t', 'r', { x: 2 });
  merge(other, ann);
  other.update('t', 'r', { x: 3 });
  return since(other, known);
}

function makeMarker() {
  const [ann] = create('ann');
  ann.insert('t', 'r', { x: 0 });
  const ben = engine.load(ann.save(), { peer: 'ben' });
  ben.insert('t', 's', {});
  ann.update('t', 'r', { x: 1 });
  return since(ben, ann.summary());
}

/**
 * Returns another replica of the same peer.
 *
 * @param {Doc} doc
 */
function copy(doc) {
  return engine.load(doc.save(), { peer: doc.peer() });
}

/** Returns the summary of an empty replica. */
function nothing() {
  return engine.summaryOf([]);
}

/** @type {(to: Doc, from: Doc) => void} */
function merge(to, from) {
  to.mergeUpdate(from.updateSince(to.summary()));
}

/**
 * Merges into `to` the events of `from` that are not in `known`. They must wait in `to`. Returns
 * their runs.
 *
 * @type {(to: Doc, from: Doc, known: Uint8Array) => Run[]}
 */
function send(to, from, known) {
  const { bytes, runs } = since(from, known);
  to.mergeUpdate(bytes);
  return runs;
}

/**
 * Returns the events of a document that a replica with this summary lacks, as bytes and as runs.
 *
 * @type {(doc: Doc, known: Uint8Array) => Update}
 */
function since(doc, known) {
  return { bytes: doc.updateSince(known), runs: named(doc, doc.eventsSince(known).runs) };
}

/**
 * Returns the facts of a document, with its waiting events.
 *
 * @param {Doc} doc
 */
function documentFacts(doc) {
  const runs = waits.get(doc);
  return { ...factsOf(engine, doc.raw), ...(runs === undefined ? {} : { waits: waitsOf(runs) }) };
}

/**
 * Returns the facts of an update, and of the document of the file `into`, or an empty one, after
 * merging it.
 *
 * @param {Update} update
 */
function updateFacts({ bytes, runs, into }) {
  const doc =
    into === undefined
      ? engine.create('reader')
      : engine.load(/** @type {Doc} */ (files[into][1]).save(), { peer: 'reader' });
  doc.mergeUpdate(bytes);
  return { ...(into === undefined ? {} : { into }), ...historyFacts(runs), after: factsOf(engine, doc.raw) };
}

/**
 * Formats JSON with a line for each member, and for each element of a long list.
 *
 * @param {object} json
 */
function text(json) {
  const members = Object.entries(json).map(([name, value]) => {
    const whole = JSON.stringify(value);
    const lines = () => value.map((/** @type {unknown} */ each) => `    ${JSON.stringify(each)}`).join(',\n');
    const isLong = Array.isArray(value) && whole.length > 100;
    return `  ${JSON.stringify(name)}: ${isLong ? `[\n${lines()}\n  ]` : whole}`;
  });
  return `{\n${members.join(',\n')}\n}\n`;
}
