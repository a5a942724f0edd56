// JavaScript values to the contract's and back: cells as plain objects, operations as flat ones.

import * as check from './check.js';
import { InvalidArgumentError } from './errors.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { KeyRange, Value } from '../dist/wit/interfaces/converge-sync-types.js' */

/**
 * What a cell gives: an integer is a number where it is safe and a bigint elsewhere; a real is a number.
 *
 * @typedef {null | boolean | number | bigint | string | Uint8Array} CellValue
 */

/**
 * A row's cells by column: an object without a prototype, so that only columns are in it.
 *
 * @typedef {Record<string, CellValue>} Cells
 */

/**
 * What a cell takes: what it gives, or `real(...)`.
 *
 * @typedef {CellValue | Real} NewCellValue
 */

/** @typedef {Record<string, NewCellValue>} NewCells */

/**
 * @template {NewCellValue} [V=NewCellValue]
 * @typedef {{ op: 'insert', table: string, row: string, cells: Record<string, V> }
 *   | { op: 'update', table: string, row: string, cells: Record<string, V> }
 *   | { op: 'delete', table: string, row: string }} Op
 */

/**
 * Which rows of a table, by row id, compared as UTF-8 bytes; both ends of `between` belong to the range.
 *
 * @typedef {{ equal: string } | { atLeast: string } | { atMost: string } | { between: [string, string] }
 *   | { startsWith: string }} Range
 */

/** A number that is to be stored as a real, whatever its value; made by `real`. */
export class Real {
  /** @param {number} value */
  constructor(value) {
    this.value = value;
    Object.freeze(this);
  }

  valueOf() {
    return this.value;
  }
}

/**
 * Says that a number is to be stored as a real: `real(1)`, `real(2 ** 60)`. Numbers that are not integers, -0, the
 * infinities and NaN are stored as reals without it.
 *
 * @param {number} value
 * @returns {Real}
 * @throws {InvalidArgumentError} where it is not a number
 */
export function real(value) {
  if (typeof value !== 'number') {
    check.refuse(`real() takes a number, not ${check.show(value)}`);
  }
  return new Real(value);
}

/** @type {Value} */
const NULL = Object.freeze({ tag: 'null' });
/** @type {Value} */
const TRUE = Object.freeze({ tag: 'boolean', val: true });
/** @type {Value} */
const FALSE = Object.freeze({ tag: 'boolean', val: false });
/** @type {KeyRange} */
const ALL = Object.freeze({ tag: 'all' });
const LEAST_SAFE = BigInt(Number.MIN_SAFE_INTEGER);
const MOST_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * @param {unknown} cells
 * @returns {wit.Cell[]}
 */
export function toCells(cells) {
  const named = plain(cells);
  const list = [];
  for (const column of Object.keys(named)) {
    check.string(column, 'a column name');
    list.push({ column, value: toValue(named[column], column) });
  }
  return list;
}

/**
 * @param {wit.Cell[]} list
 * @returns {Cells}
 */
export function fromCells(list) {
  /** @type {Cells} */
  const cells = Object.create(null);
  for (const { column, value } of list) {
    cells[column] = fromValue(value);
  }
  return cells;
}

/**
 * @param {unknown} list
 * @returns {wit.Commit}
 */
export function toOps(list) {
  /** @type {wit.Commit} */
  const ops = [];
  check.each(list, 'ops', (op) => ops.push(toOp(op)));
  return ops;
}

const WITH_CELLS = ['op', 'table', 'row', 'cells'];
const WITHOUT_CELLS = ['op', 'table', 'row'];

/**
 * @param {unknown} given
 * @returns {wit.RowOp}
 */
function toOp(given) {
  const { op } = check.object(given, 'an operation');
  switch (op) {
    case 'insert':
    case 'update': {
      const { table, row, cells } = check.options(given, op, WITH_CELLS);
      return {
        tag: op,
        val: { table: check.string(table, 'table'), row: check.string(row, 'row'), cells: toCells(cells) },
      };
    }
    case 'delete': {
      const { table, row } = check.options(given, op, WITHOUT_CELLS);
      return { tag: op, val: { table: check.string(table, 'table'), row: check.string(row, 'row') } };
    }
    default:
      return check.refuse(`op must be 'insert', 'update' or 'delete', not ${check.show(op)}`);
  }
}

/**
 * @param {wit.RowOp} op
 * @returns {Op<CellValue>}
 */
export function fromOp(op) {
  const { table, row } = op.val;
  return op.tag === 'delete' ? { op: op.tag, table, row } : { op: op.tag, table, row, cells: fromCells(op.val.cells) };
}

const RANGES = /** @type {const} */ ({
  equal: 'equal',
  atLeast: 'at-least',
  atMost: 'at-most',
  between: 'between',
  startsWith: 'starts-with',
});

/**
 * The ends of `between` are checked with the other options of a scan.
 *
 * @param {unknown} range
 * @returns {KeyRange}
 */
export function toRange(range) {
  if (range === undefined) {
    return ALL;
  }
  const names = Object.keys(RANGES);
  const checked = check.options(range, 'range', names);
  const given = Object.keys(checked);
  if (given.length !== 1) {
    check.refuse(`range must have one of ${names.join(', ')}, not ${given.length} of them`);
  }
  const name = /** @type {keyof typeof RANGES} */ (given[0]);
  if (name !== 'between') {
    return { tag: RANGES[name], val: check.string(checked[name], name) };
  }
  return { tag: 'between', val: /** @type {[string, string]} */ (checked.between) };
}

/**
 * @param {unknown} value
 * @param {string} name of the column, or the key of the register
 * @param {(name: string) => string} [what] the value in words, for messages
 * @returns {Value}
 */
export function toValue(value, name, what = cellName) {
  switch (typeof value) {
    case 'string':
      return { tag: 'text', val: text(value, name, what) };
    case 'number':
      return number(value, name, what);
    case 'boolean':
      return value ? TRUE : FALSE;
    case 'bigint':
      return { tag: 'integer', val: check.s64(value, what(name)) };
    case 'object':
      if (value === null) return NULL;
      if (value instanceof Real) return { tag: 'real', val: value.value };
      if (check.isBytes(value)) return { tag: 'blob', val: check.bytes(value, what(name)) };
  }
  return check.refuse(
    value === undefined
      ? `${what(name)} is undefined; use null, or leave it out`
      : `${what(name)} must be null, a boolean, number, bigint, string or Uint8Array, not ${check.show(value)}`,
  );
}

/**
 * @param {number} value
 * @param {string} name
 * @param {(name: string) => string} what
 * @returns {Value}
 */
function number(value, name, what) {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
    return { tag: 'integer', val: BigInt(value) };
  }
  if (Number.isInteger(value) && value !== 0) {
    check.refuse(
      `${what(name)} is ${value}, beyond the safe integers: use a bigint for an integer, or real(...) for a real`,
    );
  }
  return { tag: 'real', val: value };
}

/**
 * @param {string} value
 * @param {string} name
 * @param {(name: string) => string} what
 */
function text(value, name, what) {
  try {
    return check.string(value, 'the text');
  } catch (error) {
    return check.refuse(`${what(name)}: ${/** @type {InvalidArgumentError} */ (error).payload}`);
  }
}

/**
 * @param {Value} value
 * @returns {CellValue}
 */
export function fromValue(value) {
  switch (value.tag) {
    case 'null':
      return null;
    case 'integer':
      return value.val >= LEAST_SAFE && value.val <= MOST_SAFE ? Number(value.val) : value.val;
    default:
      return value.val;
  }
}

/**
 * @param {unknown} cells
 * @returns {Record<string, unknown>}
 */
function plain(cells) {
  const checked = check.object(cells, 'cells');
  const prototype = Object.getPrototypeOf(checked);
  // An object literal of whatever realm, or one without a prototype.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    check.refuse(`cells must be a plain object, not ${check.show(cells)}`);
  }
  return checked;
}

/** @param {string} column */
function cellName(column) {
  return `the cell ${JSON.stringify(column)}`;
}
