// The durable part of the contract with its exact types: values with tags, cells in lists, no optional arguments. The names
// are those of `wit/` in camel case. Arguments are checked before each call, and errors are classes.

import * as check from './check.js';
import { refuseCopies } from './clone.js';
import * as contract from './contract.js';
import { Handle, dispose } from './instance.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import * as writing from '../dist/wit/interfaces/converge-sync-transactions.js' */

/**
 * The handle of a document, for calls of other resources that take documents.
 *
 * @type {(doc: RawDoc) => Handle<wit.Doc>}
 */
export let docHandle;
/** @type {(transaction: RawTransaction) => Handle<writing.Transaction>} */
let transactionHandle;

/** @implements {Pick<wit.Doc, keyof wit.Doc>} */
export class RawDoc {
  /** @type {Handle<wit.Doc>} */
  #handle;

  static {
    docHandle = (doc) => doc.#handle;
  }

  /** @param {Handle<wit.Doc>} handle */
  constructor(handle) {
    this.#handle = handle;
    refuseCopies(this, 'document');
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
    contract.cells(cells);
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
    contract.cells(cells);
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

  /**
   * @param {string} table
   * @param {string} row
   * @param {string[]} columns
   */
  unset(table, row, columns) {
    check.string(table, 'table');
    check.string(row, 'row');
    contract.columns(columns);
    return this.#handle.call((doc) => doc.unset(table, row, columns));
  }

  /** @param {wit.Commit} ops */
  commit(ops) {
    contract.commit(ops);
    return this.#handle.call((doc) => doc.commit(ops));
  }

  begin() {
    const transaction = this.#handle.call((doc) => doc.begin());
    return new RawTransaction(new Handle(this.#handle.instance, transaction, 'transaction'));
  }

  /**
   * Ends the transaction, also if it fails.
   *
   * @param {RawTransaction} transaction of this document
   */
  commitTransaction(transaction) {
    if (!(transaction instanceof RawTransaction)) {
      check.refuse(`transaction must be a transaction of this package, not ${check.show(transaction)}`);
    }
    const handle = transactionHandle(transaction);
    if (handle.instance !== this.#handle.instance) {
      check.refuse('the transaction belongs to a document of another engine');
    }
    const { resource: doc } = this.#handle;
    const given = handle.give();
    return handle.instance.call(() => doc.commitTransaction(given));
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
    contract.scanOptions(options);
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
    contract.tables(tables);
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

  summary() {
    return this.#handle.call((doc) => doc.summary());
  }

  /**
   * @param {number} skip
   * @param {number} limit
   */
  forks(skip, limit) {
    check.u32(skip, 'skip');
    check.u32(limit, 'limit');
    return this.#handle.call((doc) => doc.forks(skip, limit));
  }

  /** @param {wit.EventId} event */
  permanentId(event) {
    contract.eventId(event);
    return this.#handle.call((doc) => doc.permanentId(event));
  }

  heads() {
    return this.#handle.call((doc) => doc.heads());
  }

  /**
   * @param {Uint8Array} summary
   * @param {number} limit
   */
  eventsSince(summary, limit) {
    check.summary(summary, 'summary');
    check.u32(limit, 'limit');
    return this.#handle.call((doc) => doc.eventsSince(summary, limit));
  }

  /** @param {wit.EventRun[]} events */
  mergeEvents(events) {
    contract.runs(events);
    return this.#handle.call((doc) => doc.mergeEvents(events));
  }

  /** @param {Uint8Array} summary */
  updateSince(summary) {
    check.summary(summary, 'summary');
    return this.#handle.call((doc) => doc.updateSince(summary));
  }

  /** @param {Uint8Array} update */
  mergeUpdate(update) {
    check.saved(update, 'update');
    return this.#handle.call((doc) => doc.mergeUpdate(update));
  }

  save() {
    return this.#handle.call((doc) => doc.save());
  }

  /** @param {Uint8Array[]} summaries */
  compact(summaries) {
    contract.summaries(summaries);
    return this.#handle.call((doc) => doc.compact(summaries));
  }

  /** @param {Uint8Array} saved */
  rebase(saved) {
    check.saved(saved, 'saved');
    return this.#handle.call((doc) => doc.rebase(saved));
  }

  /**
   * @param {wit.EventId[]} fromHeads
   * @param {wit.EventId[]} toHeads
   */
  diff(fromHeads, toHeads) {
    contract.heads(fromHeads, 'fromHeads');
    contract.heads(toHeads, 'toHeads');
    return this.#handle.call((doc) => doc.diff(fromHeads, toHeads));
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
  contract.heads(heads, 'heads');
  check.string(peer, 'peer');
  const fork = handle.call((doc) => doc.forkAt(heads, peer));
  return new Handle(handle.instance, fork, 'document');
}

/** @implements {Pick<writing.Transaction, keyof writing.Transaction>} */
export class RawTransaction {
  /** @type {Handle<writing.Transaction>} */
  #handle;

  static {
    transactionHandle = (transaction) => transaction.#handle;
  }

  /** @param {Handle<writing.Transaction>} handle */
  constructor(handle) {
    this.#handle = handle;
    refuseCopies(this, 'transaction');
  }

  /**
   * @param {string} table
   * @param {string} row
   */
  get(table, row) {
    check.string(table, 'table');
    check.string(row, 'row');
    return this.#handle.call((transaction) => transaction.get(table, row));
  }

  /**
   * @param {string} table
   * @param {wit.ScanOptions} options
   */
  scan(table, options) {
    check.string(table, 'table');
    contract.scanOptions(options);
    return this.#handle.call((transaction) => transaction.scan(table, options));
  }

  /**
   * @param {string} table
   * @param {string} row
   * @param {wit.Cell[]} cells
   */
  insert(table, row, cells) {
    check.string(table, 'table');
    check.string(row, 'row');
    contract.cells(cells);
    this.#handle.call((transaction) => transaction.insert(table, row, cells));
  }

  /**
   * @param {string} table
   * @param {string} row
   * @param {wit.Cell[]} cells
   */
  update(table, row, cells) {
    check.string(table, 'table');
    check.string(row, 'row');
    contract.cells(cells);
    this.#handle.call((transaction) => transaction.update(table, row, cells));
  }

  /**
   * @param {string} table
   * @param {string} row
   */
  delete(table, row) {
    check.string(table, 'table');
    check.string(row, 'row');
    this.#handle.call((transaction) => transaction.delete(table, row));
  }

  /**
   * @param {string} table
   * @param {string} row
   * @param {string[]} columns
   */
  unset(table, row, columns) {
    check.string(table, 'table');
    check.string(row, 'row');
    contract.columns(columns);
    this.#handle.call((transaction) => transaction.unset(table, row, columns));
  }

  touched() {
    return this.#handle.call((transaction) => transaction.touched());
  }

  [dispose]() {
    this.#handle.dispose();
  }
}

/** @implements {Pick<wit.Watcher, keyof wit.Watcher>} */
export class RawWatcher {
  /** @type {Handle<wit.Watcher>} */
  #handle;

  /** @param {Handle<wit.Watcher>} handle */
  constructor(handle) {
    this.#handle = handle;
    refuseCopies(this, 'watcher');
  }

  /** @param {number} limit */
  take(limit) {
    check.u32(limit, 'limit');
    return this.#handle.call((watcher) => watcher.take(limit));
  }

  [dispose]() {
    this.#handle.dispose();
  }
}

/** @implements {Pick<wit.UpdateReader, keyof wit.UpdateReader>} */
export class RawUpdateReader {
  /** @type {Handle<wit.UpdateReader>} */
  #handle;

  /** @param {Handle<wit.UpdateReader>} handle */
  constructor(handle) {
    this.#handle = handle;
    refuseCopies(this, 'reader');
  }

  /** @param {number} limit */
  next(limit) {
    check.u32(limit, 'limit');
    return this.#handle.call((reader) => reader.next(limit));
  }

  [dispose]() {
    this.#handle.dispose();
  }
}
