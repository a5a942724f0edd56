// Stores with plain values and the system's clock. `wit/ephemeral.wit` specifies every function.

import * as check from './check.js';
import { refuseCopies } from './clone.js';
import { dispose } from './instance.js';
import { fromValue, toValue } from './values.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-ephemeral.js' */
/** @import { RawStore } from './raw-live.js' */
/** @import { CellValue, NewCellValue } from './values.js' */

/**
 * The content of a register. An entry without a value is a removal.
 *
 * @typedef {object} Entry
 * @property {string} namespace
 * @property {string} key
 * @property {CellValue} [value]
 * @property {number} timestamp when the entry was written, in milliseconds, on the writer's clock
 * @property {string} peer the peer that wrote the entry
 */

/**
 * A replica of the ephemeral state: cursors, presence, positions. Made by `create` of an engine's `Store`. Every `now` is in
 * milliseconds since the Unix epoch, the system's time by default. Its memory in the engine is freed by `dispose`, by
 * `using` at the end of the block, or some time later by the garbage collector.
 */
export class Store {
  #raw;

  /** @param {RawStore} raw */
  constructor(raw) {
    this.#raw = raw;
    refuseCopies(this, 'store');
  }

  /** The same store, with the contract's exact types. */
  get raw() {
    return this.#raw;
  }

  /** @returns {string} the name that this store writes as */
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
    check.string(key, 'key');
    return fromEntry(this.#raw.set(namespace, key, toValue(value, key, valueName), now));
  }

  /**
   * Removes a register. The removal is kept for the time to live, so that it reaches other replicas.
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
   * @param {string} namespace
   * @param {string} key
   * @returns {Entry | undefined} `undefined` if the register has no value
   */
  get(namespace, key) {
    const entry = this.#raw.get(namespace, key);
    return entry && fromEntry(entry);
  }

  /**
   * @param {string} namespace
   * @returns {Entry[]} the live entries, sorted by key
   */
  getAll(namespace) {
    return this.#raw.getAll(namespace).map(fromEntry);
  }

  /** @returns {string[]} the namespaces that have live entries, sorted */
  namespaces() {
    return this.#raw.namespaces();
  }

  /**
   * Merges entries of other replicas. One invalid entry fails the whole call.
   *
   * @param {Entry[]} entries
   * @param {number} [now]
   * @returns {Entry[]} those that changed what this store shows, sorted by namespace and key
   */
  mergeEntries(entries, now = Date.now()) {
    return this.#raw.mergeEntries(toEntries(entries), now).map(fromEntry);
  }

  /**
   * @param {string[]} [namespaces] all by default
   * @returns {Uint8Array} all live entries and recent removals: the state that a new replica needs
   */
  snapshot(namespaces = []) {
    return this.#raw.snapshot(namespaces);
  }

  /**
   * @returns {Uint8Array | undefined} what changed since the last call, by local writes and by merges; `undefined` if
   *   nothing changed
   */
  takeUpdate() {
    return this.#raw.takeUpdate();
  }

  /**
   * Merges the bytes of `snapshot` or `takeUpdate` of another replica. Skips entries that are dated too far ahead;
   * `refused` counts them.
   *
   * @param {Uint8Array} update
   * @param {number} [now]
   * @returns {Entry[]} those that changed what this store shows, sorted by namespace and key
   * @throws {import('./errors.js').CorruptError} if the bytes are damaged
   */
  mergeUpdate(update, now = Date.now()) {
    return this.#raw.mergeUpdate(update, now).map(fromEntry);
  }

  /**
   * @returns {number} how many entries `mergeUpdate`, and sessions of this store, skipped since the store was created; if
   *   the number grows, a clock is wrong: this one, or the writer's
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
   * Removes every entry that this peer wrote, as on departure.
   *
   * @param {number} [now]
   * @returns {Entry[]} the removals
   */
  leave(now = Date.now()) {
    return this.#raw.leave(now).map(fromEntry);
  }

  /** Frees the store's memory in the engine unless a session keeps it; does nothing the second time. */
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
  check.each(list, 'entries', (entry) => check.string(check.object(entry, 'an entry').key, 'key'));
  return /** @type {Entry[]} */ (list).map((entry) => ({
    ...entry,
    value: entry.value === undefined ? undefined : toValue(entry.value, entry.key, valueName),
  }));
}

/** @param {string} key */
function valueName(key) {
  return `the value of ${JSON.stringify(key)}`;
}
