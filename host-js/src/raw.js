// The contract as it is: values with tags, cells in lists, every argument given. The names and types are those that the
// glue has from `wit/`; what is added is that arguments are checked first and that errors are classes.

import * as check from './check.js';
import { Handle, dispose } from './instance.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-durable.js' */

/** @implements {Pick<wit.Doc, keyof wit.Doc>} */
export class RawDoc {
  /** @type {Handle<wit.Doc>} */
  #handle;

  /** @param {Handle<wit.Doc>} handle */
  constructor(handle) {
    this.#handle = handle;
  }

  peer() {
    return this.#handle.call((doc) => doc.peer());
  }

  /**
   * @param {string} table
   * @param {string} row
   * @param {wit.Cell[]} cells
   */
  insert(table, row, cells) {
    check.string(table, 'table');
    check.string(row, 'row');
    check.cells(cells);
    return this.#handle.call((doc) => doc.insert(table, row, cells));
  }

  /**
   * @param {string} table
   * @param {string} row
   * @param {wit.Cell[]} cells
   */
  update(table, row, cells) {
    check.string(table, 'table');
    check.string(row, 'row');
    check.cells(cells);
    return this.#handle.call((doc) => doc.update(table, row, cells));
  }

  /**
   * @param {string} table
   * @param {string} row
   */
  delete(table, row) {
    check.string(table, 'table');
    check.string(row, 'row');
    return this.#handle.call((doc) => doc.delete(table, row));
  }

  /** @param {wit.Commit} ops */
  commit(ops) {
    check.commit(ops);
    return this.#handle.call((doc) => doc.commit(ops));
  }

  /**
   * @param {string} table
   * @param {string} row
   */
  get(table, row) {
    check.string(table, 'table');
    check.string(row, 'row');
    return this.#handle.call((doc) => doc.get(table, row));
  }

  /**
   * @param {string} table
   * @param {wit.ScanOptions} options
   */
  scan(table, options) {
    check.string(table, 'table');
    check.scanOptions(options);
    return this.#handle.call((doc) => doc.scan(table, options));
  }

  tables() {
    return this.#handle.call((doc) => doc.tables());
  }

  /**
   * @param {string[]} tables
   * @param {boolean} fromStart
   */
  watch(tables, fromStart) {
    check.tables(tables);
    check.boolean(fromStart, 'fromStart');
    const watcher = this.#handle.call((doc) => doc.watch(tables, fromStart));
    return new RawWatcher(new Handle(this.#handle.instance, watcher, 'watcher'));
  }

  digest() {
    return this.#handle.call((doc) => doc.digest());
  }

  version() {
    return this.#handle.call((doc) => doc.version());
  }

  heads() {
    return this.#handle.call((doc) => doc.heads());
  }

  /**
   * @param {wit.PeerVersion[]} known
   * @param {number} most
   */
  eventsSince(known, most) {
    check.version(known, 'known');
    check.u32(most, 'most');
    return this.#handle.call((doc) => doc.eventsSince(known, most));
  }

  /** @param {wit.EventRun[]} events */
  mergeEvents(events) {
    check.runs(events);
    return this.#handle.call((doc) => doc.mergeEvents(events));
  }

  /** @param {wit.PeerVersion[]} known */
  updateSince(known) {
    check.version(known, 'known');
    return this.#handle.call((doc) => doc.updateSince(known));
  }

  /** @param {Uint8Array} update */
  mergeUpdate(update) {
    check.saved(update, 'update');
    return this.#handle.call((doc) => doc.mergeUpdate(update));
  }

  save() {
    return this.#handle.call((doc) => doc.save());
  }

  /** @param {wit.PeerVersion[]} horizon */
  compact(horizon) {
    check.version(horizon, 'horizon');
    return this.#handle.call((doc) => doc.compact(horizon));
  }

  /** @param {Uint8Array} saved */
  rebase(saved) {
    check.saved(saved, 'saved');
    return this.#handle.call((doc) => doc.rebase(saved));
  }

  /**
   * @param {wit.EventId[]} here
   * @param {wit.EventId[]} there
   */
  diff(here, there) {
    check.heads(here, 'here');
    check.heads(there, 'there');
    return this.#handle.call((doc) => doc.diff(here, there));
  }

  /**
   * @param {wit.EventId[]} heads
   * @param {string} peer
   */
  forkAt(heads, peer) {
    return new RawDoc(forkAt(this.#handle, heads, peer));
  }

  [dispose]() {
    this.#handle.dispose();
  }
}

/**
 * @param {Handle<wit.Doc>} handle
 * @param {wit.EventId[]} heads
 * @param {string} peer
 */
export function forkAt(handle, heads, peer) {
  check.heads(heads, 'heads');
  check.string(peer, 'peer');
  const fork = handle.call((doc) => doc.forkAt(heads, peer));
  return new Handle(handle.instance, fork, 'document');
}

/** @implements {Pick<wit.Watcher, keyof wit.Watcher>} */
export class RawWatcher {
  /** @type {Handle<wit.Watcher>} */
  #handle;

  /** @param {Handle<wit.Watcher>} handle */
  constructor(handle) {
    this.#handle = handle;
  }

  /** @param {number} most */
  take(most) {
    check.u32(most, 'most');
    return this.#handle.call((watcher) => watcher.take(most));
  }

  [dispose]() {
    this.#handle.dispose();
  }
}
