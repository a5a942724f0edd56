// Checks of arguments that have the contract's own types.

import { InvalidArgumentError } from './errors.js';
import { boolean, bytes, each, milliseconds, object, refuse, s64, show, string, summary, u32, u64 } from './check.js';

/** @import { KeyRange, Value } from '../dist/wit/interfaces/converge-sync-types.js' */

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
export function summaries(list) {
  each(list, 'summaries', (element) => summary(element, 'a summary'));
}

/** @param {unknown} list */
export function columns(list) {
  each(list, 'columns', column);
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
  milliseconds(checked.maxSkew, 'maxSkew');
}

/** @param {unknown} value */
export function sessionOptions(value) {
  const checked = object(value, 'options');
  string(checked.document, 'document');
  u64(checked.nonce, 'nonce');
  u32(checked.maxMessageBytes, 'maxMessageBytes');
  namespaces(checked.namespaces);
  boolean(checked.readOnly, 'readOnly');
  const accept = object(checked.accept, 'accept');
  for (const flag of ['events', 'entries', 'documents']) {
    if (accept[flag] !== undefined) boolean(accept[flag], flag);
  }
  each(checked.writers, 'writers', writer);
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
  columns(checked.columns);
}

/** @param {unknown} value */
function table(value) {
  string(value, 'table');
}

/** @param {unknown} value */
function writer(value) {
  string(value, 'writer');
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
      taggedValue(checked.value);
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
    taggedValue(checked.value);
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

/** @param {unknown} given */
export function taggedValue(given) {
  const { tag, val } = object(given, 'a value');
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
  if (tag !== 'insert' && tag !== 'update' && tag !== 'delete' && tag !== 'unset') {
    refuse(`an operation has no case ${show(tag)}`);
  }
  const op = object(val, tag);
  string(op.table, 'table');
  string(op.row, 'row');
  if (tag === 'unset') {
    columns(op.columns);
  } else if (tag !== 'delete') {
    cells(op.cells);
  }
}

/** @param {unknown} value */
function run(value) {
  const checked = object(value, 'a run');
  string(checked.peer, 'peer');
  u32(checked.start, 'start');
  if (checked.lamport !== undefined) {
    u32(checked.lamport, 'lamport');
  }
  each(checked.deps, 'deps', eventId);
  fingerprints(checked.fingerprints);
  u64(checked.salt, 'salt');
  each(checked.commits, 'commits', commit);
}

/** @param {unknown} value */
function fingerprints(value) {
  if (Object.prototype.toString.call(value) === '[object BigUint64Array]') {
    return;
  }
  if (!Array.isArray(value)) {
    refuse(`fingerprints must be a BigUint64Array or an array of bigints, not ${show(value)}`);
  }
  each(value, 'fingerprints', (element) => u64(element, 'a fingerprint'));
}

/** @param {unknown} value */
export function eventId(value) {
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
    case 'between': {
      const bounds = object(val, 'between');
      string(bounds.first, 'first');
      string(bounds.last, 'last');
      return;
    }
    default:
      return refuse(`a range has no case ${show(tag)}`);
  }
}
