// Reads saved documents and updates with the engine and with format.js, which is written from docs/format.md alone, and
// compares the results. The files include those of earlier versions.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { readHistory, splitmix64 } from '../host-js/bin/history.js';
import * as n from '../host-js/conformance/notation.js';
import { InvalidArgumentError, NoSuchRowError, open, real } from '../host-js/src/node.js';
import { documentFacts, eventsOf, factsOf, historyFacts, named, waitsOf } from './data/format-1/facts.js';
import { Corrupt, UnsupportedFeature, UnsupportedVersion, read } from './format.js';
import { Text } from './fugue.js';

/** @import { Doc } from '../host-js/src/doc.js' */
/** @import { Json } from '../host-js/conformance/notation.js' */
/** @import { Op } from '../host-js/src/types.js' */
/** @import { Event, Op as NotedOp } from './data/format-1/facts.js' */
/** @import { Document, Table, Update } from './format.js' */
/**
 * An operation with the index of its event in the order of execution, its place in the event, and
 * its name: peer, counter and place. And what plain operations on a row result in: the cells, if
 * the row exists, the last write of each cell, and the last delete.
 *
 * @typedef {{ event: number, place: number, name: number[], tag: string, content: any }} PlacedOp
 * @typedef {{ cells?: Map<string, Json>, writes: Map<string, PlacedOp>, remove?: PlacedOp }} RowResult
 */

const SEEDS = Number(process.env.CONVERGE_SEEDS ?? 200);
const FIRST_SEED = Number(process.env.CONVERGE_FIRST_SEED ?? 0);
const PLAIN = /** @type {const} */ (['insert', 'update', 'update', 'delete', 'unset']);
const OPS = /** @type {const} */ ([...PLAIN, 'add', 'add', 'add', 'splice', 'splice', 'splice', 'splice']);
const data = new URL('data/', import.meta.url);
const crashers = new URL('crashers/', import.meta.url);
const engine = await open();

const folders = readdirSync(data).filter((name) => name.startsWith('format-'));
test('there are files of version 1', () => assert.ok(folders.includes('format-1')));

for (const folder of folders) {
  const here = new URL(`${folder}/`, data);
  const names = readdirSync(here).flatMap((file) => (file.endsWith('.bin') ? [file.slice(0, -4)] : []));
  const bytesOf = (/** @type {string} */ name) => new Uint8Array(readFileSync(new URL(`${name}.bin`, here)));

  test(`${folder}: README.md lists all files`, () => {
    const listed = [...readFileSync(new URL('README.md', here), 'utf8').matchAll(/^\| `([a-z-]+)` \|/gm)];
    assert.deepEqual(listed.map((match) => match[1]).sort(), names.sort());
    assert.ok(names.length > 0 && names.every((name) => existsSync(new URL(`${name}.json`, here))));
  });

  for (const name of names) {
    const {
      about,
      kind,
      into,
      after,
      waits = [],
      ...facts
    } = JSON.parse(readFileSync(new URL(`${name}.json`, here), 'utf8'));

    if (kind === 'document') {
      test(`${folder}/${name}: format.js reads the content in the .json`, () => {
        const found = readDocument(bytesOf(name));
        assert.deepEqual(readFacts(found), facts);
        assert.deepEqual(waitsOf(found.waiting), waits);
      });

      test(`${folder}/${name}: the engine reads the content in the .json, and saves the same bytes`, () => {
        const doc = engine.load(bytesOf(name), { peer: 'reader' });
        assert.deepEqual(factsOf(engine, doc.raw), facts);
        assert.deepEqual(doc.save(), bytesOf(name));
        doc.dispose();
      });
    } else {
      test(`${folder}/${name}: format.js reads the content in the .json`, () => {
        assert.deepEqual(sameTimes(read(bytesOf(name)), facts.history), facts);
      });

      test(`${folder}/${name}: the engine merges it`, () => {
        const doc = into === undefined ? engine.create('reader') : engine.load(bytesOf(into), { peer: 'reader' });
        doc.mergeUpdate(bytesOf(name));
        assert.deepEqual(factsOf(engine, doc.raw), after);
        doc.dispose();
      });
    }
  }
}

test('format.js rejects and accepts the same crashers as the engine', () => {
  const lines = readFileSync(new URL('verdicts.txt', crashers), 'utf8').split('\n');
  const verdicts = lines.map((line) => line.split(' ')).filter(([, call]) => call === 'merge-update');
  assert.ok(verdicts.length > 50);
  for (const [file, , , verdict] of verdicts) {
    const bytes = readFileSync(new URL(file, crashers));
    if (verdict === 'corrupt') assert.throws(() => read(bytes), Corrupt, file);
    else if (verdict === 'unsupported-feature') assert.throws(() => read(bytes), UnsupportedFeature, file);
    else if (verdict === 'unsupported-version') assert.throws(() => read(bytes), UnsupportedVersion, file);
    else if (verdict === 'ok' || verdict === 'compacted') assert.doesNotThrow(() => read(bytes), file);
  }
});

for (const [name, events, rows] of /** @type {const} */ ([
  ['yjs', 2247, 74],
  ['automerge', 1655, 649],
])) {
  test(`the document of the history of ${name}`, async () => {
    const doc = engine.create('replay');
    doc.mergeEvents(await readHistory(new URL(`rows/${name}.history.tsv.gz`, data).pathname));
    const found = checkSame(doc);
    assert.equal(historyFacts(found.runs).events, events);
    assert.deepEqual(
      found.tables.map((table) => table.rows.length),
      [rows],
    );
    doc.dispose();
  });
}

test(`random documents, from seed ${FIRST_SEED} on`, () => {
  const seen = { horizon: 0, changed: 0, waiting: 0, heads: 0, branches: 0, sums: 0, kept: 0, texts: 0, bases: 0 };
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    try {
      const { doc, full, sent } = makeRandom(splitmix64(BigInt(seed)));
      const found = checkSame(doc);
      if (full !== undefined) checkFull(doc, full);
      const waits = waitsOf(found.waiting);
      assert.deepEqual(
        waits,
        waits.map(([name]) => sent.get(String(name))),
      );
      if (found.horizon.length > 0) checkHorizon(doc, found);
      const branches = found.peers.filter((peer) => peer.includes('~'));
      const facts = { ...found, branches, heads: found.heads.slice(1) };
      for (const what of /** @type {(keyof typeof seen)[]} */ (Object.keys(seen)))
        seen[what] += Number(facts[what]) > 0 || Object(facts[what]).length > 0 ? 1 : 0;
      doc.dispose();
    } catch (cause) {
      throw new Error(`seed ${seed}: ${cause}`, { cause });
    }
  }
  for (const [what, count] of Object.entries(seen))
    assert.ok(count > SEEDS / (what === 'kept' ? 30 : 10) || SEEDS < 100, `${count} with ${what}`);
});

/**
 * Checks that format.js reads a document and its updates like the engine. Returns the document.
 *
 * @param {Doc} doc
 */
function checkSame(doc) {
  const found = readDocument(doc.save());
  const facts = factsOf(engine, doc.raw);
  assert.deepEqual(readFacts(found), facts);
  const horizon = found.horizon;
  const since = (/** @type {Uint8Array} */ summary) => named(doc, doc.eventsSince(summary).runs);
  if (horizon.length === 0) assert.deepEqual(execute(found), facts.tables);

  const half = doc.version().map(({ peer, count }) => {
    const min = horizon.find((entry) => entry.peer === peer)?.count ?? 0;
    return { peer, count: min + Math.floor((count - min) / 2) };
  });
  for (const known of [engine.summaryOf(horizon), engine.summaryOf(half), doc.summary()]) {
    const runs = since(known);
    const update = read(doc.updateSince(known));
    assert.deepEqual(sameTimes(update, eventsOf(runs)), historyFacts(runs));
  }
  return found;
}

/** @param {Uint8Array} bytes */
function readDocument(bytes) {
  return /** @type {Document} */ (read(bytes, true));
}

/**
 * Checks that a compacted document has the tables that the whole history results in. `full` is a
 * copy that was made before the compaction.
 *
 * @param {Doc} doc
 * @param {Doc} full
 */
function checkFull(doc, full) {
  full.mergeUpdate(doc.updateSince(full.summary()));
  const isSame = JSON.stringify(full.version()) === JSON.stringify(doc.version());
  if (isSame) assert.deepEqual(execute(readDocument(full.save())), factsOf(engine, doc.raw).tables);
  full.dispose();
}

/**
 * Checks the rows that changed since the horizon, by a fork at the horizon.
 *
 * @param {Doc} doc
 * @param {Document} found
 */
function checkHorizon(doc, found) {
  const then = doc.forkAt(found.horizonHeads, 'then');
  const key = (/** @type {string[]} */ ...place) => JSON.stringify(place);
  const rowsOf = (/** @type {Document} */ { tables }) =>
    new Map(tables.flatMap(({ name, rows }) => rows.map(({ id, cells }) => [key(name, id), cells])));
  const rows = rowsOf(found);
  for (const { val } of found.runs.flatMap(({ commits }) => commits.flat())) rows.delete(key(val.table, val.row));
  for (const { table, row, cells } of found.changed) if (cells !== undefined) rows.set(key(table, row), cells);
  assert.deepEqual(rows, rowsOf(readDocument(then.save())));
  then.dispose();
}

/**
 * Returns the facts of a document that format.js has read.
 *
 * @param {Document} document
 */
function readFacts({ waiting, ...found }) {
  const count = waiting.reduce((count, { commits }) => count + commits.length, 0);
  return documentFacts({ ...found, waiting: count, digest: digest(found.tables) });
}

/**
 * Returns the facts of an update that format.js has read, with missing lamport times taken from
 * `events`.
 *
 * @param {Document | Update} update
 * @param {Event[]} events
 */
function sameTimes({ runs }, events) {
  const facts = historyFacts(runs);
  const history = facts.history?.map(([name, time, ...others], i) => [name, time ?? events[i]?.[1], ...others]);
  return history === undefined ? facts : { ...facts, history };
}

/**
 * Executes all plain operations one at a time, by lamport time, peer and branch, and then the
 * additions and splices that count: the rule of docs/semantics.md.
 *
 * @param {Document} document
 */
function execute({ runs, peers, places }) {
  const place = new Map(peers.map((peer, i) => [peer, places[i]]));
  const events = runs
    .flatMap(({ peer, start, lamport = NaN, deps, commits }) =>
      commits.map((ops, k) => ({
        name: `${peer} ${start + k}`,
        counter: start + k,
        time: lamport + k,
        place: Number(place.get(peer)),
        deps: k === 0 ? deps.map(({ peer, counter }) => `${peer} ${counter}`) : [`${peer} ${start + k - 1}`],
        ops: /** @type {NotedOp[]} */ (n.fromOps(ops)),
      })),
    )
    .sort((one, other) => one.time - other.time || one.place - other.place);
  const numbers = new Map(events.map(({ name }, event) => [name, event]));
  const pasts = /** @type {Set<number>[]} */ ([]);
  /** @type {(event: number) => Set<number>} */
  const pastOf = (event) => {
    const deps = events[event].deps.map((name) => Number(numbers.get(name)));
    return (pasts[event] ??= new Set(deps.flatMap((dep) => [dep, ...pastOf(dep)])));
  };

  const rows = /** @type {Map<string, { table: string, row: string, ops: PlacedOp[] }>} */ (new Map());
  for (const [event, { ops, ...name }] of events.entries()) {
    for (const [place, op] of ops.entries()) {
      for (const [tag, [table, row, ...content]] of Object.entries(op)) {
        const key = JSON.stringify([table, row]);
        if (!rows.has(key)) rows.set(key, { table, row, ops: [] });
        rows.get(key)?.ops.push({ event, place, name: [name.place, name.counter, place], tag, content });
      }
    }
  }
  const tables = /** @type {Map<string, Map<string, Map<string, Json>>>} */ (new Map());
  for (const { table, row, ops } of rows.values()) {
    const cells = cellsOf(ops, pastOf);
    if (cells !== undefined) tables.set(table, (tables.get(table) ?? new Map()).set(row, cells));
  }
  /** @type {<T>(map: Map<string, T>) => [string, T][]} */
  const sorted = (map) => [...map].sort(([a], [b]) => compare(a, b));
  return sorted(tables).map(([name, rows]) => [name, sorted(rows).map(([id, cells]) => [id, sorted(cells)])]);
}

/**
 * Returns the cells of a row, or `undefined` if it does not exist. An edit counts if the write or
 * the delete that left the value there which its author saw is the last one.
 *
 * @param {PlacedOp[]} ops on the row, in the order of execution
 * @param {(event: number) => Set<number>} pastOf returns the events that an event builds on
 */
function cellsOf(ops, pastOf) {
  const present = executeRow(ops);
  const sums = /** @type {Map<string, bigint>} */ (new Map());
  const texts = /** @type {Map<string, { text: Text<PlacedOp>, shows: boolean }>} */ (new Map());
  for (const edit of ops) {
    const { event, place, tag, content } = edit;
    if (tag !== 'add' && tag !== 'splice') continue;
    const [column, ...change] = content;
    const isSeen = (/** @type {PlacedOp} */ op) =>
      op.event === event ? op.place < place : pastOf(event).has(op.event);
    const seen = executeRow(ops.filter(isSeen));
    const value = seen.cells?.get(column) ?? 'null';
    const base = tag === 'add' ? 'integer' : 'text';
    const isVoid = seen.cells === undefined || (value !== 'null' && !Object.hasOwn(Object(value), base));
    /** @type {(row: RowResult) => PlacedOp | undefined} */
    const ground = ({ writes, remove }) => writes.get(column) ?? remove;
    if (isVoid || ground(seen) !== ground(present)) continue;
    if (tag === 'add') {
      sums.set(column, (sums.get(column) ?? 0n) + BigInt(change[0]));
      continue;
    }
    const written = /** @type {{ text?: string }} */ (Object(value)).text;
    const entry = texts.get(column) ?? { text: new Text(written ?? '', compareNames), shows: written !== undefined };
    texts.set(column, entry);
    const [at, remove, insert] = change;
    entry.shows = entry.text.splice(edit, { at, remove, insert }, isSeen) || entry.shows;
  }
  for (const [column, sum] of sums) {
    const base = /** @type {{ integer?: string }} */ (present.cells?.get(column) ?? {});
    const all = sum + BigInt(base.integer ?? 0);
    const clamped = all < -(2n ** 63n) ? -(2n ** 63n) : all >= 2n ** 63n ? 2n ** 63n - 1n : all;
    present.cells?.set(column, { integer: String(clamped) });
  }
  // A cell with a text and a sum shows the text.
  for (const [column, { text, shows }] of texts) {
    if (shows) present.cells?.set(column, { text: text.read() });
  }
  return present.cells;
}

/** @type {(a: PlacedOp, b: PlacedOp) => number} */
function compareNames({ name: a }, { name: b }) {
  const at = a.findIndex((number, index) => number !== b[index]);
  return a[at] - b[at];
}

/** @type {(ops: PlacedOp[]) => RowResult} executes the plain operations on a row */
function executeRow(ops) {
  /** @type {RowResult} */
  const row = { writes: new Map() };
  for (const op of ops) {
    const [cells = []] = op.content;
    if (op.tag === 'delete') {
      row.cells = undefined;
      row.writes.clear();
      row.remove = op;
    }
    if (op.tag === 'insert') row.cells ??= new Map();
    if (row.cells === undefined || ['add', 'splice'].includes(op.tag)) continue;
    for (const cell of cells) {
      const [column, value] = op.tag === 'unset' ? [cell] : cell;
      if (op.tag === 'unset') row.cells.delete(column);
      else row.cells.set(column, value);
      row.writes.set(column, op);
    }
  }
  return row;
}

/**
 * Computes the digest of tables as docs/semantics.md defines it.
 *
 * @param {Table[]} tables
 */
function digest(tables) {
  const hash = createHash('sha256');
  /** @type {(tag: string, content: string | Uint8Array) => void} */
  const bytes = (tag, content) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(Buffer.byteLength(content));
    hash.update(tag).update(length).update(content);
  };
  /** @type {(tag: string, write: (content: Buffer) => void) => void} */
  const number = (tag, write) => {
    const content = Buffer.alloc(8);
    write(content);
    hash.update(tag).update(content);
  };
  for (const { name, rows } of tables) {
    bytes('T', name);
    for (const { id, cells } of rows) {
      bytes('R', id);
      for (const { column, value } of cells) {
        bytes('C', column);
        if (value.tag === 'null') hash.update('n');
        if (value.tag === 'boolean') hash.update('b').update(Uint8Array.of(value.val ? 1 : 0));
        if (value.tag === 'integer') number('i', (content) => content.writeBigInt64LE(value.val));
        if (value.tag === 'real') number('r', (content) => content.writeDoubleLE(value.val));
        if (value.tag === 'text') bytes('t', value.val);
        if (value.tag === 'blob') bytes('x', value.val);
      }
    }
  }
  return hash.digest();
}

/**
 * Creates a small document of several replicas, some of which write as one peer. Some documents are
 * compacted, and some have waiting events, all of which are in `sent`.
 *
 * @param {() => bigint} next
 */
function makeRandom(next) {
  const below = (/** @type {number} */ bound) => Number(next() % BigInt(bound));
  const replicas = ['a', 'ab', 'b', 'é'].slice(below(3)).map((peer) => engine.create(peer));
  const doc = replicas[0];
  const states = /** @type {{ version: unknown[], summary: Uint8Array }[]} */ ([]);
  const note = () => states.push({ version: doc.version(), summary: doc.summary() });
  if (below(2) === 0) {
    // Then most edits are concurrent with others, and with writes to the same cell.
    doc.insert('t', 'r0', { n: 7, x: 7, s: 'été 🌞' });
    for (const replica of replicas.slice(1)) replica.mergeUpdate(doc.updateSince());
    note();
    if (below(3) === 0) {
      // A write after a delete, with a splice: both count again if an insert arrives that comes between the two.
      const author = replicas[replicas.length - 1];
      if (author !== doc) doc.delete('t', 'r0');
      author.commit([]);
      author.update('t', 'r0', { s: 'hidden' });
      author.splice('t', 'r0', 's', 6, 0, '!');
      if (below(2) === 0) doc.mergeUpdate(author.updateSince(doc.summary()));
      note();
    }
  }
  for (let steps = 5 + below(40); steps > 0; steps--) {
    const [one, other] = [replicas[below(replicas.length)], replicas[below(replicas.length)]];
    if (below(12) === 0) {
      const copy = engine.load(one.save(), { peer: one.peer() });
      copy.distinguish(BigInt(below(3)));
      replicas.push(copy);
    } else if (below(3) > 0) commitRandom(one, below);
    else if (one !== other) one.mergeUpdate(other.updateSince(one.summary()));
    note();
  }

  let full = /** @type {Doc | undefined} */ (undefined);
  let isCompacted = false;
  const compactAt = (/** @type {number} */ from) => {
    const { version, summary } = states[from + below(states.length - from)];
    if (version.length === 0) return;
    if (full === undefined) full = engine.load(doc.save(), { peer: 'full' });
    else full.mergeUpdate(doc.updateSince(full.summary()));
    doc.compact([summary]);
    isCompacted = true;
  };
  if (below(2) === 0) {
    let first = below(states.length);
    note();
    if (below(2) === 0) {
      // Some events do not build on the horizon.
      const other = engine.load(doc.save(), { peer: 'other' });
      for (const replica of [doc, other, other]) commitRandom(replica, below);
      first = states.length;
      note();
      doc.mergeUpdate(other.updateSince(doc.summary()));
      other.dispose();
    }
    compactAt(first);
    for (let commits = below(10); commits > 0; commits--) commitRandom(doc, below);
  }
  const compacted = states.length;
  note();

  // Some events wait already: events of one of two branches can arrive before their dependencies.
  const before = waitsOf(readDocument(doc.save()).waiting);

  // Another replica continues from here, sometimes as the same peer, and a part of its events arrives.
  const late = engine.load(doc.save(), { peer: below(3) === 0 ? doc.peer() : 'late' });
  const known = late.summary();
  for (let commits = below(6); commits > 0; commits--) {
    commitRandom(late, below);
    if (below(3) === 0) commitRandom(doc, below);
    if (below(3) === 0) late.mergeUpdate(doc.updateSince(late.summary()));
  }
  const runs = named(late, late.eventsSince(known).runs);
  for (const { commits, prints, ...run } of runs) {
    for (const [k, commit] of commits.entries()) {
      const start = run.start + k;
      const deps = k === 0 ? run.deps : [{ peer: run.peer, counter: start - 1 }];
      const fingerprints = k === 0 ? run.fingerprints : BigUint64Array.of(prints[k - 1], prints[k - 1]);
      const one = { ...run, start, lamport: Number(run.lamport) + k, deps, fingerprints, commits: [commit] };
      if (below(3) > 0) doc.mergeEvents([one]);
      note();
    }
  }
  if (isCompacted && below(2) === 0) {
    compactAt(compacted);
    for (let commits = below(4); commits > 0; commits--) commitRandom(doc, below);
  }
  for (const replica of [late, ...replicas.slice(1)]) replica.dispose();
  const sent = new Map([...before, ...waitsOf(runs)].map((event) => [String(event[0]), event]));
  return { doc, full, sent };
}

/** @type {(doc: Doc, below: (bound: number) => number) => void} */
function commitRandom(doc, below) {
  const values = [null, true, false, 7, -7, 2n ** 63n - 1n, real(0.5), NaN, '', 'the same', 'é', Uint8Array.of(1, 2)];
  /** @type {Op[]} */
  const ops = Array.from({ length: below(4) }, () => {
    const place = { table: ['t', 'u'][below(2)], row: `r${Math.max(0, below(6) - 2)}` };
    const exists = doc.get(place.table, place.row) !== undefined;
    const op = exists ? OPS[below(OPS.length)] : 'insert';
    if (op === 'delete') return { op, ...place };
    const columns = ['x', 'y', 'z'].filter(() => below(2) === 0);
    if (op === 'add') {
      const amounts = [1, 2, -1, 2n ** 63n - 1n, -(2n ** 63n)];
      const column = ['x', 'y', 'z', 'n'].filter((name) => canAdd(doc.get(place.table, place.row)?.[name]))[below(2)];
      return { op, ...place, column: column ?? 'n', amount: amounts[below(amounts.length)] };
    }
    if (op === 'splice') {
      const cells = doc.get(place.table, place.row);
      const column = ['s', 's', 'x', 'y'].filter((name) => canSplice(cells?.[name]))[below(3)] ?? 's';
      const length = [...String(cells?.[column] ?? '')].length;
      const at = below(length + 1);
      // A place beyond the text is refused here, and void where it arrives in an event.
      const remove = below(2) * below(length - at + 1);
      return { op, ...place, column, at, remove, insert: ['', 'a', 'bc', 'é🌞', '-'][below(5)] };
    }
    if (op === 'unset') return { op, ...place, columns };
    return { op, ...place, cells: Object.fromEntries(columns.map((name) => [name, values[below(values.length)]])) };
  });
  if (below(12) === 0) return mergeVoid(doc, below);
  try {
    doc.commit(ops);
  } catch (error) {
    if (!(error instanceof NoSuchRowError) && !(error instanceof InvalidArgumentError)) throw error;
  }
}

/**
 * Merges an event of a new peer with a splice that is void as a rule: its place is beyond the text,
 * or there is no text.
 *
 * @param {Doc} doc
 * @param {(bound: number) => number} below
 */
function mergeVoid(doc, below) {
  const deps = doc.heads();
  const fingerprints = BigUint64Array.from(deps, (dep) => BigInt(`0x${doc.permanentId(dep).peer.split('~')[1]}`));
  const val = { table: 't', row: `r${below(3)}`, column: ['s', 'x', 'n'][below(3)] };
  const splice = (/** @type {number} */ at) =>
    /** @type {const} */ ({ tag: 'splice', val: { ...val, at, remove: below(2), insert: 'void' } });
  const commits = [[splice(below(8)), splice(2 ** 32 - 1)], [splice(0)]];
  const run = { peer: `void ${below(2 ** 30)}`, start: 0, deps, fingerprints, salt: 0n, commits };
  doc.mergeEvents([{ ...run, lamport: undefined }]);
}

/** @param {unknown} value of a cell */
function canAdd(value) {
  return value === undefined || value === null || Number.isInteger(value) || typeof value === 'bigint';
}

/** @param {unknown} value of a cell */
function canSplice(value) {
  return value === undefined || value === null || typeof value === 'string';
}

/** @type {(a: string, b: string) => number} */
function compare(a, b) {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
