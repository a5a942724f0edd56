// Reads the histories in `tests/data/rows`, whose README describes the format, and arranges the events in other orders.

import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';

/** @import { Engine } from '../src/engine.js' */
/** @import { Cell, EventId, EventRun, Page, RowOp } from '../dist/wit/interfaces/converge-sync-durable.js' */

/** The table that the histories fill. */
export const TABLE = 'files';

/** The dependencies of the events are identified by name. */
const NO_FINGERPRINTS = new BigUint64Array();

/** The file cannot be read or is not a history. */
export class HistoryError extends Error {}

/**
 * Returns the events of a history in the order of the file, each as a separate run.
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
              if (event === undefined) throw new Error(`event ${number} does not precede this event`);
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
      if (commit === undefined) throw new Error('this operation precedes the first event');
      commit.push(operation(kind, fields));
    }
  });
  return events;
}

/**
 * Adds the fingerprints of the dependencies to events without fingerprints, so that the events can
 * be merged in any order. Each event must follow its dependencies. Merges all events into a
 * temporary document.
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
 * Returns the expected rows of a history: the fields of each line after the row id, by row id.
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
 * Returns the rows of a page by id, formatted as in the file of the expected rows.
 *
 * @param {Page} page
 * @returns {[id: string, fields: string][]}
 */
export function formatted({ shapes, rows }) {
  return rows.map(({ id, shape, values }) => {
    const columns = shapes[shape] ?? [];
    return [id, values.map((value, at) => escape(`${columns[at]}=${'val' in value ? value.val : ''}`)).join('\t')];
  });
}

/** @param {string} text */
export function escape(text) {
  return text.replace(/[\\\t\n]/g, (character) => (character === '\\' ? '\\\\' : character === '\t' ? '\\t' : '\\n'));
}

/**
 * Returns the events in another order.
 *
 * @template T
 * @param {readonly T[]} events
 * @param {string} order file, reverse or shuffle:SEED
 * @returns {T[] | undefined} `undefined` if the order is unknown
 */
export function inOrder(events, order) {
  if (order === 'file') return events.slice();
  if (order === 'reverse') return events.slice().reverse();
  const seed = /^shuffle:(\d{1,20})$/.exec(order)?.[1];
  return seed === undefined || BigInt(seed) >= 2n ** 64n ? undefined : shuffle(events, BigInt(seed));
}

/**
 * Shuffles the events with the Fisher–Yates algorithm, from the last index down, with numbers from
 * splitmix64. The result is the same in every host.
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
 * Returns the generator splitmix64 by Sebastiano Vigna (https://prng.di.unimi.it/splitmix64.c).
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
      throw new Error(`the line begins with ${JSON.stringify(kind)}, not with C, I, U or D`);
  }
}

/**
 * @param {string[]} fields
 * @param {number} count
 * @returns {[string, string, string]}
 */
function exactly(fields, count) {
  if (fields.length !== count) throw new Error(`the line has ${fields.length + 1} fields; ${count + 1} are required`);
  return /** @type {[string, string, string]} */ (fields);
}

/** @param {string} text */
function integer(text) {
  if (!/^[0-9]{1,10}$/.test(text)) throw new Error(`${JSON.stringify(text)} is not an integer from 0 to 9999999999`);
  return Number(text);
}

/**
 * @param {string} field
 * @returns {Cell}
 */
function cell(field) {
  const at = field.indexOf('=');
  if (at < 0) throw new Error(`${JSON.stringify(field)} does not have the form column=value`);
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
