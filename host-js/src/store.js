// Stores with plain values and the system's clock. `wit/ephemeral.wit` specifies every function.

import * as check from './check.js';
import { refuseCopies } from './clone.js';
import { Resource, dispose } from './instance.js';
import { fromValue, toValue } from './values.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-ephemeral.js' */
/** @import { Entry, NewCellValue } from './types.js' */

/**
 * A replica of ephemeral state, such as cursors and presence. `createStore` of an engine returns
 * one. Every `now` is in milliseconds since the Unix epoch, the system's time by default. Its
 * memory in the engine is freed by `dispose`, by `using` at the end of the block, or some time
 * later by the garbage collector.
 */
export class Store {
  #raw;

  /** @param {wit.Store} raw */
  constructor(raw) {
    this.#raw = raw;
    refuseCopies(this, 'store');
  }

  /** The same store, with the contract's exact types. */
  get raw() {
    return this.#raw;
  }

  /**
   * Returns the name that this store writes as.
   *
   * @returns {string}
   */
  peer() {
    return this.#raw.peer();
  }

  /**
   * Sets a register. The new entry is always newer than the one it replaces.
   *
   * @param {string} namespace
   * @param {string} key
   * @param {NewCellValue} value
   * @param {number} [now]
   * @returns {Entry}
   */
  set(namespace, key, value, now = Date.now()) {
    check.string(namespace, 'namespace');
    check.string(key, 'key');
    const tagged = toValue(value, key, valueName);
    check.milliseconds(now, 'now');
    return fromEntry(Resource.use(this.#raw, (store) => store.set(namespace, key, tagged, now)));
  }

  /**
   * Removes a register. The removal is kept for the time to live, so that it reaches other
   * replicas.
   *
   * @param {string} namespace
   * @param {string} key
   * @param {number} [now]
   * @returns {Entry | undefined} the removal, or `undefined` if the register has no value
   */
  remove(namespace, key, now = Date.now()) {
    const entry = this.#raw.remove(namespace, key, now);
    return entry && fromEntry(entry);
  }

  /**
   * Returns the live entry of a register, or `undefined` if the register has no value.
   *
   * @param {string} namespace
   * @param {string} key
   * @returns {Entry | undefined}
   */
  get(namespace, key) {
    const entry = this.#raw.get(namespace, key);
    return entry && fromEntry(entry);
  }

  /**
   * Returns the live entries of a namespace, sorted by key.
   *
   * @param {string} namespace
   * @returns {Entry[]}
   */
  getAll(namespace) {
    return this.#raw.getAll(namespace).map(fromEntry);
  }

  /**
   * Returns the namespaces that have live entries, sorted.
   *
   * @returns {string[]}
   */
  namespaces() {
    return this.#raw.namespaces();
  }

  /**
   * Merges entries of other replicas. One invalid entry fails the whole call.
   *
   * @param {Entry<NewCellValue>[]} entries
   * @param {number} [now]
   * @returns {Entry[]} the entries that changed the visible state of this store, sorted by namespace and key
   */
  mergeEntries(entries, now = Date.now()) {
    const list = toEntries(entries);
    check.milliseconds(now, 'now');
    return Resource.use(this.#raw, (store) => store.mergeEntries(list, now)).map(fromEntry);
  }

  /**
   * Encodes all live entries and recent removals: the state that a new replica needs.
   *
   * @param {string[]} [namespaces] all by default
   * @returns {Uint8Array<ArrayBuffer>}
   */
  snapshot(namespaces = []) {
    return this.#raw.snapshot(namespaces);
  }

  /**
   * Encodes what changed since the last call, by local writes and by merges. Returns `undefined` if
   * nothing changed.
   *
   * @returns {Uint8Array<ArrayBuffer> | undefined}
   */
  takeUpdate() {
    return this.#raw.takeUpdate();
  }

  /**
   * Merges the bytes of `snapshot` or `takeUpdate` of another replica. Skips entries that are dated
   * too far ahead; `refused` counts them.
   *
   * @param {Uint8Array} update
   * @param {number} [now]
   * @returns {Entry[]} the entries that changed the visible state of this store, sorted by namespace and key
   * @throws {import('./errors.js').CorruptError} if the bytes are damaged
   */
  mergeUpdate(update, now = Date.now()) {
    return this.#raw.mergeUpdate(update, now).map(fromEntry);
  }

  /**
   * Returns the number of entries that `mergeUpdate`, and sessions of this store, skipped since the
   * store was created. If the number grows, a clock is wrong: this one, or the writer's.
   *
   * @returns {number}
   */
  refused() {
    return this.#raw.refused();
  }

  /**
   * Drops expired entries. Call it about once a second: nothing else drops entries.
   *
   * @param {number} [now]
   * @returns {Entry[]} the entries that disappeared
   */
  expire(now = Date.now()) {
    return this.#raw.expire(now).map(fromEntry);
  }

  /**
   * Removes every entry that this peer wrote. Call it when the user leaves.
   *
   * @param {number} [now]
   * @returns {Entry[]} the removals
   */
  leave(now = Date.now()) {
    return this.#raw.leave(now).map(fromEntry);
  }

  /**
   * Frees the store's memory in the engine unless a session keeps it; does nothing the second time.
   */
  dispose() {
    this.#raw[dispose]();
  }

  [dispose]() {
    this.#raw[dispose]();
  }
}

/**
 * @param {wit.Entry} entry
 * @returns {Entry}
 */
export function fromEntry({ namespace, key, value, timestamp, peer }) {
  return { namespace, key, ...(value && { value: fromValue(value) }), timestamp, peer };
}

/**
 * @param {unknown} list
 * @returns {wit.Entry[]}
 */
function toEntries(list) {
  /** @type {wit.Entry[]} */
  const entries = [];
  check.each(list, 'entries', (entry, what) => entries.push(toEntry(entry, what)));
  return entries;
}

/**
 * @param {unknown} entry
 * @param {string} what
 * @returns {wit.Entry}
 */
function toEntry(entry, what) {
  const { namespace, key, value, timestamp, peer } = check.object(entry, what);
  const name = check.string(key, 'key');
  return {
    namespace: check.string(namespace, 'namespace'),
    key: name,
    value: value === undefined ? undefined : toValue(value, name, valueName),
    timestamp: check.milliseconds(timestamp, 'timestamp'),
    peer: check.string(peer, 'peer'),
  };
}

/** @param {string} key */
function valueName(key) {
  return `the value of ${JSON.stringify(key)}`;
}
