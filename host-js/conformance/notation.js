// The notation of conformance cases, as tests/conformance/README.md defines it: from JSON to the contract's types and
// back. Anything that the page does not define is an error.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { CompactedError, LimitExceededError, NoSuchRowError } from '../src/index.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Inspection } from '../dist/wit/interfaces/converge-sync-engine.js' */
/** @import { KeyRange, TableSummary, Value } from '../dist/wit/interfaces/converge-sync-types.js' */
/** @typedef {null | boolean | number | string | Json[] | { [member: string]: Json }} Json */
/** @typedef {{ [member: string]: Json }} JsonObject */

export const MAX_U32 = 0xffff_ffff;
/** The maximum length of bytes that results contain in full. */
const MAX_WRITTEN_BYTES = 256;

const NO_SALT = '0000000000000000';

/** The case does not follow the notation. */
export class Mistake extends Error {}

/**
 * Replaces `repeat` and `times`, wherever they occur.
 *
 * @param {Json} json
 * @returns {Json}
 */
export function expand(json) {
  if (Array.isArray(json)) {
    return json.flatMap((element) => (isObject(element) && 'times' in element ? times(element) : [expand(element)]));
  }
  if (!isObject(json)) {
    return json;
  }
  if ('repeat' in json) {
    const [text, count] = tuple(members(json, ['repeat']).repeat, 2);
    return string(text).repeat(number(count));
  }
  return mapMembers(json, expand);
}

/** @param {JsonObject} json */
function times(json) {
  const [count, element = null, from = 0] = list(members(json, ['times']).times);
  return Array.from({ length: number(count) }, (_, i) => expand(numbered(element, number(from) + i)));
}

/**
 * @param {Json} json
 * @param {number} k
 * @returns {Json}
 */
function numbered(json, k) {
  if (json === '{#}') return k;
  if (typeof json === 'string') return json.replaceAll('{#}', String(k));
  if (Array.isArray(json)) return json.map((element) => numbered(element, k));
  return isObject(json) ? mapMembers(json, (member) => numbered(member, k)) : json;
}

/**
 * Serializes JSON with sorted members, for transcripts and comparisons.
 *
 * @param {Json} json
 */
export function canonical(json) {
  return JSON.stringify(json, (_, value) =>
    isObject(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value,
  );
}

/**
 * Returns an expected result with its reals in the form that results use.
 *
 * @param {Json} json
 * @returns {Json}
 */
export function expected(json) {
  if (Array.isArray(json)) return json.map(expected);
  if (!isObject(json)) return json;
  return 'real' in json ? fromValue(toValue(json)) : mapMembers(json, expected);
}

/**
 * Returns whether a result is the expected one. An expected run without `fingerprints` matches runs
 * with any fingerprints.
 *
 * @param {Json} expected
 * @param {Json} result
 * @returns {boolean}
 */
export function matches(expected, result) {
  if (Array.isArray(expected) && Array.isArray(result)) {
    return expected.length === result.length && expected.every((element, i) => matches(element, result[i] ?? null));
  }
  if (!isObject(expected) || !isObject(result)) return expected === result;
  const isFree = 'peer' in expected && 'commits' in expected && !('fingerprints' in expected);
  const compared = Object.keys(result).filter((name) => !(isFree && name === 'fingerprints'));
  return (
    compared.length === Object.keys(expected).length &&
    compared.every((name) => name in expected && matches(expected[name] ?? null, result[name] ?? null))
  );
}

// Conversions from JSON.

/** @param {Json | undefined} json */
export function toCells(json) {
  return list(json).map((cell) => {
    const [column, value] = tuple(cell, 2);
    return { column: string(column), value: toValue(value) };
  });
}

/** @param {Json | undefined} json */
export function toOps(json) {
  return list(json).map(toOp);
}

/** @param {Json | undefined} json */
export function toRuns(json) {
  return list(json).map((run) => {
    const {
      peer,
      start,
      lamport,
      deps,
      fingerprints = [],
      salt = NO_SALT,
      commits,
    } = members(run, ['peer', 'start', 'deps', 'commits'], ['lamport', 'fingerprints', 'salt']);
    return {
      peer: string(peer),
      start: number(start),
      lamport: lamport === undefined ? undefined : number(lamport),
      deps: toEvents(deps),
      fingerprints: BigUint64Array.from(list(fingerprints), toBits),
      salt: toBits(salt),
      commits: list(commits).map(toOps),
    };
  });
}

/**
 * Reads a fingerprint or a salt, which has 64 bits.
 *
 * @param {Json | undefined} json
 */
export function toBits(json) {
  return BigInt(`0x${matching(json, /^[0-9a-f]{16}$/)}`);
}

/** @param {Json | undefined} json */
export function toVersion(json) {
  return list(json).map((entry) => {
    const [peer, count] = tuple(entry, 2);
    return { peer: string(peer), count: number(count) };
  });
}

/**
 * @param {Json | undefined} json
 * @returns {wit.ScanOptions}
 */
export function toScanOptions(json) {
  const {
    range = 'all',
    descending = false,
    limit = MAX_U32,
    after,
    columns = [],
  } = members(json, [], ['range', 'descending', 'limit', 'after', 'columns']);
  return {
    range: toRange(range),
    descending: boolean(descending),
    limit: number(limit),
    after: after === undefined ? undefined : string(after),
    columns: list(columns).map(string),
  };
}

/**
 * @param {Json} json
 * @returns {KeyRange}
 */
function toRange(json) {
  if (json === 'all') return { tag: 'all' };
  const [tag, val] = variant(json);
  switch (tag) {
    case 'equal':
    case 'at-least':
    case 'at-most':
    case 'starts-with':
      return { tag, val: string(val) };
    case 'between': {
      const [first, last] = tuple(val, 2);
      return { tag, val: { first: string(first), last: string(last) } };
    }
    default:
      throw new Mistake(`no range is called ${tag}`);
  }
}

/**
 * @param {Json} json
 * @returns {wit.RowOp}
 */
function toOp(json) {
  const [tag, val] = variant(json);
  switch (tag) {
    case 'insert':
    case 'update': {
      const [table, row, cells] = tuple(val, 3);
      return { tag, val: { table: string(table), row: string(row), cells: toCells(cells) } };
    }
    case 'delete': {
      const [table, row] = tuple(val, 2);
      return { tag, val: { table: string(table), row: string(row) } };
    }
    case 'unset': {
      const [table, row, columns] = tuple(val, 3);
      return { tag, val: { table: string(table), row: string(row), columns: list(columns).map(string) } };
    }
    case 'splice': {
      const [table, row, column, ...place] = tuple(val, 6);
      return { tag, val: { table: string(table), row: string(row), column: string(column), ...toPlace(place) } };
    }
    case 'add': {
      const [table, row, column, amount] = tuple(val, 4);
      return { tag, val: { table: string(table), row: string(row), column: string(column), amount: integer(amount) } };
    }
    default:
      throw new Mistake(`no operation is called ${tag}`);
  }
}

/**
 * Reads where a splice acts, and what it inserts.
 *
 * @param {(Json | undefined)[]} place
 */
export function toPlace([at, remove, insert]) {
  return { at: number(at), remove: number(remove), insert: string(insert) };
}

/** @param {Json | undefined} json */
export function toUnit(json) {
  if (json !== 'scalar' && json !== 'utf16' && json !== 'utf8') throw new Mistake(`no unit is called ${json}`);
  return json;
}

/** @param {Json | undefined} json */
export function toSide(json) {
  if (json !== 'before' && json !== 'after') throw new Mistake(`no side is called ${json}`);
  return json;
}

/** @param {Json | undefined} json */
export function toEvents(json) {
  return list(json).map(toEvent);
}

/** @param {Json | undefined} json */
export function toEvent(json) {
  const [peer, counter] = tuple(json, 2);
  return { peer: string(peer), counter: number(counter) };
}

/**
 * @param {Json | undefined} json
 * @returns {Value}
 */
export function toValue(json) {
  if (json === 'null') return { tag: 'null' };
  const [tag, val] = variant(json);
  switch (tag) {
    case 'boolean':
      return { tag, val: boolean(val) };
    case 'integer':
      return { tag, val: integer(val) };
    case 'real':
      return { tag, val: toReal(string(val)) };
    case 'text':
      return { tag, val: string(val) };
    case 'blob':
      return { tag, val: toBytes(val) };
    default:
      throw new Mistake(`no value is called ${tag}`);
  }
}

/**
 * Reads an integer or an amount in decimal digits.
 *
 * @param {Json | undefined} json
 */
export function integer(json) {
  return BigInt(matching(json, /^-?[0-9]+$/));
}

/** @param {Json | undefined} json */
export function toBytes(json) {
  const hex = matching(json, /^[0-9a-f]*$/);
  if (hex.length % 2 !== 0) throw new Mistake('the number of hex digits is odd');
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

/** @param {string} text */
function toReal(text) {
  switch (text) {
    case 'inf':
      return Infinity;
    case '-inf':
      return -Infinity;
    case 'nan':
      return NaN;
  }
  if (/^0x[0-9a-f]{16}$/.test(text)) {
    return Buffer.from(text.slice(2), 'hex').readDoubleBE();
  }
  return Number(matching(text, /^-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?$/));
}

// Conversions to JSON.

/** @param {wit.EventId} event */
export function fromEvent({ peer, counter }) {
  return [peer, counter];
}

/**
 * @param {wit.Cell[]} cells
 * @returns {Json}
 */
export function fromCells(cells) {
  return cells.map(({ column, value }) => [column, fromValue(value)]);
}

/** @param {wit.Page} page */
export function fromPage(page) {
  return full({ rows: wholeRows(page).map(({ id, cells }) => [id, fromCells(cells)]), more: page.more });
}

/**
 * Returns the rows of a page, each with its columns.
 *
 * @param {wit.Page} page
 */
export function wholeRows({ shapes, rows }) {
  return rows.map(({ id, shape, values }) => {
    const columns = shapes[shape] ?? [];
    assert.equal(columns.length, values.length, `the number of values of ${id}`);
    return { id, cells: columns.map((column, at) => ({ column, value: /** @type {Value} */ (values[at]) })) };
  });
}

/** @param {wit.Changes} changes */
export function fromChanges({ ops, more }) {
  return full({ ops: fromOps(ops), more });
}

/**
 * @param {wit.RowOp[]} ops
 * @returns {Json}
 */
export function fromOps(ops) {
  return ops.map(fromOp);
}

/** @param {wit.CompactionReport} report */
export function fromCompaction({ eventsDropped, tombstonesDropped, horizon }) {
  return full({
    'events-dropped': eventsDropped,
    'tombstones-dropped': tombstonesDropped,
    horizon: fromVersion(horizon),
  });
}

/** @param {wit.MergeReport} report */
export function fromReport({ applied, duplicate, waiting, dropped, missing, forked }) {
  return full({ applied, duplicate, waiting, dropped, missing: missing.map(fromEvent), forked });
}

/** @param {wit.Fork[]} forks */
export function fromForks(forks) {
  return forks.map(({ peer, counter, branches }) => [peer, counter, branches.map(fromEvent)]);
}

/** @param {Inspection} inspection */
export function fromInspection({ content, formatVersion, sections, version, horizon, waiting, tables }) {
  return full({
    content,
    'format-version': formatVersion,
    sections: sections.map(({ id, name, bytes }) => [id, name, Number(bytes)]),
    version: fromVersion(version),
    horizon: fromVersion(horizon),
    waiting,
    tables: fromTables(tables),
  });
}

/** @param {TableSummary[]} tables */
export function fromTables(tables) {
  return tables.map(({ name, rows }) => [name, rows]);
}

/** @param {wit.EventBatch} batch */
export function fromBatch({ runs, more }) {
  return full({
    runs: runs.map(fromRun),
    more,
  });
}

/**
 * @param {wit.EventRun} run
 * @returns {Json}
 */
function fromRun({ peer, start, lamport, deps, fingerprints, salt, commits }) {
  return {
    peer,
    start,
    ...(lamport === undefined ? {} : { lamport }),
    deps: deps.map(fromEvent),
    ...(fingerprints.length === 0 ? {} : { fingerprints: Array.from(fingerprints, fromBits) }),
    ...(salt === 0n ? {} : { salt: fromBits(salt) }),
    commits: commits.map(fromOps),
  };
}

/** @param {bigint} bits */
function fromBits(bits) {
  return bits.toString(16).padStart(16, '0');
}

/** @param {{ peer: string, count: number }[]} version */
export function fromVersion(version) {
  return version.map(({ peer, count }) => [peer, count]);
}

/** @param {Uint8Array} bytes */
export function fromBytes(bytes) {
  return Buffer.from(bytes).toString('hex');
}

/**
 * Converts bytes of any length: to hex digits, or to length and hash if there are many.
 *
 * @param {Uint8Array} bytes
 * @returns {Json}
 */
export function fromManyBytes(bytes) {
  return bytes.length <= MAX_WRITTEN_BYTES ? fromBytes(bytes) : { bytes: bytes.length, sha256: sha256(bytes) };
}

/** @param {Uint8Array | string} content */
export function sha256(content) {
  return createHash('sha256').update(content).digest('hex');
}

/**
 * @param {wit.RowOp} op
 * @returns {Json}
 */
function fromOp({ tag, val }) {
  const { table, row } = val;
  switch (tag) {
    case 'delete':
      return { [tag]: [table, row] };
    case 'unset':
      return { [tag]: [table, row, val.columns] };
    case 'splice':
      return { [tag]: [table, row, val.column, val.at, val.remove, val.insert] };
    case 'add':
      return { [tag]: [table, row, val.column, String(val.amount)] };
    default:
      return { [tag]: [table, row, fromCells(val.cells)] };
  }
}

/**
 * @param {Value} value
 * @returns {Json}
 */
export function fromValue(value) {
  switch (value.tag) {
    case 'null':
      return 'null';
    case 'integer':
      return { integer: String(value.val) };
    case 'real': {
      const bits = Buffer.alloc(8);
      bits.writeDoubleBE(value.val);
      return { real: `0x${bits.toString('hex')}` };
    }
    case 'blob':
      return { blob: fromBytes(value.val) };
    default:
      return { [value.tag]: value.val };
  }
}

/**
 * @param {import('../src/index.js').ConvergeError} error
 * @returns {JsonObject}
 */
export function fromError(error) {
  if (error instanceof LimitExceededError) {
    const { limit, maximum, actual } = error.payload;
    // Some JSON parsers round larger numbers.
    const count = actual <= 2n ** 53n ? Number(actual) : String(actual);
    return { [error.case]: { limit, maximum: Number(maximum), actual: count } };
  }
  if (error instanceof NoSuchRowError) return { [error.case]: [error.payload.table, error.payload.row] };
  if (error instanceof CompactedError) return { [error.case]: fromVersion(error.horizon) };
  return { [error.case]: /** @type {string | number | undefined} */ (error.payload) ?? null };
}

/**
 * Removes members that are 0, false or empty lists.
 *
 * @param {JsonObject} json
 * @returns {JsonObject}
 */
export function full(json) {
  return Object.fromEntries(
    Object.entries(json).filter(
      ([, member]) => member !== 0 && member !== false && !(Array.isArray(member) && member.length === 0),
    ),
  );
}

// Checks of JSON types.

/**
 * Returns the members of an object. All `required` members must exist, and all others must be
 * `optional`.
 *
 * @param {Json | undefined} json
 * @param {string[]} required
 * @param {string[]} [optional]
 * @returns {Record<string, Json | undefined>}
 */
export function members(json, required, optional = []) {
  if (!isObject(json)) throw new Mistake(`an object is needed, not ${JSON.stringify(json)}`);
  const names = Object.keys(json);
  const lacking = required.find((name) => !names.includes(name));
  const beyond = names.find((name) => !required.includes(name) && !optional.includes(name));
  if (lacking !== undefined) throw new Mistake(`the member ${lacking} is missing`);
  if (beyond !== undefined) throw new Mistake(`no member is called ${beyond}`);
  return json;
}

/**
 * @param {Json | undefined} json
 * @returns {[name: string, content: Json | undefined]}
 */
export function variant(json) {
  const [name = '', ...others] = isObject(json) ? Object.keys(json) : [];
  if (!isObject(json) || name === '' || others.length > 0) {
    throw new Mistake(`an object with one member is needed, not ${JSON.stringify(json)}`);
  }
  return [name, json[name]];
}

/**
 * @param {Json | undefined} json
 * @returns {Json[]}
 */
export function list(json) {
  if (!Array.isArray(json)) throw new Mistake(`a list is needed, not ${JSON.stringify(json)}`);
  return json;
}

/**
 * @param {Json | undefined} json
 * @param {number} length
 */
export function tuple(json, length) {
  const elements = list(json);
  if (elements.length !== length) throw new Mistake(`a list of ${length} is needed, not ${JSON.stringify(json)}`);
  return elements;
}

/** @param {Json | undefined} json */
export function string(json) {
  if (typeof json !== 'string') throw new Mistake(`a string is needed, not ${JSON.stringify(json)}`);
  return json;
}

/** @param {Json | undefined} json */
export function number(json) {
  if (typeof json !== 'number' || !Number.isSafeInteger(json) || json < 0) {
    throw new Mistake(`an integer from 0 to 2^53 - 1 is needed, not ${JSON.stringify(json)}`);
  }
  return json;
}

/** @param {Json | undefined} json */
export function boolean(json) {
  if (typeof json !== 'boolean') throw new Mistake(`true or false is needed, not ${JSON.stringify(json)}`);
  return json;
}

/**
 * @param {Json | undefined} json
 * @param {RegExp} form
 */
function matching(json, form) {
  const text = string(json);
  if (!form.test(text)) throw new Mistake(`${JSON.stringify(text)} does not have the form ${form.source}`);
  return text;
}

/**
 * @param {unknown} json
 * @returns {json is JsonObject}
 */
export function isObject(json) {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/**
 * @param {JsonObject} json
 * @param {(member: Json) => Json} f
 */
function mapMembers(json, f) {
  return Object.fromEntries(Object.entries(json).map(([name, member]) => [name, f(member)]));
}
