// Transactions with rows as plain objects. `wit/transactions.wit` specifies every function.

import * as check from './check.js';
import { refuseCopies } from './clone.js';
import { Resource, dispose } from './instance.js';
import { rows, scan } from './rows.js';
import { fromCells, toAmount, toCells } from './values.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { RowId } from '../dist/wit/interfaces/converge-sync-types.js' */
/** @import { Cells, NewCells, Row, ScanOptions } from './types.js' */

/**
 * Buffered writes that become one event of a document, or none. Reads return the document's current
 * state with the buffered writes applied. `begin` of a document returns one, and `transact` passes
 * one to its callback. A transaction that is never committed has no effect. Its memory is freed
 * like that of a document.
 */
export class Transaction {
  #doc;
  #raw;

  /**
   * @param {wit.Doc} doc
   * @param {wit.Transaction} raw
   */
  constructor(doc, raw) {
    this.#doc = doc;
    this.#raw = raw;
    refuseCopies(this, 'transaction');
  }

  /** The same transaction, with the contract's exact types. */
  get raw() {
    return this.#raw;
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
   * Returns a page of rows, as `scan` of a document does.
   *
   * @param {string} table
   * @param {ScanOptions} [options]
   * @returns {{ rows: Row[], more: boolean }}
   */
  scan(table, options = {}) {
    return scan(this.#raw, table, options);
  }

  /**
   * Iterates over all rows that `scan` would return, page by page.
   *
   * @param {string} table
   * @param {ScanOptions} [options]
   * @returns {Generator<Row, void, void>}
   */
  *rows(table, options = {}) {
    yield* rows(this.#raw, table, options);
  }

  /**
   * Creates a row with these cells. If the row exists, sets these cells and keeps the others.
   *
   * @template {NewCells<T>} T
   * @param {string} table
   * @param {string} row
   * @param {T} cells
   */
  insert(table, row, cells) {
    check.string(table, 'table');
    check.string(row, 'row');
    const list = toCells(cells);
    Resource.use(this.#raw, (transaction) => transaction.insert(table, row, list));
  }

  /**
   * Sets these cells of a row and keeps the others.
   *
   * @template {NewCells<T>} T
   * @param {string} table
   * @param {string} row
   * @param {T} cells
   * @throws {import('./errors.js').NoSuchRowError} if the row does not exist
   */
  update(table, row, cells) {
    check.string(table, 'table');
    check.string(row, 'row');
    const list = toCells(cells);
    Resource.use(this.#raw, (transaction) => transaction.update(table, row, list));
  }

  /**
   * Deletes a row with all its cells.
   *
   * @param {string} table
   * @param {string} row
   * @throws {import('./errors.js').NoSuchRowError} if the row does not exist
   */
  delete(table, row) {
    this.#raw.delete(table, row);
  }

  /**
   * Removes these cells of a row.
   *
   * @param {string} table
   * @param {string} row
   * @param {string[]} columns
   * @throws {import('./errors.js').NoSuchRowError} if the row does not exist
   */
  unset(table, row, columns) {
    this.#raw.unset(table, row, columns);
  }

  /**
   * Edits a text cell, as `splice` of a document does. Positions are those of the text with the
   * buffered writes.
   *
   * @param {string} table
   * @param {string} row
   * @param {string} column
   * @param {number} at
   * @param {number} remove
   * @param {string} insert
   * @throws {import('./errors.js').NoSuchRowError} if the row does not exist
   * @throws {import('./errors.js').InvalidArgumentError} if the cell has a value of another type, or
   *   the text has no such place
   * @throws {import('./errors.js').LimitExceededError} if the text would be longer than
   *   `value-bytes`
   */
  splice(table, row, column, at, remove, insert) {
    this.#raw.splice(table, row, column, at, remove, insert);
  }

  /**
   * Adds to an integer cell, as `add` of a document does.
   *
   * @param {string} table
   * @param {string} row
   * @param {string} column
   * @param {number | bigint} amount a safe integer, or a bigint of 64 bits; negative to subtract
   * @throws {import('./errors.js').NoSuchRowError} if the row does not exist
   * @throws {import('./errors.js').InvalidArgumentError} if the cell has a value of another type, or
   *   the sum has more than 64 bits
   */
  add(table, row, column, amount) {
    this.#raw.add(table, row, column, toAmount(amount));
  }

  /**
   * Returns the rows that the buffered writes touch, sorted. A view that shows uncommitted writes
   * refreshes exactly these rows.
   *
   * @returns {RowId[]}
   */
  touched() {
    return this.#raw.touched();
  }

  /**
   * Commits the buffered writes as one event. On an error nothing is committed. The transaction
   * ends in any case.
   *
   * @returns {wit.EventId | undefined} the event, or `undefined` if there were no writes
   * @throws {import('./errors.js').NoSuchRowError} if a row was deleted from the document after it was updated here
   */
  commit() {
    return this.#doc.commitTransaction(this.#raw);
  }

  /** Ends the transaction without a commit; does nothing if it has ended. */
  dispose() {
    this.#raw[dispose]();
  }

  [dispose]() {
    this.dispose();
  }
}
