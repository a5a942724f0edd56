// Documents, watchers and readers of updates with rows as plain objects. `wit/durable.wit` specifies every function.

import { contract } from '../dist/contract.js';
import * as check from './check.js';
import { refuseCopies } from './clone.js';
import { Resource, dispose } from './instance.js';
import { randomPeer } from './peer.js';
import { PAGE_ROWS, rows, scan } from './rows.js';
import { TextView } from './texts/view.js';
import { Transaction } from './transaction.js';
import { fromCells, fromOp, toAmount, toCells, toOps, toRowsOps } from './values.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { CellValue, Cells, NewCells, Op, Row, ScanOptions, WatchOptions } from './types.js' */

/** The maximum number of events that an iterator fetches at once. */
const PAGE_EVENTS = 1024;

const WATCH_OPTIONS = ['fromStart'];

/**
 * A replica of a document. `create` and `load` of an engine and `forkAt` of a document return one.
 * Its memory in the engine is freed by `dispose`, by `using` at the end of the block, or some time
 * later by the garbage collector.
 */
export class Doc {
  #raw;

  /** @param {wit.Doc} raw */
  constructor(raw) {
    this.#raw = raw;
    refuseCopies(this, 'document');
  }

  /** The same document, with the contract's exact types. */
  get raw() {
    return this.#raw;
  }

  /**
   * Returns the name that this replica writes as, without a branch.
   *
   * @returns {string}
   */
  peer() {
    return this.#raw.peer();
  }

  /**
   * Creates a row with these cells. If the row exists, sets these cells and keeps the others.
   * Commits one event.
   *
   * @template {NewCells<T>} T
   * @param {string} table
   * @param {string} row
   * @param {T} cells
   * @returns {wit.EventId}
   */
  insert(table, row, cells) {
    check.string(table, 'table');
    check.string(row, 'row');
    const list = toCells(cells);
    return Resource.use(this.#raw, (doc) => doc.insert(table, row, list));
  }

  /**
   * Sets these cells of a row and keeps the others. Commits one event.
   *
   * @template {NewCells<T>} T
   * @param {string} table
   * @param {string} row
   * @param {T} cells
   * @returns {wit.EventId}
   * @throws {import('./errors.js').NoSuchRowError} if the row does not exist
   */
  update(table, row, cells) {
    check.string(table, 'table');
    check.string(row, 'row');
    const list = toCells(cells);
    return Resource.use(this.#raw, (doc) => doc.update(table, row, list));
  }

  /**
   * Deletes a row with all its cells. Commits one event.
   *
   * @param {string} table
   * @param {string} row
   * @returns {wit.EventId}
   * @throws {import('./errors.js').NoSuchRowError} if the row does not exist
   */
  delete(table, row) {
    return this.#raw.delete(table, row);
  }

  /**
   * Removes these cells of a row. Commits one event.
   *
   * @param {string} table
   * @param {string} row
   * @param {string[]} columns
   * @returns {wit.EventId}
   * @throws {import('./errors.js').NoSuchRowError} if the row does not exist
   */
  unset(table, row, columns) {
    return this.#raw.unset(table, row, columns);
  }

  /**
   * Edits a text cell: removes `remove` characters at `at`, then inserts `insert` there. Positions
   * count Unicode scalar values, which a string iterates: `[...text].length`, not `text.length`. A
   * cell that is absent or null is an empty text. Concurrent splices of replicas all count, as long
   * as the cell's last write or delete is still the one that this replica sees now. Commits one
   * event.
   *
   * @param {string} table
   * @param {string} row
   * @param {string} column
   * @param {number} at
   * @param {number} remove
   * @param {string} insert
   * @returns {wit.EventId}
   * @throws {import('./errors.js').NoSuchRowError} if the row does not exist
   * @throws {import('./errors.js').InvalidArgumentError} if the cell has a value of another type, or
   *   the text has no such place
   * @throws {import('./errors.js').LimitExceededError} if the text would be longer than
   *   `value-bytes`
   */
  splice(table, row, column, at, remove, insert) {
    return this.#raw.splice(table, row, column, at, remove, insert);
  }

  /**
   * Adds to an integer cell. A cell that is absent or null counts as 0. Concurrent additions of
   * replicas all count, as long as the cell's last write or delete is still the one that this
   * replica sees now. Commits one event.
   *
   * @param {string} table
   * @param {string} row
   * @param {string} column
   * @param {number | bigint} amount a safe integer, or a bigint of 64 bits; negative to subtract
   * @returns {wit.EventId}
   * @throws {import('./errors.js').NoSuchRowError} if the row does not exist
   * @throws {import('./errors.js').InvalidArgumentError} if the cell has a value of another type, or
   *   the sum has more than 64 bits
   */
  add(table, row, column, amount) {
    return this.#raw.add(table, row, column, toAmount(amount));
  }

  /**
   * Makes this replica's next commit with a splice or an addition differ from an equal commit of a
   * copy of this replica, which otherwise is the same event and counts once. Call it after loading
   * a document under a peer name that a copy of the document may also use. The client calls it
   * itself.
   *
   * @param {bigint} salt a random number of 64 bits; 0n has no effect
   */
  distinguish(salt) {
    this.#raw.distinguish(salt);
  }

  /**
   * Commits these operations as one event. On error nothing is committed. One event is much cheaper
   * than an event for each operation.
   *
   * @param {Op[]} ops
   * @returns {wit.EventId}
   */
  commit(ops) {
    const list = toOps(ops);
    const rows = toRowsOps(list);
    return Resource.use(this.#raw, (doc) => (rows === undefined ? doc.commit(list) : doc.commitRows(rows)));
  }

  /**
   * Returns the cells of a row, or `undefined` if the row does not exist.
   *
   * @param {string} table
   * @param {string} row
   * @returns {Cells | undefined}
   */
  get(table, row) {
    const cells = this.#raw.get(table, row);
    return cells && fromCells(cells);
  }

  /**
   * Returns a page of rows, sorted by id as UTF-8 bytes. A page ends early if it gets large; `more`
   * is true if the range contains further rows.
   *
   * @param {string} table
   * @param {ScanOptions} [options]
   * @returns {{ rows: Row[], more: boolean }}
   */
  scan(table, options = {}) {
    return scan(this.#raw, table, options);
  }

  /**
   * Iterates over all rows that `scan` would return, page by page. Each page shows the document at
   * the time when the iterator reaches it.
   *
   * @param {string} table
   * @param {ScanOptions} [options]
   * @returns {Generator<Row, void, void>}
   */
  *rows(table, options = {}) {
    yield* rows(this.#raw, table, options);
  }

  /**
   * Returns the tables that have rows, sorted by name, with the number of their rows.
   *
   * @returns {wit.TableSummary[]}
   */
  tables() {
    return this.#raw.tables();
  }

  /**
   * Watches these tables, or all tables if the list is empty. A watcher keeps the document's
   * memory: dispose of both.
   *
   * @param {string[]} [tables]
   * @param {WatchOptions} [options]
   * @returns {Watcher}
   */
  watch(tables = [], options = {}) {
    const { fromStart = false } = /** @type {WatchOptions} */ (check.options(options, 'options', WATCH_OPTIONS));
    return new Watcher(this.#raw.watch(tables, fromStart));
  }

  /**
   * Returns 32 bytes that are equal for equal tables, independent of history and host.
   *
   * @returns {Uint8Array<ArrayBuffer>}
   */
  digest() {
    return this.#raw.digest();
  }

  /**
   * Returns the digest as 64 hexadecimal digits.
   *
   * @returns {string}
   */
  digestHex() {
    return Array.from(this.digest(), (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  /**
   * Returns the known events as a count per peer, sorted by peer. Each branch of a forked peer has
   * a count of its own.
   *
   * @returns {wit.PeerVersion[]}
   */
  version() {
    return this.#raw.version();
  }

  /**
   * Encodes which events this replica knows and needs, identified by content. Pass it to another
   * replica's `updateSince`.
   *
   * @returns {Uint8Array<ArrayBuffer>}
   */
  summary() {
    return this.#raw.summary();
  }

  /**
   * Returns the forks: places where two replicas wrote as the same peer, sorted by peer and
   * counter. The events of both are kept, but the replicas should choose new names.
   *
   * @param {number} [skip] the number of forks to skip; 0 by default
   * @param {number} [limit] the maximum number of forks
   * @returns {wit.Fork[]}
   */
  forks(skip = 0, limit = check.MAX_U32) {
    return this.#raw.forks(skip, limit);
  }

  /**
   * Returns a name of an event that never changes, unlike the event's plain name if its peer turns
   * out to be forked.
   *
   * @param {wit.EventId} event
   * @returns {wit.EventId}
   */
  permanentId(event) {
    return this.#raw.permanentId(event);
  }

  /**
   * Returns the events that no known event depends on. The next commit depends on them.
   *
   * @returns {wit.EventId[]}
   */
  heads() {
    return this.#raw.heads();
  }

  /**
   * Returns events that the replica with this summary lacks, in the contract's exact types. Pass
   * them to `mergeEvents`.
   *
   * @param {Uint8Array} [summary] another replica's `summary()`; that of an empty document by default
   * @param {number} [limit] the maximum number of events
   * @returns {wit.EventBatch}
   * @throws {import('./errors.js').CompactedError} if some of the events were compacted away
   */
  eventsSince(summary = this.#emptySummary(), limit = check.MAX_U32) {
    return this.#raw.eventsSince(summary, limit);
  }

  /**
   * Merges events of other replicas, in any order and grouping, any number of times. Events with
   * missing dependencies wait in the document until the dependencies arrive.
   *
   * @param {wit.EventRun[]} events
   * @returns {wit.MergeReport}
   * @throws {import('./errors.js').CompactedError} if an event does not build on this document's horizon
   */
  mergeEvents(events) {
    return this.#raw.mergeEvents(events);
  }

  /**
   * Encodes the events that the replica with this summary lacks, for storage and transport. Pass
   * the bytes to `mergeUpdate`.
   *
   * @param {Uint8Array} [summary] another replica's `summary()`; that of an empty document by default
   * @returns {Uint8Array<ArrayBuffer>}
   * @throws {import('./errors.js').CompactedError} if some of the events were compacted away, or
   *   the other replica needs `rebase`
   */
  updateSince(summary = this.#emptySummary()) {
    return this.#raw.updateSince(summary);
  }

  #emptySummary() {
    const instance = Resource.instanceOf(this.#raw);
    return instance.call(() => instance.exports.durable.Doc.summaryOf([]));
  }

  /**
   * Merges the bytes of `updateSince` or `save` of another replica, in any order, any number of
   * times.
   *
   * @param {Uint8Array} update
   * @returns {wit.MergeReport}
   * @throws {import('./errors.js').CorruptError} if the bytes are damaged
   * @throws {import('./errors.js').UnsupportedVersionError} if a newer version of the engine wrote them
   * @throws {import('./errors.js').CompactedError} if one of the two documents no longer has events
   *   that the other lacks
   */
  mergeUpdate(update) {
    return this.#raw.mergeUpdate(update);
  }

  /**
   * Encodes the whole document. Replicas that have the same known events, waiting events and
   * horizon return the same bytes.
   *
   * @returns {Uint8Array<ArrayBuffer>}
   */
  save() {
    return this.#raw.save();
  }

  /**
   * Drops the history and the tombstones that all these replicas and this one have.
   * The tables do not change.
   *
   * @param {Uint8Array[]} summaries of every other replica that still writes: this replica's own `summary()` at a time
   *   when a session with that replica was in sync
   * @returns {wit.CompactionReport}
   * @throws {import('./errors.js').InvalidArgumentError} if a summary names events that this replica lacks
   */
  compact(summaries) {
    return this.#raw.compact(summaries);
  }

  /**
   * Replaces the content of this replica with a saved document that was compacted past it, and
   * commits this replica's own events again if the saved document lacks them.
   *
   * @param {Uint8Array} saved
   * @returns {wit.MergeReport}
   * @throws {import('./errors.js').CorruptError} if the bytes are damaged, or not those of a document
   * @throws {import('./errors.js').UnsupportedVersionError} if a newer version of the engine wrote them
   * @throws {import('./errors.js').CompactedError} if the saved document lacks events that this one compacted away
   */
  rebase(saved) {
    return this.#raw.rebase(saved);
  }

  /**
   * Returns operations that turn the tables at `fromHeads` into the tables at `toHeads`, sorted by
   * table and row. Swap the arguments to get the operations that undo the difference.
   *
   * @param {wit.EventId[]} fromHeads what `heads()` returned at some time; `[]` for the empty document
   * @param {wit.EventId[]} toHeads
   * @returns {Op<CellValue>[]}
   * @throws {import('./errors.js').CompactedError} if the history that this needs was compacted away
   */
  diff(fromHeads, toHeads) {
    return this.#raw.diff(fromHeads, toHeads).map(fromOp);
  }

  /**
   * Returns operations that take back what these events did, as far as it still shows. What others
   * have changed since is kept. Nothing changes: `commit` the operations to undo the events, and
   * pass the event of that commit to redo them. The list is empty if nothing shows any more.
   * `UndoManager` remembers the events.
   *
   * @param {wit.EventId[]} events
   * @returns {Op<CellValue>[]}
   * @throws {import('./errors.js').InvalidArgumentError} if an event is not known
   * @throws {import('./errors.js').CompactedError} if an event was compacted away
   */
  inverseOf(events) {
    return this.#raw.inverseOf(events).map(fromOp);
  }

  /**
   * Opens a view of a text cell for an editor, whose positions count UTF-16 code units. Neither the
   * cell nor the row need exist; `edit` fails until the row exists. A view keeps the document's
   * memory: close it when the editor closes.
   *
   * @param {string} table
   * @param {string} row
   * @param {string} column
   * @returns {TextView}
   * @throws {import('./errors.js').LimitExceededError} if the document has `views` views
   */
  openText(table, row, column) {
    const { texts } = contract(Resource.instanceOf(this.#raw));
    return new TextView(texts.View.open(this.#raw, table, row, column, 'utf16'));
  }

  /**
   * Creates a document of the same engine with the content and history of this one at `heads`.
   *
   * @param {wit.EventId[]} heads what `heads()` returned at some time; `[]` for the empty document
   * @param {string} [peer] the name that it writes as; a random one by default
   * @returns {Doc}
   * @throws {import('./errors.js').CompactedError} if the history that this needs was compacted away
   */
  forkAt(heads, peer = randomPeer()) {
    return new Doc(this.#raw.forkAt(heads, peer));
  }

  /**
   * Begins a transaction, whose writes become one event when it is committed. `transact` also
   * commits or disposes of the transaction.
   *
   * @returns {Transaction}
   */
  begin() {
    return new Transaction(this.#raw, this.#raw.begin());
  }

  /**
   * Calls `write` with a transaction and commits its writes as one event. If `write` throws,
   * nothing is committed.
   *
   * @param {(transaction: Transaction) => void} write a synchronous function
   * @returns {wit.EventId | undefined} the event, or `undefined` if there were no writes
   */
  transact(write) {
    const transaction = this.begin();
    try {
      refuseThenable(write(transaction));
      return transaction.commit();
    } finally {
      transaction.dispose();
    }
  }

  /** Frees the document's memory in the engine; does nothing the second time. */
  dispose() {
    this.#raw[dispose]();
  }

  [dispose]() {
    this.#raw[dispose]();
  }
}

/**
 * Rejects the promise of an asynchronous function, because the function would write after its
 * transaction has ended.
 *
 * @param {unknown} result
 */
function refuseThenable(result) {
  if (typeof (/** @type {{ then?: unknown } | null | undefined} */ (result)?.then) === 'function') {
    // Later writes of the function fail. The error below reports that; avoid an unhandled rejection as well.
    Promise.resolve(result).catch(() => {});
    check.refuse('transact() takes a function that is not asynchronous; use begin() for asynchronous writes');
  }
}

/** Observes the changes of a document, by local commits and by merges. */
export class Watcher {
  #raw;

  /** @param {wit.Watcher} raw */
  constructor(raw) {
    this.#raw = raw;
    refuseCopies(this, 'watcher');
  }

  /** The same watcher, with the contract's exact types. */
  get raw() {
    return this.#raw;
  }

  /**
   * Returns and clears the changes since the last call: operations that bring a mirror of the
   * tables up to date when executed in this order. A row that changed several times is reported
   * once.
   *
   * @param {number} [limit] the maximum number of rows
   * @returns {{ ops: Op<CellValue>[], more: boolean }}
   */
  take(limit = check.MAX_U32) {
    const { ops, more } = this.#raw.take(limit);
    return { ops: ops.map(fromOp), more };
  }

  /**
   * Iterates over all changes, page by page. Iterate again after further changes.
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

  /** Stops watching; does nothing the second time. */
  dispose() {
    this.#raw[dispose]();
  }

  [dispose]() {
    this.#raw[dispose]();
  }
}

/**
 * Decodes the events of an update or a saved document page by page, without merging them.
 * `openUpdate` of an engine returns one.
 */
export class UpdateReader {
  #raw;

  /** @param {wit.UpdateReader} raw */
  constructor(raw) {
    this.#raw = raw;
    refuseCopies(this, 'update reader');
  }

  /** The same reader, with the contract's exact types. */
  get raw() {
    return this.#raw;
  }

  /**
   * Returns further events, each after its dependencies. They have no Lamport times.
   *
   * @param {number} [limit] the maximum number of events
   * @returns {wit.EventBatch}
   */
  next(limit = check.MAX_U32) {
    return this.#raw.next(limit);
  }

  /**
   * Reads the remaining events, page by page.
   *
   * @returns {Generator<wit.EventRun, void, void>}
   */
  *[Symbol.iterator]() {
    for (let more = true; more;) {
      const batch = this.next(PAGE_EVENTS);
      yield* batch.runs;
      more = batch.more;
    }
  }

  /** Frees the reader's memory in the engine; does nothing the second time. */
  dispose() {
    this.#raw[dispose]();
  }

  [dispose]() {
    this.#raw[dispose]();
  }
}
