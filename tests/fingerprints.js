// The fingerprints of events, computed as docs/format.md says, from what the events hold and build on.
import { addWord, finish, xxh64 } from './xxh64.js';

const KINDS = ['insert', 'update', 'delete', 'unset'];
const TAGS = { null: 0n, integer: 3n, real: 4n, text: 5n, blob: 6n };

/** @import { RowOp, Value } from '../host-js/dist/wit/interfaces/converge-sync-durable.js' */
/**
 * An event but for its operations: its author, without a branch; the fingerprint of the author's previous event, 0 if there
 * is none; the salt; and the fingerprints of the other dependencies.
 *
 * @typedef {{ author: string, previous: bigint, salt: bigint, others: bigint[] }} Ground
 */

/** @type {(ground: Ground, ops: RowOp[]) => bigint} */
export function fingerprint({ author, previous, salt, others }, ops) {
  const words = [previous, body(ops), salt, ...ascending(others)];
  const hash = finish(words.reduce(addWord, hashOf(author)));
  return hash === 0n ? 2n ** 64n - 1n : hash;
}

/** How a fingerprint is written. */
export function digits(fingerprint) {
  return fingerprint.toString(16).padStart(16, '0');
}

function body(ops) {
  const tables = new Map();
  for (const [place, { tag, val }] of ops.entries()) {
    const words = [(BigInt(place) << 8n) | BigInt(KINDS.indexOf(tag)), hashOf(val.row), ...cellsOf(tag, val)];
    tables.set(val.table, words.reduce(addWord, tables.get(val.table) ?? hashOf(val.table)));
  }
  return BigInt.asUintN(
    64,
    [...tables.values()].reduce((sum, hash) => sum + finish(hash), 0n),
  );
}

/** How many cells an operation has, and the words of each. */
function cellsOf(tag, { cells = [], columns = [] }) {
  const words = tag === 'unset' ? columns.map((column) => [hashOf(column), 0n]) : cells.map(cellOf);
  return [BigInt(words.length), ...words.flat()];
}

/** @param {{ column: string, value: Value }} cell */
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

function bitsOf(real) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, real);
  return Number.isNaN(real) ? 0x7ff8000000000000n : view.getBigUint64(0);
}

function ascending(numbers) {
  return [...numbers].sort((a, b) => (a < b ? -1 : Number(a > b)));
}

const hashes = new Map();

/** The hash of a text or blob. Those of texts are kept: names come again and again. */
function hashOf(content) {
  if (typeof content !== 'string') return xxh64(content);
  if (!hashes.has(content)) hashes.set(content, xxh64(new TextEncoder().encode(content)));
  return hashes.get(content);
}
