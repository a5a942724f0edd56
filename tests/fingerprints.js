// Computes the fingerprints of events from their content and dependencies, as docs/format.md defines them.
import { addWord, finish, xxh64 } from './xxh64.js';

const KINDS = { insert: 0n, update: 1n, delete: 2n, unset: 3n, splice: 4n, add: 5n };
const TAGS = { null: 0n, integer: 3n, real: 4n, text: 5n, blob: 6n };

/** @import { Cell, RowOp } from '../host-js/dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Value } from '../host-js/dist/wit/interfaces/converge-sync-types.js' */
/**
 * An event without its operations: the author, without a branch; the fingerprint of the author's
 * previous event, or 0 if there is none; the salt; and the fingerprints of the other dependencies.
 *
 * @typedef {{ author: string, previous: bigint, salt: bigint, others: bigint[] }} Ground
 */

/** @type {(ground: Ground, ops: RowOp[]) => bigint} */
export function fingerprint({ author, previous, salt, others }, ops) {
  const words = [previous, body(ops), salt, ...ascending(others)];
  const hash = finish(words.reduce(addWord, hashOf(author)));
  return hash === 0n ? 2n ** 64n - 1n : hash;
}

/**
 * Formats a fingerprint as 16 hexadecimal digits.
 *
 * @param {bigint} fingerprint
 */
export function digits(fingerprint) {
  return fingerprint.toString(16).padStart(16, '0');
}

/** @param {RowOp[]} ops */
function body(ops) {
  const tables = new Map();
  for (const [place, op] of ops.entries()) {
    const { tag, val } = op;
    const words = [(BigInt(place) << 8n) | KINDS[tag], hashOf(val.row), ...cellsOf(op)];
    tables.set(val.table, words.reduce(addWord, tables.get(val.table) ?? hashOf(val.table)));
  }
  return BigInt.asUintN(
    64,
    [...tables.values()].reduce((sum, hash) => sum + finish(hash), 0n),
  );
}

/**
 * Returns the words of an operation: the number of its cells, and the words of each cell.
 *
 * @param {RowOp} op
 */
function cellsOf(op) {
  const words = wordsOf(op);
  return [BigInt(words.length), ...words.flat()];
}

/**
 * Returns the words of each cell of an operation.
 *
 * @param {RowOp} op
 */
function wordsOf({ tag, val }) {
  switch (tag) {
    case 'delete':
      return [];
    case 'unset':
      return val.columns.map((column) => [hashOf(column), 0n]);
    case 'splice': {
      const { column, at, remove, insert } = val;
      const place = (BigInt(at) << 32n) | BigInt(remove);
      const values = /** @type {Value[]} */ ([
        { tag: 'text', val: insert },
        { tag: 'integer', val: place },
      ]);
      return values.map((value) => cellOf({ column, value }));
    }
    case 'add':
      return [cellOf({ column: val.column, value: { tag: 'integer', val: val.amount } })];
    default:
      return val.cells.map(cellOf);
  }
}

/** @param {Cell} cell */
function cellOf({ column, value }) {
  const words = [hashOf(column)];
  switch (value.tag) {
    case 'null':
      return [...words, TAGS.null];
    case 'boolean':
      return [...words, value.val ? 2n : 1n];
    case 'integer':
      return [...words, TAGS.integer, BigInt.asUintN(64, value.val)];
    case 'real':
      return [...words, TAGS.real, bitsOf(value.val)];
    default:
      return [...words, TAGS[value.tag], hashOf(value.val)];
  }
}

/** @param {number} real */
function bitsOf(real) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, real);
  return Number.isNaN(real) ? 0x7ff8000000000000n : view.getBigUint64(0);
}

/** @param {bigint[]} numbers */
function ascending(numbers) {
  return [...numbers].sort((a, b) => (a < b ? -1 : Number(a > b)));
}

const hashes = new Map();

/**
 * Returns the hash of a text or blob. Caches the hashes of texts, because names repeat.
 *
 * @param {string | Uint8Array} content
 * @returns {bigint}
 */
function hashOf(content) {
  if (typeof content !== 'string') return xxh64(content);
  if (!hashes.has(content)) hashes.set(content, xxh64(new TextEncoder().encode(content)));
  return hashes.get(content);
}
