// Transactions as a JavaScript program likes them. The meaning of every function is the contract's, in
// `wit/transactions.wit`.

import * as check from './check.js';
import { dispose } from './instance.js';
import { rows, scan } from './rows.js';
import { fromCells, toCells } from './values.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { RawTransaction } from './raw.js' */
/** @import { Row, ScanOptions } from './rows.js' */
/** @import { Cells, NewCells } from './values.js' */

/**
 * Writes that become one event of a document, or none; reads give the document as it is now, with what was written here over
 * it. Made by a document's `begin` and `transact`. One that is neither committed nor disposed of leaves no trace, and is freed as
 * a document is.
 */
export class Transaction {
  #raw;

  /** @param {RawTransaction} raw */
  constructor(raw) {
    this.#raw = raw;
  }

  /** The same transaction, with the contract's exact types. */
  get raw() {
    return this.#raw;
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
   * A page of rows, as of a document.
   *
   * @param {string} table
   * @param {ScanOptions} [options]
   * @returns {{ rows: Row[], more: boolean }}
   */
  scan(table, options = {}) {
    return scan(this.#raw, table, options);
  }

  /**
   * All rows that `scan` would give, page by page.
   *
   * @param {string} table
   * @param {ScanOptions} [options]
   * @returns {Generator<Row, void, void>}
   */
  *rows(table, options = {}) {
    yield* rows(this, table, options);
  }

  /**
   * Creates the row with these cells; where the row exists, sets these cells and leaves the others.
   *
   * @param {string} table
   * @param {string} row
   * @param {NewCells} cells
   */
  insert(table, row, cells) {
    check.string(table, 'table');
    check.string(row, 'row');
    this.#raw.insert(table, row, toCells(cells));
  }

  /**
   * Sets these cells of the row and leaves the others.
   *
   * @param {string} table
   * @param {string} row
   * @param {NewCells} cells
   * @throws {import('./errors.js').NoSuchRowError} where the row is not there
   */
  update(table, row, cells) {
    check.string(table, 'table');
    check.string(row, 'row');
    this.#raw.update(table, row, toCells(cells));
  }

  /**
   * Removes the row with all its cells.
   *
   * @param {string} table
   * @param {string} row
   * @throws {import('./errors.js').NoSuchRowError} where the row is not there
   */
  delete(table, row) {
    this.#raw.delete(table, row);
  }

  /**
   * Commits what was written as one event, or, with an error, none of it. Ends the transaction, whatever comes of it.
   *
   * @returns {wit.EventId | undefined} the event; undefined where nothing was written
   * @throws {import('./errors.js').NoSuchRowError} where the document changed since, and a row is not there any more
   */
  commit() {
    return this.#raw.commit();
  }

  /** Ends the transaction without a commit; does nothing where it has ended. */
  dispose() {
    this.#raw[dispose]();
  }

  [dispose]() {
    this.dispose();
  }
}
