// Checks of arguments before a call: numbers, strings, bytes, objects. Without them the glue would
// truncate or convert wrong arguments silently. dist/contract.js checks the types of the contract
// with these functions.

import { InvalidArgumentError } from './errors.js';

export const MAX_U32 = 0xffff_ffff;
/** More than the engine's limit for a text or a blob, and well below the size of its memory. */
const MAX_LENGTH = 2 ** 28;
/** More than the largest document that fits into the engine's memory together with its bytes. */
const MAX_SAVED = 2 ** 31 - 1;
const MIN_S64 = -(2n ** 63n);
const MAX_S64 = 2n ** 63n - 1n;
const MAX_U64 = 2n ** 64n - 1n;

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
  if (value.length > MAX_LENGTH) {
    refuse(`${what} has ${value.length} code units; the maximum is ${MAX_LENGTH}`);
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
  if (typeof value !== 'number' || !(value >= 0 && value <= MAX_U32) || !Number.isInteger(value)) {
    refuse(`${what} must be an integer from 0 to ${MAX_U32}, not ${show(value)}`);
  }
  return value;
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {number}
 */
export function f64(value, what) {
  if (typeof value !== 'number') {
    refuse(`${what} must be a number, not ${show(value)}`);
  }
  return value;
}

/**
 * Checks that a value is a number. The engine checks its range.
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
  if (typeof value !== 'bigint' || value < MIN_S64 || value > MAX_S64) {
    refuse(`${what} must be a bigint from -(2n ** 63n) to 2n ** 63n - 1n, not ${show(value)}`);
  }
  return value;
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {bigint}
 */
export function u64(value, what) {
  if (typeof value !== 'bigint' || value < 0n || value > MAX_U64) {
    refuse(`${what} must be a bigint from 0n to 2n ** 64n - 1n, not ${show(value)}`);
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
  return bytesUpTo(MAX_LENGTH, value, what);
}

/**
 * Checks a summary, which encodes the events that a replica knows. A likely mistake is a version in
 * its place.
 *
 * @param {unknown} value
 * @param {string} what
 * @returns {Uint8Array}
 */
export function summary(value, what) {
  if (Array.isArray(value)) {
    refuse(`${what} must be a Uint8Array, not an Array; use engine.summaryOf(version) for a version`);
  }
  return saved(value, what);
}

/**
 * Checks a saved document or an update, which may be larger than a blob.
 *
 * @param {unknown} value
 * @param {string} what
 * @returns {Uint8Array}
 */
export function saved(value, what) {
  return bytesUpTo(MAX_SAVED, value, what);
}

/**
 * @param {number} maximum
 * @param {unknown} value
 * @param {string} what
 * @returns {Uint8Array}
 */
function bytesUpTo(maximum, value, what) {
  if (!isBytes(value)) {
    refuse(`${what} must be a Uint8Array, not ${show(value)}${toBytes(value)}`);
  }
  if (value.length > maximum) {
    refuse(`${what} has ${value.length} bytes; the maximum is ${maximum}`);
  }
  if (value.length === 0 && !isAttached(value)) {
    refuse(`${what} has no buffer any more, because it was transferred or resized`);
  }
  return value;
}

/**
 * Checks a message of a session, as a transport delivers it. A Blob must be rejected, because
 * `new Uint8Array(blob)` is empty.
 *
 * @param {unknown} value
 * @returns {Uint8Array}
 */
export function message(value) {
  if (!isBytes(value) && tagOf(value) !== 'ArrayBuffer') {
    const remedy =
      typeof value === 'string'
        ? 'messages are binary'
        : "over a WebSocket, set binaryType = 'arraybuffer' and pass event.data";
    refuse(`message must be a Uint8Array or an ArrayBuffer, not ${show(value)}; ${remedy}`);
  }
  const given = /** @type {Uint8Array | ArrayBuffer} */ (value);
  if (given.byteLength === 0) {
    refuse(
      "message is empty; over a WebSocket, set binaryType = 'arraybuffer', because a Blob would arrive as an empty array",
    );
  }
  return bytes(isBytes(given) ? given : new Uint8Array(given), 'message');
}

/**
 * Returns how to convert a value to a Uint8Array, for error messages.
 *
 * @param {unknown} value
 */
function toBytes(value) {
  switch (tagOf(value)) {
    case 'ArrayBuffer':
    case 'SharedArrayBuffer':
      return '; use new Uint8Array(buffer)';
    case 'Blob':
    case 'File':
    case 'Response':
    case 'Request':
      return '; use new Uint8Array(await value.arrayBuffer())';
    default:
      return '';
  }
}

/**
 * Returns whether the array still has its buffer. A detached array has length 0.
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
 * Returns whether a value is a Uint8Array of any realm.
 *
 * @param {unknown} value
 * @returns {value is Uint8Array}
 */
export function isBytes(value) {
  return ArrayBuffer.isView(value) && tagOf(value) === 'Uint8Array';
}

/**
 * Returns the name of a value's class, in any realm.
 *
 * @param {unknown} value
 */
function tagOf(value) {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/**
 * Checks a `BigUint64Array`, which the contract's types require, or an array of bigints.
 *
 * @param {unknown} value
 * @param {string} what
 */
export function u64s(value, what) {
  if (tagOf(value) === 'BigUint64Array') {
    return;
  }
  if (!Array.isArray(value)) {
    refuse(`${what} must be a BigUint64Array or an array of bigints, not ${show(value)}`);
  }
  each(value, what, u64);
}

/**
 * Checks each element of an array. The error names the index of the element.
 *
 * @param {unknown} list
 * @param {string} what
 * @param {(element: unknown, what: string) => void} element is called with an empty `what`
 */
export function each(list, what, element) {
  if (!Array.isArray(list)) {
    refuse(`${what} must be an array, not ${show(list)}`);
  }
  const length = list.length;
  let i = 0;
  try {
    for (; i < length; i++) {
      element(list[i], '');
    }
  } catch (error) {
    if (error instanceof InvalidArgumentError) {
      // `cells[0] must be …`, `commits[0][1] has …`, but `cells[0]: column must be …`.
      const isOfElement = /^[ []/.test(error.payload);
      refuse(`${what}[${i}]${isOfElement ? '' : ': '}${error.payload}`);
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
 * Checks an object that may have only these members, so that misspelled names are not ignored.
 *
 * @param {unknown} value
 * @param {string} what
 * @param {readonly string[]} members
 * @returns {Record<string, unknown>}
 */
export function options(value, what, members) {
  if (ArrayBuffer.isView(value)) {
    refuse(`${what} must be an object, not ${show(value)}`);
  }
  const checked = object(value, what);
  for (const member in checked) {
    if (!members.includes(member)) {
      refuse(`${what} has no member ${JSON.stringify(member)}; the members are ${members.join(', ')}`);
    }
  }
  return checked;
}

/**
 * Checks an object whose members with these names are booleans or undefined.
 *
 * @param {unknown} value
 * @param {string} what
 * @param {readonly string[]} members
 */
export function flags(value, what, members) {
  const checked = object(value, what);
  for (const member of members) {
    if (checked[member] !== undefined) boolean(checked[member], member);
  }
}

/**
 * Checks a case of an enum.
 *
 * @param {unknown} value
 * @param {string} what
 * @param {readonly string[]} cases
 */
export function oneOf(value, what, cases) {
  if (typeof value !== 'string' || !cases.includes(value)) {
    refuse(`${what} must be ${cases.map((name) => `'${name}'`).join(' or ')}, not ${show(value)}`);
  }
}

/**
 * @param {string} message
 * @returns {never}
 */
export function refuse(message) {
  throw new InvalidArgumentError(message);
}

/**
 * Describes a value in a few words, for error messages.
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
      const tag = tagOf(value);
      const name = tag === 'Object' ? (Object.getPrototypeOf(value)?.constructor?.name ?? tag) : tag;
      return /^[AEIOU]/i.test(name) && !/^U(int|RL)/.test(name) ? `an ${name}` : `a ${name}`;
    }
    default:
      return Object.is(value, -0) ? '-0' : String(value);
  }
}
