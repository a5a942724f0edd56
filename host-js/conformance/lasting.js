// Reads the whole state of a document, and checks that saved bytes and updates preserve it after every case.

import assert from 'node:assert/strict';
import { CompactedError } from '../src/index.js';
import * as n from './notation.js';

/** @import { Engine } from '../src/engine.js' */
/** @import { Doc, EventRun, RowOp } from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Scene } from './runner.js' */
/** @import { JsonObject } from './notation.js' */
/** @typedef {ReturnType<typeof stateOf>} State */

/**
 * Returns the whole state of a document, which a call that fails must not change.
 *
 * @param {Doc} doc
 */
export function stateOf(doc) {
  const report = n.fromReport(doc.mergeEvents([]));
  return { ...readAll(doc), heads: doc.heads(), version: doc.version(), report, saved: doc.save() };
}

/** @param {Doc} doc */
function readAll(doc) {
  const contents = doc.tables().map(({ name, rows }) => {
    const all = [];
    for (let after, more = true; more;) {
      const page = doc.scan(name, { range: { tag: 'all' }, descending: false, limit: n.MAX_U32, after, columns: [] });
      all.push(...n.wholeRows(page));
      after = page.rows.at(-1)?.id;
      more = page.more;
    }
    assert.equal(all.length, rows, `the number of rows of ${name}`);
    return { name, rows: all };
  });
  return { digest: n.fromBytes(doc.digest()), contents };
}

/** @param {State} state */
export function isWaiting({ report }) {
  return Object.keys(report).length > 0;
}

/**
 * Returns the horizon of a document, or `undefined` if it was never compacted.
 *
 * @param {Engine} engine
 * @param {Doc} doc
 */
export function horizonOf(engine, doc) {
  try {
    doc.eventsSince(engine.summaryOf([]), 0);
    return undefined;
  } catch (error) {
    if (error instanceof CompactedError) return error.horizon;
    throw error;
  }
}

/**
 * Checks every replica with `checkDoc` and every store with `checkStore`. Returns the saved bytes
 * of the replicas and the snapshots of the stores.
 *
 * @param {Scene} scene
 * @returns {JsonObject}
 */
export function checkEnd(scene) {
  const saved = scene.replicas().map(([name, doc]) => {
    try {
      return [name, n.fromManyBytes(checkDoc(scene.engine, doc))];
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`at the end, ${JSON.stringify(name)}: ${message}`, { cause });
    }
  });
  return Object.fromEntries([...saved, ...scene.live.end(scene.engine)]);
}

/**
 * Checks that a document does not change if it is saved and loaded, if it is forked, and if another
 * document merges all of its events. Also checks the difference from an empty document. Returns the
 * saved bytes.
 *
 * @param {Engine} engine
 * @param {Doc} doc
 */
export function checkDoc(engine, doc) {
  const peer = doc.peer();
  const state = checkSaved(engine, doc);
  const known = isWaiting(state) ? withoutWaiting(state) : state;
  /** @type {(copy: Doc, what: string) => void} */
  const mustHaveAll = (copy, what) => {
    if (known === state) return mustBe(state, copy, what);
    const { report, ...others } = stateOf(copy);
    assert.deepEqual(report, {}, `${what} has waiting events, which updates must not contain`);
    mustBe(known, copy, what, withoutWaiting({ report, ...others }));
  };
  mustHaveAll(doc.forkAt(state.heads, peer), 'the fork at the heads');
  if (horizonOf(engine, doc) === undefined) {
    const copy = engine.raw.durable.Doc.create(peer);
    const nothing = engine.summaryOf([]);
    const update = doc.updateSince(nothing);
    copy.mergeUpdate(update);
    mustHaveAll(copy, 'the document that merged the update');
    checkDiff(doc, state);
    checkEvents(engine, doc, nothing, update);
  }
  return state.saved;
}

/**
 * Checks that an update reader returns the same events as `events-since`, but without Lamport
 * times.
 *
 * @param {Engine} engine
 * @param {Doc} doc
 * @param {Uint8Array} nothing the summary of an empty document
 * @param {Uint8Array} update
 */
function checkEvents(engine, doc, nothing, update) {
  const { runs: expected, more } = doc.eventsSince(nothing, n.MAX_U32);
  if (more) return;
  const reader = engine.openUpdate(update);
  // A first page of one event, so that the second one continues after it.
  const first = reader.next(1);
  const runs = first.more ? [...first.runs, ...reader.next().runs] : first.runs;
  reader.dispose();
  assert.ok(
    runs.every(({ lamport }) => lamport === undefined),
    'the update reader returns no lamport times',
  );
  assert.deepEqual(oneByOne(runs), oneByOne(expected), 'what the update reader returns');
}

/**
 * Returns the dependencies and operations of the events of runs, by peer and counter.
 *
 * @param {EventRun[]} runs
 */
function oneByOne(runs) {
  const events = runs.flatMap(({ peer, start, deps, commits }) =>
    commits.map((commit, place) => {
      const counter = start + place;
      return /** @type {const} */ ([
        JSON.stringify([peer, counter]),
        { deps: place === 0 ? deps : [{ peer, counter: counter - 1 }], commit },
      ]);
    }),
  );
  return new Map(events);
}

/**
 * Checks that a document does not change if it is saved and loaded. Returns its state.
 *
 * @param {Engine} engine
 * @param {Doc} doc
 */
export function checkSaved(engine, doc) {
  const peer = doc.peer();
  const state = stateOf(doc);
  const loaded = engine.raw.durable.Doc.load(peer, state.saved);
  assert.equal(loaded.peer(), peer, 'the peer of the loaded document');
  mustBe(state, loaded, 'the loaded document');
  checkPeek(engine, state);
  return state;
}

/**
 * Checks that `peek` finds rows in the saved bytes.
 *
 * @param {Engine} engine
 * @param {State} state
 */
function checkPeek(engine, { contents, saved }) {
  for (const table of new Set([contents[0], contents.at(-1)])) {
    if (table === undefined) continue;
    const { name, rows } = table;
    for (const row of [rows[0], rows.at(-1), { id: 'no such row', cells: undefined }]) {
      if (row === undefined) continue;
      assert.deepEqual(
        engine.raw.durable.Doc.peek(saved, name, row.id),
        row.cells,
        `the result of peek for ${row.id} in ${name}`,
      );
    }
  }
}

/**
 * @param {State} state
 * @returns {State}
 */
function withoutWaiting(state) {
  return { ...state, report: {}, saved: new Uint8Array() };
}

/**
 * @param {State} expected
 * @param {Doc} copy disposed by this function
 * @param {string} what
 * @param {State} [state] of the copy
 */
export function mustBe(expected, copy, what, state = stateOf(copy)) {
  copy[Symbol.dispose]();
  assert.deepEqual(state, expected, `${what} is not the same`);
}

/**
 * Checks `diff` from the empty document to the current rows, and back.
 *
 * @param {Doc} doc
 * @param {State} state
 */
function checkDiff(doc, { heads, contents }) {
  /** @type {RowOp[]} */
  const inserts = [];
  /** @type {RowOp[]} */
  const deletes = [];
  for (const { name: table, rows } of contents) {
    for (const { id: row, cells } of rows) {
      inserts.push({ tag: 'insert', val: { table, row, cells } });
      deletes.push({ tag: 'delete', val: { table, row } });
    }
  }
  assert.deepEqual(doc.diff([], heads), inserts, 'diff from the empty document');
  assert.deepEqual(doc.diff(heads, []), deletes, 'diff to the empty document');
  assert.deepEqual(doc.diff(heads, heads), [], 'diff between equal heads');
}
