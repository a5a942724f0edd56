// Converts JavaScript values to the contract's types and back. Cells are plain objects, and
// operations are objects without nested variants.

import * as check from './check.js';
import { InvalidArgumentError } from './errors.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { KeyRange, Value } from '../dist/wit/interfaces/converge-sync-types.js' */
/** @import { CellValue, Cells, Op } from './types.js' */

/**
 * A real whose value is a whole number, such as 10.0: the number 10 would be an integer. It is a
 * `Number` object, so that it calculates, formats and serializes as JSON like the number, and
 * `structuredClone` does not turn it into an integer. As with every object, use `Number(value)`
 * before `===`, `typeof` or a test for 0.
 */
export class Real extends Number {
  /** @param {number} value */
  constructor(value) {
    super(value);
    Object.freeze(this);
  }

  /** The value as a primitive number. */
  get value() {
    return this.valueOf();
  }
}

/**
 * Marks a number as a real, even if its value is a whole number: `real(1)`, `real(2 ** 60)`.
 * Numbers with a fraction, -0, the infinities and NaN are stored as reals without this function.
 *
 * @param {number} value
 * @returns {Real}
 * @throws {InvalidArgumentError} if `value` is not a number
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
const MIN_SAFE = BigInt(Number.MIN_SAFE_INTEGER);
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

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
  const cells = {};
  for (const { column, value } of list) {
    setCell(cells, column, value);
  }
  return cells;
}

/**
 * @param {string[]} columns
 * @param {Value[]} values one for each column
 * @returns {Cells}
 */
export function fromShaped(columns, values) {
  /** @type {Cells} */
  const cells = {};
  for (let at = 0; at < columns.length; at++) {
    setCell(cells, /** @type {string} */ (columns[at]), /** @type {Value} */ (values[at]));
  }
  return cells;
}

/**
 * @param {Cells} cells
 * @param {string} column
 * @param {Value} value
 */
function setCell(cells, column, value) {
  if (column === '__proto__') {
    // An assignment would change the prototype.
    Object.defineProperty(cells, column, {
      value: fromValue(value),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else {
    cells[column] = fromValue(value);
  }
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

/** The number of shapes that the columns of a row are compared with: the latest ones. */
const COMPARED_SHAPES = 16;

/**
 * Converts several inserts and updates to rows that share the names of their columns, which cost
 * less to pass. Returns `undefined` for one operation, and if there are others.
 *
 * @param {wit.Commit} ops
 * @returns {wit.RowsOp[] | undefined}
 */
export function toRowsOps(ops) {
  if (ops.length < 2) {
    return undefined;
  }
  /** @type {wit.RowsOp[]} */
  const list = [];
  for (const { tag, val } of ops) {
    if (tag !== 'insert' && tag !== 'update') {
      return undefined;
    }
    const last = list.at(-1);
    const isNext = last?.tag === tag && last.val.table === val.table;
    const { shapes, rows } = isNext ? last.val : started(list, tag, val.table);
    rows.push({ id: val.row, shape: shapeOf(shapes, val.cells), values: val.cells.map(({ value }) => value) });
  }
  return list;
}

/**
 * Adds an operation without rows, and returns its content.
 *
 * @param {wit.RowsOp[]} list
 * @param {wit.RowsOp['tag']} tag
 * @param {string} table
 * @returns {wit.TableRows}
 */
function started(list, tag, table) {
  const val = { table, shapes: [], rows: [] };
  list.push({ tag, val });
  return val;
}

/**
 * Returns the index of the shape with the columns of these cells, and adds it if it is new.
 *
 * @param {string[][]} shapes
 * @param {wit.Cell[]} cells
 */
function shapeOf(shapes, cells) {
  const end = Math.max(0, shapes.length - COMPARED_SHAPES);
  for (let at = shapes.length - 1; at >= end; at--) {
    const shape = shapes[at];
    if (shape?.length === cells.length && cells.every(({ column }, index) => column === shape[index])) {
      return at;
    }
  }
  shapes.push(cells.map(({ column }) => column));
  return shapes.length - 1;
}

const WITH_CELLS = ['op', 'table', 'row', 'cells'];
const WITH_COLUMNS = ['op', 'table', 'row', 'columns'];
const OF_A_ROW = ['op', 'table', 'row'];
const WITH_PLACE = ['op', 'table', 'row', 'column', 'at', 'remove', 'insert'];
const WITH_AMOUNT = ['op', 'table', 'row', 'column', 'amount'];

/**
 * @param {unknown} given
 * @returns {wit.RowOp}
 */
function toOp(given) {
  const { op } = check.object(given, '');
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
      const { table, row } = check.options(given, op, OF_A_ROW);
      return { tag: op, val: { table: check.string(table, 'table'), row: check.string(row, 'row') } };
    }
    case 'unset': {
      const { table, row, columns } = check.options(given, op, WITH_COLUMNS);
      check.each(columns, 'columns', check.string);
      return {
        tag: op,
        val: {
          table: check.string(table, 'table'),
          row: check.string(row, 'row'),
          columns: /** @type {string[]} */ (columns),
        },
      };
    }
    case 'splice': {
      const { table, row, column, at, remove, insert } = check.options(given, op, WITH_PLACE);
      return {
        tag: op,
        val: {
          table: check.string(table, 'table'),
          row: check.string(row, 'row'),
          column: check.string(column, 'column'),
          at: check.u32(at, 'at'),
          remove: check.u32(remove, 'remove'),
          insert: check.string(insert, 'insert'),
        },
      };
    }
    case 'add': {
      const { table, row, column, amount } = check.options(given, op, WITH_AMOUNT);
      return {
        tag: op,
        val: {
          table: check.string(table, 'table'),
          row: check.string(row, 'row'),
          column: check.string(column, 'column'),
          amount: toAmount(amount),
        },
      };
    }
    default:
      return check.refuse(`op must be 'insert', 'update', 'delete', 'unset', 'splice' or 'add', not ${check.show(op)}`);
  }
}

/**
 * @param {wit.RowOp} op
 * @returns {Op<CellValue>}
 */
export function fromOp({ tag, val }) {
  const { table, row } = val;
  switch (tag) {
    case 'delete':
      return { op: tag, table, row };
    case 'unset':
      return { op: tag, table, row, columns: val.columns };
    case 'splice': {
      const { column, at, remove, insert } = val;
      return { op: tag, table, row, column, at, remove, insert };
    }
    case 'add':
      return { op: tag, table, row, column: val.column, amount: fromInteger(val.amount) };
    default:
      return { op: tag, table, row, cells: fromCells(val.cells) };
  }
}

const RANGES = /** @type {const} */ ({
  equal: 'equal',
  atLeast: 'at-least',
  atMost: 'at-most',
  between: 'between',
  startsWith: 'starts-with',
});

/**
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
    check.refuse(`range must have exactly one of ${names.join(', ')}, not ${given.length}`);
  }
  const name = /** @type {keyof typeof RANGES} */ (given[0]);
  if (name !== 'between') {
    return { tag: RANGES[name], val: check.string(checked[name], name) };
  }
  /** @type {string[]} */
  const ends = [];
  check.each(checked.between, 'between', (end, what) => ends.push(check.string(end, what)));
  const [first, last, ...others] = ends;
  if (first === undefined || last === undefined || others.length > 0) {
    check.refuse('between must have two ends');
  }
  return { tag: 'between', val: { first, last } };
}

/**
 * Converts the amount of an addition.
 *
 * @param {unknown} amount
 * @returns {bigint}
 */
export function toAmount(amount) {
  if (typeof amount === 'bigint') {
    return check.s64(amount, 'amount');
  }
  if (typeof amount !== 'number' || !Number.isInteger(amount)) {
    const hint = typeof amount === 'object' && amount !== null && isNumberObject(amount) ? '; use Number(amount)' : '';
    check.refuse(`amount must be a whole number or a bigint, not ${check.show(amount)}${hint}`);
  }
  if (!Number.isSafeInteger(amount)) {
    check.refuse(`amount is ${amount}, beyond the safe integers: use a bigint`);
  }
  return BigInt(amount);
}

/**
 * @param {unknown} value
 * @param {string} name of the column, or the key of the register
 * @param {(name: string) => string} [what] returns a description of the value, for error messages
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
      if (value instanceof Real) return { tag: 'real', val: value.valueOf() };
      if (check.isBytes(value)) return { tag: 'blob', val: check.bytes(value, what(name)) };
      if (isNumberObject(value)) return { tag: 'real', val: Number.prototype.valueOf.call(value) };
  }
  return check.refuse(
    value === undefined
      ? `${what(name)} is undefined; use null, or leave it out`
      : `${what(name)} must be null, a boolean, number, bigint, string or Uint8Array, not ${check.show(value)}`,
  );
}

/**
 * Returns whether a value is a `Number` object of any realm, such as a `Real` or its
 * `structuredClone`.
 *
 * @param {object} value
 * @returns {boolean}
 */
function isNumberObject(value) {
  try {
    Number.prototype.valueOf.call(value);
    return true;
  } catch {
    return false;
  }
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
      return fromInteger(value.val);
    case 'real':
      return Number.isInteger(value.val) && !Object.is(value.val, -0) ? new Real(value.val) : value.val;
    case 'blob':
      return /** @type {Uint8Array<ArrayBuffer>} */ (value.val);
    default:
      return value.val;
  }
}

/**
 * @param {bigint} integer
 * @returns {number | bigint}
 */
function fromInteger(integer) {
  return integer >= MIN_SAFE && integer <= MAX_SAFE ? Number(integer) : integer;
}

/**
 * @param {unknown} cells
 * @returns {Record<string, unknown>}
 */
function plain(cells) {
  const checked = check.object(cells, 'cells');
  const prototype = Object.getPrototypeOf(checked);
  // Accept object literals of any realm and objects without a prototype.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    check.refuse(`cells must be a plain object, not ${check.show(cells)}`);
  }
  return checked;
}

/** @param {string} column */
function cellName(column) {
  return `the cell ${JSON.stringify(column)}`;
}
