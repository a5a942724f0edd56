// Checks of arguments before a call. The glue would wrap, mend or half send what is wrong; here it is refused in words.
// The second half checks what has the contract's own types.

import { InvalidArgumentError } from './errors.js';

/** @import { KeyRange, Value } from '../dist/wit/interfaces/converge-sync-types.js' */

export const MOST_U32 = 0xffff_ffff;
/** Longer than the engine takes a text or a blob; well below what would not fit into its memory. */
const MOST_LENGTH = 2 ** 28;
/** More bytes than a document can have that fits into the engine's memory beside them. */
const MOST_SAVED = 2 ** 31 - 1;
const LEAST_S64 = -(2n ** 63n);
const MOST_S64 = 2n ** 63n - 1n;

/** @type {(text: string) => boolean} */
const isWellFormed =
  'isWellFormed' in String.prototype ? (text) => text.isWellFormed() : (text) => !/\p{Surrogate}/u.test(text);

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {string}
 */
export function string(value, what) {
  if (typeof value !== 'string') {
    refuse(`${what} must be a string, not ${show(value)}`);
  }
  if (value.length > MOST_LENGTH) {
    refuse(`${what} has ${value.length} code units, more than anything that the engine takes`);
  }
  if (!isWellFormed(value)) {
    refuse(`${what} has a lone surrogate, which UTF-8 cannot hold; keep the halves of each pair together`);
  }
  return value;
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {number}
 */
export function u32(value, what) {
  if (typeof value !== 'number' || !(value >= 0 && value <= MOST_U32) || !Number.isInteger(value)) {
    refuse(`${what} must be an integer from 0 to ${MOST_U32}, not ${show(value)}`);
  }
  return value;
}

/**
 * A number; which ones are times is the engine's to say.
 *
 * @param {unknown} value
 * @param {string} what
 * @returns {number}
 */
export function milliseconds(value, what) {
  if (typeof value !== 'number') {
    refuse(`${what} must be a number of milliseconds, not ${show(value)}`);
  }
  return value;
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {bigint}
 */
export function s64(value, what) {
  if (typeof value !== 'bigint' || value < LEAST_S64 || value > MOST_S64) {
    refuse(`${what} must be a bigint from -(2n ** 63n) to 2n ** 63n - 1n, not ${show(value)}`);
  }
  return value;
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {boolean}
 */
export function boolean(value, what) {
  if (typeof value !== 'boolean') {
    refuse(`${what} must be true or false, not ${show(value)}`);
  }
  return value;
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {Uint8Array}
 */
export function bytes(value, what) {
  return bytesUpTo(MOST_LENGTH, value, what);
}

/**
 * A saved document or an update, which may be larger than a blob.
 *
 * @param {unknown} value
 * @param {string} what
 * @returns {Uint8Array}
 */
export function saved(value, what) {
  return bytesUpTo(MOST_SAVED, value, what);
}

/**
 * @param {number} most
 * @param {unknown} value
 * @param {string} what
 * @returns {Uint8Array}
 */
function bytesUpTo(most, value, what) {
  if (!isBytes(value)) {
    refuse(`${what} must be a Uint8Array, not ${show(value)}`);
  }
  if (value.length > most) {
    refuse(`${what} has ${value.length} bytes, more than anything that the engine takes`);
  }
  if (value.length === 0 && !isAttached(value)) {
    refuse(`${what} has lost its buffer, which was transferred or made smaller`);
  }
  return value;
}

/**
 * Whether the array still has its bytes: one without reads as an empty one.
 *
 * @param {Uint8Array} array
 */
function isAttached(array) {
  try {
    array.at(0);
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether it is a Uint8Array, of whatever realm.
 *
 * @param {unknown} value
 * @returns {value is Uint8Array}
 */
export function isBytes(value) {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]';
}

/**
 * Checks each element of an array; a refusal tells the element's place.
 *
 * @param {unknown} list
 * @param {string} what
 * @param {(element: any) => void} element
 */
export function each(list, what, element) {
  if (!Array.isArray(list)) {
    refuse(`${what} must be an array, not ${show(list)}`);
  }
  const length = list.length;
  let i = 0;
  try {
    for (; i < length; i++) {
      element(list[i]);
    }
  } catch (error) {
    if (error instanceof InvalidArgumentError) {
      refuse(`${what}[${i}]: ${error.payload}`);
    }
    throw error;
  }
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {Record<string, unknown>}
 */
export function object(value, what) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuse(`${what} must be an object, not ${show(value)}`);
  }
  return /** @type {Record<string, unknown>} */ (value);
}

/**
 * An object without other members than these, so that a slip of the pen is not ignored.
 *
 * @param {unknown} value
 * @param {string} what
 * @param {readonly string[]} members
 * @returns {Record<string, unknown>}
 */
export function options(value, what, members) {
  const checked = object(value, what);
  for (const member in checked) {
    if (!members.includes(member)) {
      refuse(`${what} has no member ${JSON.stringify(member)}; it may have ${members.join(', ')}`);
    }
  }
  return checked;
}

/**
 * @param {string} message
 * @returns {never}
 */
export function refuse(message) {
  throw new InvalidArgumentError(message);
}

/**
 * A value in a few words, for messages.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function show(value) {
  switch (typeof value) {
    case 'string':
      return value.length > 40 ? `a string of ${value.length} code units` : JSON.stringify(value);
    case 'bigint':
      return `${value}n`;
    case 'function':
      return 'a function';
    case 'object': {
      if (value === null) return 'null';
      const tag = Object.prototype.toString.call(value).slice(8, -1);
      const name = tag === 'Object' ? (Object.getPrototypeOf(value)?.constructor?.name ?? tag) : tag;
      return /^[AEIOU]/i.test(name) && !/^U(int|RL)/.test(name) ? `an ${name}` : `a ${name}`;
    }
    default:
      return Object.is(value, -0) ? '-0' : String(value);
  }
}

// What has the contract's own types.

/** @param {unknown} list */
export function cells(list) {
  each(list, 'cells', cell);
}

/** @param {unknown} list */
export function commit(list) {
  each(list, 'ops', rowOp);
}

/** @param {unknown} list */
export function runs(list) {
  each(list, 'events', run);
}

/**
 * @param {unknown} list
 * @param {string} what
 */
export function version(list, what) {
  each(list, what, peerVersion);
}

/**
 * @param {unknown} list
 * @param {string} what
 */
export function heads(list, what) {
  each(list, what, eventId);
}

/** @param {unknown} list */
export function tables(list) {
  each(list, 'tables', table);
}

/** @param {unknown} list */
export function namespaces(list) {
  each(list, 'namespaces', namespace);
}

/** @param {unknown} list */
export function entries(list) {
  each(list, 'entries', entry);
}

/** @param {unknown} value */
export function storeOptions(value) {
  const checked = object(value, 'options');
  milliseconds(checked.timeToLive, 'timeToLive');
  milliseconds(checked.mostSkew, 'mostSkew');
}

/** @param {unknown} value */
export function sessionOptions(value) {
  const checked = object(value, 'options');
  string(checked.document, 'document');
  u32(checked.mostMessageBytes, 'mostMessageBytes');
  namespaces(checked.namespaces);
  boolean(checked.readOnly, 'readOnly');
}

/** @param {unknown} value */
export function scanOptions(value) {
  const checked = object(value, 'options');
  keyRange(checked.range);
  boolean(checked.descending, 'descending');
  u32(checked.limit, 'limit');
  if (checked.after !== undefined) {
    string(checked.after, 'after');
  }
  each(checked.columns, 'columns', column);
}

/** @param {unknown} value */
function table(value) {
  string(value, 'table');
}

/** @param {unknown} value */
function end(value) {
  string(value, 'an end');
}

/** @param {unknown} value */
function namespace(value) {
  string(value, 'namespace');
}

/** @param {unknown} value */
function entry(value) {
  const checked = object(value, 'an entry');
  namespace(checked.namespace);
  const key = string(checked.key, 'key');
  if (checked.value !== undefined) {
    try {
      contractValue(checked.value);
    } catch (error) {
      throw within(`key ${JSON.stringify(key)}`, error);
    }
  }
  milliseconds(checked.timestamp, 'timestamp');
  string(checked.peer, 'peer');
}

/** @param {unknown} value */
function column(value) {
  string(value, 'column');
}

/** @param {unknown} value */
function cell(value) {
  const checked = object(value, 'a cell');
  const column = string(checked.column, 'column');
  try {
    contractValue(checked.value);
  } catch (error) {
    throw within(`column ${JSON.stringify(column)}`, error);
  }
}

/**
 * An error that tells where it is.
 *
 * @param {string} where
 * @param {unknown} error
 */
function within(where, error) {
  return error instanceof InvalidArgumentError ? new InvalidArgumentError(`${where}: ${error.payload}`) : error;
}

/** @param {unknown} value */
export function contractValue(value) {
  const { tag, val } = object(value, 'a value');
  switch (/** @type {Value['tag']} */ (tag)) {
    case 'null':
      return;
    case 'boolean':
      return void boolean(val, 'boolean');
    case 'integer':
      return void s64(val, 'integer');
    case 'real':
      if (typeof val !== 'number') {
        refuse(`real must be a number, not ${show(val)}`);
      }
      return;
    case 'text':
      return void string(val, 'text');
    case 'blob':
      return void bytes(val, 'blob');
    default:
      return refuse(`a value has no case ${show(tag)}`);
  }
}

/** @param {unknown} value */
function rowOp(value) {
  const { tag, val } = object(value, 'an operation');
  if (tag !== 'insert' && tag !== 'update' && tag !== 'delete') {
    refuse(`an operation has no case ${show(tag)}`);
  }
  const op = object(val, tag);
  string(op.table, 'table');
  string(op.row, 'row');
  if (tag !== 'delete') {
    cells(op.cells);
  }
}

/** @param {unknown} value */
function run(value) {
  const checked = object(value, 'a run');
  string(checked.peer, 'peer');
  u32(checked.start, 'start');
  u32(checked.lamport, 'lamport');
  each(checked.deps, 'deps', eventId);
  each(checked.commits, 'commits', commit);
}

/** @param {unknown} value */
function eventId(value) {
  const checked = object(value, 'an event id');
  string(checked.peer, 'peer');
  u32(checked.counter, 'counter');
}

/** @param {unknown} value */
function peerVersion(value) {
  const checked = object(value, 'a peer version');
  string(checked.peer, 'peer');
  u32(checked.count, 'count');
}

/** @param {unknown} value */
function keyRange(value) {
  const { tag, val } = object(value, 'range');
  switch (/** @type {KeyRange['tag']} */ (tag)) {
    case 'all':
      return;
    case 'equal':
    case 'at-least':
    case 'at-most':
    case 'starts-with':
      return void string(val, /** @type {string} */ (tag));
    case 'between':
      each(val, 'between', end);
      if (/** @type {unknown[]} */ (val).length !== 2) {
        refuse('between must have two ends');
      }
      return;
    default:
      return refuse(`a range has no case ${show(tag)}`);
  }
}
