// Stores as a JavaScript program likes them: values are plain, times come from the system's clock. The meaning of every
// function is the contract's, in `wit/ephemeral.wit`; here is what JavaScript adds.

import * as check from './check.js';
import { dispose } from './instance.js';
import { fromValue, toValue } from './values.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-ephemeral.js' */
/** @import { RawStore } from './raw.js' */
/** @import { CellValue, NewCellValue } from './values.js' */

/**
 * What a register holds, or, without a value, that it was removed.
 *
 * @typedef {object} Entry
 * @property {string} namespace
 * @property {string} key
 * @property {CellValue} [value]
 * @property {number} timestamp when it was written, in milliseconds, by the writer's clock
 * @property {string} peer who wrote it
 */

/**
 * A replica of the ephemeral registers: cursors, presence, positions. Made by `create` of an engine's `Store`. Every `now` is
 * in milliseconds since the Unix epoch, the system's by default. Its memory in the engine is freed by `dispose`, by `using` at
 * the end of the block, or, some time later, by the garbage collector.
 */
export class Store {
  #raw;

  /** @param {RawStore} raw */
  constructor(raw) {
    this.#raw = raw;
  }

  /** The same store, with the contract's exact types. */
  get raw() {
    return this.#raw;
  }

  /** @returns {string} the peer as which this replica writes */
  peer() {
    return this.#raw.peer();
  }

  /**
   * Sets what a register holds, newer than all that is known of it here.
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
   * Removes what a register holds. The removal is remembered for the time to live.
   *
   * @param {string} namespace
   * @param {string} key
   * @param {number} [now]
   * @returns {Entry | undefined} undefined where it holds nothing
   */
  remove(namespace, key, now = Date.now()) {
    const entry = this.#raw.remove(namespace, key, now);
    return entry && fromEntry(entry);
  }

  /**
   * @param {string} namespace
   * @param {string} key
   * @returns {Entry | undefined} undefined where it holds nothing
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
   * Takes in entries of other replicas.
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
   * @returns {Uint8Array} all live entries and remembered removals: what a newcomer needs
   */
  snapshot(namespaces = []) {
    return this.#raw.snapshot(namespaces);
  }

  /**
   * @returns {Uint8Array | undefined} what was written here, and merged here from others, since the last call: what to
   *   broadcast; undefined where nothing was
   */
  takeUpdate() {
    return this.#raw.takeUpdate();
  }

  /**
   * Takes in what `snapshot` or `takeUpdate` of another replica gave.
   *
   * @param {Uint8Array} update
   * @param {number} [now]
   * @returns {Entry[]} those that changed what this store shows, sorted by namespace and key
   * @throws {import('./errors.js').CorruptError} where the bytes are damaged
   */
  mergeUpdate(update, now = Date.now()) {
    return this.#raw.mergeUpdate(update, now).map(fromEntry);
  }

  /**
   * Drops what has outlived its time. Call it now and then: nothing else drops entries.
   *
   * @param {number} [now]
   * @returns {Entry[]} the entries that vanished from view
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

  /** Frees the store's memory in the engine, unless a session keeps it; does nothing the second time. */
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
