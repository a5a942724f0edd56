// Documents and watchers as a JavaScript program likes them: rows are plain objects. The meaning of every function is
// the contract's, in `wit/durable.wit`; here is what JavaScript adds.

import * as check from './check.js';
import { Handle, dispose } from './instance.js';
import { randomPeer } from './peer.js';
import { RawDoc, RawWatcher, begin, forkAt } from './raw.js';
import { PAGE_ROWS, rows, scan } from './rows.js';
import { Transaction } from './transaction.js';
import { fromCells, fromOp, toCells, toOps } from './values.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Row, ScanOptions } from './rows.js' */
/** @import { CellValue, Cells, NewCells, Op } from './values.js' */

const WATCH_OPTIONS = ['fromStart'];

/**
 * A replica of a document. Made by `create` and `load` of an engine's `Doc`, and by `forkAt`. Its memory in the engine is
 * freed by `dispose`, by `using` at the end of the block, or, some time later, by the garbage collector.
 */
export class Doc {
  /** @type {Handle<wit.Doc>} */
  #handle;
  #raw;

  /** @param {Handle<wit.Doc>} handle */
  constructor(handle) {
    this.#handle = handle;
    this.#raw = new RawDoc(handle);
  }

  /** The same document, with the contract's exact types. */
  get raw() {
    return this.#raw;
  }

  /** @returns {string} the peer as which this replica writes */
  peer() {
    return this.#raw.peer();
  }

  /**
   * Creates the row with these cells; where the row exists, sets these cells and leaves the others. One event.
   *
   * @param {string} table
   * @param {string} row
   * @param {NewCells} cells
   * @returns {wit.EventId}
   */
  insert(table, row, cells) {
    check.string(table, 'table');
    check.string(row, 'row');
    const list = toCells(cells);
    return this.#handle.call((doc) => doc.insert(table, row, list));
  }

  /**
   * Sets these cells of the row and leaves the others. One event.
   *
   * @param {string} table
   * @param {string} row
   * @param {NewCells} cells
   * @returns {wit.EventId}
   * @throws {import('./errors.js').NoSuchRowError} where the row is not there
   */
  update(table, row, cells) {
    check.string(table, 'table');
    check.string(row, 'row');
    const list = toCells(cells);
    return this.#handle.call((doc) => doc.update(table, row, list));
  }

  /**
   * Removes the row with all its cells. One event.
   *
   * @param {string} table
   * @param {string} row
   * @returns {wit.EventId}
   * @throws {import('./errors.js').NoSuchRowError} where the row is not there
   */
  delete(table, row) {
    return this.#raw.delete(table, row);
  }

  /**
   * Commits all of these operations as one event, or, with an error, none of them. Much cheaper than an event for each.
   *
   * @param {Op[]} ops
   * @returns {wit.EventId}
   */
  commit(ops) {
    const list = toOps(ops);
    return this.#handle.call((doc) => doc.commit(list));
  }

  /**
   * @param {string} table
   * @param {string} row
   * @returns {Cells | undefined} the row's cells; undefined where the row is not there
   */
  get(table, row) {
    const cells = this.#raw.get(table, row);
    return cells && fromCells(cells);
  }

  /**
   * A page of rows, in the order of their ids as UTF-8 bytes. The engine ends a page early where it gets large: `more`
   * tells whether the range holds rows beyond these.
   *
   * @param {string} table
   * @param {ScanOptions} [options]
   * @returns {{ rows: Row[], more: boolean }}
   */
  scan(table, options = {}) {
    return scan(this.#raw, table, options);
  }

  /**
   * All rows that `scan` would give, page by page: each page shows the document as it is when the iterator gets there.
   *
   * @param {string} table
   * @param {ScanOptions} [options]
   * @returns {Generator<Row, void, void>}
   */
  *rows(table, options = {}) {
    yield* rows(this, table, options);
  }

  /** @returns {wit.TableSummary[]} the tables that have rows, by name, and how many */
  tables() {
    return this.#raw.tables();
  }

  /**
   * Watches these tables, all where none are named. A watcher keeps the document's memory: dispose of both.
   *
   * @param {string[]} [tables]
   * @param {{ fromStart?: boolean }} [options] with `fromStart`, the first takes give every row that is there
   * @returns {Watcher}
   */
  watch(tables = [], options = {}) {
    check.tables(tables);
    const { fromStart = false } = check.options(options, 'options', WATCH_OPTIONS);
    const checked = check.boolean(fromStart, 'fromStart');
    const watcher = this.#handle.call((doc) => doc.watch(tables, checked));
    return new Watcher(new Handle(this.#handle.instance, watcher, 'watcher'));
  }

  /** @returns {Uint8Array} 32 bytes that are the same for the same tables, whatever the history and the host */
  digest() {
    return this.#raw.digest();
  }

  /** @returns {string} the digest as 64 hex digits */
  digestHex() {
    return Array.from(this.digest(), (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  /** @returns {wit.PeerVersion[]} the events that this replica knows, peer by peer */
  version() {
    return this.#raw.version();
  }

  /** @returns {wit.EventId[]} what the next commit will depend on */
  heads() {
    return this.#raw.heads();
  }

  /**
   * The events beyond `known`, in the contract's exact types: what another replica's `mergeEvents` takes.
   *
   * @param {wit.PeerVersion[]} [known] another replica's `version()`; nothing by default
   * @param {number} [most] at most this many events
   * @returns {wit.EventBatch} the events, and whether there are more
   * @throws {import('./errors.js').CompactedError} where events beyond `known` were given up
   */
  eventsSince(known = [], most = check.MOST_U32) {
    return this.#raw.eventsSince(known, most);
  }

  /**
   * Takes in events of other replicas, in any order, any grouping, any number of times.
   *
   * @param {wit.EventRun[]} events
   * @returns {wit.MergeReport}
   * @throws {import('./errors.js').CompactedError} where an event does not build on this document's horizon
   */
  mergeEvents(events) {
    return this.#raw.mergeEvents(events);
  }

  /**
   * The events beyond `known` as bytes, for storage and transport: what another replica's `mergeUpdate` takes.
   *
   * @param {wit.PeerVersion[]} [known] another replica's `version()`; nothing by default
   * @returns {Uint8Array}
   * @throws {import('./errors.js').CompactedError} where events beyond `known` were given up
   */
  updateSince(known = []) {
    return this.#raw.updateSince(known);
  }

  /**
   * Takes in what `updateSince` or `save` of another replica gave, in any order, any number of times.
   *
   * @param {Uint8Array} update
   * @returns {wit.MergeReport}
   * @throws {import('./errors.js').CorruptError} where the bytes are damaged
   * @throws {import('./errors.js').UnsupportedVersionError} where a later version of the engine wrote them
   * @throws {import('./errors.js').CompactedError} where one of the two documents gave up what the other one needs
   */
  mergeUpdate(update) {
    return this.#raw.mergeUpdate(update);
  }

  /**
   * The whole document: what `load` of any engine's `Doc` takes. The same document gives the same bytes, whatever
   * replica writes them.
   *
   * @returns {Uint8Array}
   */
  save() {
    return this.#raw.save();
  }

  /**
   * Gives up the history, and the traces of deleted rows, up to `horizon`. The tables stay as they are.
   *
   * @param {wit.PeerVersion[]} horizon a version that this replica knows, and on which, as the caller vouches, every
   *   event still to come from anyone builds
   * @returns {wit.CompactionReport}
   */
  compact(horizon) {
    return this.#raw.compact(horizon);
  }

  /**
   * Goes on with a document that was compacted past this one: replaces the content with it, and commits again, on top,
   * what this replica's own events did that the saved document lacks.
   *
   * @param {Uint8Array} saved
   * @returns {wit.MergeReport}
   * @throws {import('./errors.js').CorruptError} where the bytes are damaged, or not those of a document
   * @throws {import('./errors.js').UnsupportedVersionError} where a later version of the engine wrote them
   * @throws {import('./errors.js').CompactedError} where the saved document lacks what this one gave up
   */
  rebase(saved) {
    return this.#raw.rebase(saved);
  }

  /**
   * Operations that lead from the tables at `here` to those at `there`, sorted by table and row: what happened, or, the
   * other way round, what would undo it.
   *
   * @param {wit.EventId[]} here what `heads()` gave at some time; none for the empty document
   * @param {wit.EventId[]} there
   * @returns {Op<CellValue>[]}
   * @throws {import('./errors.js').CompactedError} where the history that this needs was given up
   */
  diff(here, there) {
    return this.#raw.diff(here, there).map(fromOp);
  }

  /**
   * A new document of the same engine that holds what this one held at `heads`.
   *
   * @param {wit.EventId[]} heads what `heads()` gave at some time; none for the empty document
   * @param {string} [peer] as which it writes; by default a new name from the system's randomness
   * @returns {Doc}
   * @throws {import('./errors.js').CompactedError} where the history that this needs was given up
   */
  forkAt(heads, peer = randomPeer()) {
    const Class = /** @type {typeof Doc} */ (this.constructor);
    return new Class(forkAt(this.#handle, heads, peer));
  }

  /**
   * A transaction: what is written in it becomes one event when it is committed. `transact` begins and ends one by itself.
   *
   * @returns {Transaction}
   */
  begin() {
    return new Transaction(begin(this.#handle));
  }

  /**
   * Calls `write` with a transaction, and commits what that wrote as one event. Where it throws, nothing is committed.
   *
   * @param {(transaction: Transaction) => void} write not asynchronous
   * @returns {wit.EventId | undefined} the event; undefined where nothing was written
   */
  transact(write) {
    const transaction = this.begin();
    try {
      const result = /** @type {unknown} */ (write(transaction));
      if (result instanceof Promise) {
        result.catch(() => {});
        check.refuse('transact: a function that is not asynchronous must be given; begin() is for others');
      }
      return transaction.commit();
    } finally {
      transaction.dispose();
    }
  }

  /** Frees the document's memory in the engine; does nothing the second time. */
  dispose() {
    this.#handle.dispose();
  }

  [dispose]() {
    this.#handle.dispose();
  }
}

/** A reader of what changes in a document, by local commits and by merges alike. */
export class Watcher {
  /** @type {Handle<wit.Watcher>} */
  #handle;
  #raw;

  /** @param {Handle<wit.Watcher>} handle */
  constructor(handle) {
    this.#handle = handle;
    this.#raw = new RawWatcher(handle);
  }

  /** The same watcher, with the contract's exact types. */
  get raw() {
    return this.#raw;
  }

  /**
   * The changes since the last take, several of one row as one: operations that, executed in this order, bring a mirror
   * of the tables up to date.
   *
   * @param {number} [most] at most this many rows
   * @returns {{ ops: Op<CellValue>[], more: boolean }}
   */
  take(most = check.MOST_U32) {
    const { ops, more } = this.#raw.take(most);
    return { ops: ops.map(fromOp), more };
  }

  /**
   * Takes, one by one, until nothing is left. Can be iterated again when something has changed.
   *
   * @returns {Generator<Op<CellValue>, void, void>}
   */
  *[Symbol.iterator]() {
    for (let more = true; more;) {
      const changes = this.take(PAGE_ROWS);
      yield* changes.ops;
      more = changes.more;
    }
  }

  /** Ends the watching; does nothing the second time. */
  dispose() {
    this.#handle.dispose();
  }

  [dispose]() {
    this.#handle.dispose();
  }
}
