// Row histories as `tests/data/rows` has them, and the orders in which a replay delivers them. Knows the form of the
// files, which the README beside them describes.

import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';

/** @import { Engine } from '../src/engine.js' */
/** @import { Cell, EventId, EventRun, RowOp } from '../dist/wit/interfaces/converge-sync-durable.js' */

/** The table that the histories fill. */
export const TABLE = 'files';

/** The dependencies of the events are identified by name. */
const NO_FINGERPRINTS = new BigUint64Array();

/** A file is not a history, or cannot be read. */
export class HistoryError extends Error {}

/**
 * The events of a history, each as a run of its own, in the order of the file.
 *
 * @param {string} path
 * @returns {Promise<EventRun[]>}
 * @throws {HistoryError}
 */
export async function readHistory(path) {
  /** @type {EventRun[]} */
  const events = [];
  /** @type {Map<string, number>} */
  const counts = new Map();
  await eachLine(path, ([kind, ...fields]) => {
    if (kind === 'C') {
      const [peer, lamport, numbers] = exactly(fields, 3);
      const deps =
        numbers === ''
          ? []
          : numbers.split(',').map((number) => {
              const event = events[integer(number)];
              if (event === undefined) throw new Error(`there is no event ${number} before this one`);
              return { peer: event.peer, counter: event.start };
            });
      const start = counts.get(peer) ?? 0;
      counts.set(peer, start + 1);
      events.push({
        peer,
        start,
        lamport: integer(lamport),
        deps: deps.sort(byPeer),
        fingerprints: NO_FINGERPRINTS,
        salt: 0n,
        commits: [[]],
      });
    } else {
      const commit = events.at(-1)?.commits[0];
      if (commit === undefined) throw new Error('there is no event yet for this operation');
      commit.push(operation(kind, fields));
    }
  });
  return events;
}

/**
 * Adds the fingerprints of their dependencies to events that have none, each of which follows its dependencies. With
 * fingerprints, they can be merged in any order. Merges all of them into a document of its own.
 *
 * @param {Engine} engine
 * @param {EventRun[]} events
 */
export function addFingerprints(engine, events) {
  const doc = engine.create('fingerprints');
  doc.mergeEvents(events);
  /** @type {Map<string, bigint>} */
  const known = new Map();
  const key = (/** @type {EventId} */ { peer, counter }) => `${counter} ${peer}`;
  for (const event of events) {
    const { peer, start, deps } = event;
    const previous = start > 0 ? [{ peer, counter: start - 1 }] : [];
    event.fingerprints = BigUint64Array.from([...previous, ...deps].map((id) => known.get(key(id)) ?? 0n));
    const id = { peer, counter: start };
    // The permanent name ends with the digits of the fingerprint.
    known.set(key(id), BigInt(`0x${doc.permanentId(id).peer.split('~').at(-1)}`));
  }
  doc.dispose();
}

/**
 * The rows that a history gives: by row id, the line's fields behind it.
 *
 * @param {string} path
 * @returns {Promise<Map<string, string>>}
 * @throws {HistoryError}
 */
export async function readExpected(path) {
  /** @type {Map<string, string>} */
  const rows = new Map();
  await eachLine(path, ([row = '', ...cells]) => {
    rows.set(row, cells.map(escape).join('\t'));
  });
  return rows;
}

/**
 * Cells as the expected file has them.
 *
 * @param {Cell[]} cells
 */
export function fieldsOf(cells) {
  return cells.map(({ column, value }) => escape(`${column}=${'val' in value ? value.val : ''}`)).join('\t');
}

/** @param {string} text */
export function escape(text) {
  return text.replace(/[\\\t\n]/g, (character) => (character === '\\' ? '\\\\' : character === '\t' ? '\\t' : '\\n'));
}

/**
 * The events in another order.
 *
 * @template T
 * @param {readonly T[]} events
 * @param {string} order file, reverse or shuffle:SEED
 * @returns {T[] | undefined} undefined where there is no such order
 */
export function inOrder(events, order) {
  if (order === 'file') return events.slice();
  if (order === 'reverse') return events.slice().reverse();
  const seed = /^shuffle:(\d{1,20})$/.exec(order)?.[1];
  return seed === undefined || BigInt(seed) >= 2n ** 64n ? undefined : shuffle(events, BigInt(seed));
}

/**
 * Fisher and Yates's shuffle, from the last place down, with the numbers of splitmix64: the same in every host.
 *
 * @template T
 * @param {readonly T[]} events
 * @param {bigint} seed
 * @returns {T[]}
 */
function shuffle(events, seed) {
  const next = splitmix64(seed);
  const shuffled = events.slice();
  for (let i = shuffled.length - 1; i >= 1; i--) {
    const j = Number(next() % BigInt(i + 1));
    const kept = /** @type {T} */ (shuffled[i]);
    shuffled[i] = /** @type {T} */ (shuffled[j]);
    shuffled[j] = kept;
  }
  return shuffled;
}

/**
 * Sebastiano Vigna's splitmix64 (https://prng.di.unimi.it/splitmix64.c).
 *
 * @param {bigint} seed
 */
export function splitmix64(seed) {
  let state = seed;
  const wrap = (/** @type {bigint} */ number) => BigInt.asUintN(64, number);
  return () => {
    state = wrap(state + 0x9e3779b97f4a7c15n);
    let z = state;
    z = wrap((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = wrap((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return z ^ (z >> 31n);
  };
}

/**
 * @param {string} path
 * @param {(fields: string[]) => void} line
 */
async function eachLine(path, line) {
  let number = 0;
  try {
    const file = await readFile(path);
    const packed = file[0] === 0x1f && file[1] === 0x8b;
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(packed ? gunzipSync(file) : file);
    for (const fields of text.split('\n')) {
      number++;
      if (fields !== '') line(fields.split('\t').map(unescape));
    }
  } catch (cause) {
    const where = number === 0 ? path : `${path}, line ${number}`;
    throw new HistoryError(`${where}: ${/** @type {Error} */ (cause).message}`, { cause });
  }
}

/** @param {string} field */
function unescape(field) {
  return field.replace(/\\(.)/g, (_, character) => (character === 't' ? '\t' : character === 'n' ? '\n' : character));
}

/**
 * @param {string | undefined} kind
 * @param {string[]} fields
 * @returns {RowOp}
 */
function operation(kind, fields) {
  const [row = '', ...cells] = fields;
  switch (kind) {
    case 'I':
      return { tag: 'insert', val: { table: TABLE, row, cells: cells.map(cell) } };
    case 'U':
      return { tag: 'update', val: { table: TABLE, row, cells: cells.map(cell) } };
    case 'D':
      return { tag: 'delete', val: { table: TABLE, row: exactly(fields, 1)[0] } };
    default:
      throw new Error(`a line begins with C, I, U or D, not with ${JSON.stringify(kind)}`);
  }
}

/**
 * @param {string[]} fields
 * @param {number} count
 * @returns {[string, string, string]}
 */
function exactly(fields, count) {
  if (fields.length !== count) throw new Error(`the line has ${fields.length + 1} fields, not ${count + 1}`);
  return /** @type {[string, string, string]} */ (fields);
}

/** @param {string} text */
function integer(text) {
  if (!/^[0-9]{1,10}$/.test(text)) throw new Error(`${JSON.stringify(text)} is not a number`);
  return Number(text);
}

/**
 * @param {string} field
 * @returns {Cell}
 */
function cell(field) {
  const at = field.indexOf('=');
  if (at < 0) throw new Error(`a cell is column=value, not ${JSON.stringify(field)}`);
  const column = field.slice(0, at);
  const text = field.slice(at + 1);
  if (column !== 'modified') return { column, value: { tag: 'text', val: text } };
  if (!/^-?[0-9]{1,19}$/.test(text)) throw new Error(`${JSON.stringify(text)} is not an integer`);
  return { column, value: { tag: 'integer', val: BigInt(text) } };
}

/**
 * @param {EventId} a
 * @param {EventId} b
 */
function byPeer(a, b) {
  return Buffer.compare(Buffer.from(a.peer), Buffer.from(b.peer));
}
