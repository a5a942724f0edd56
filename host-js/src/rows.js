// Reading rows as plain objects, of a document or of a transaction.

import * as check from './check.js';
import { fromCells, toRange } from './values.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Cells, Range } from './values.js' */

/** How many rows, or changes of rows, an iterator asks for at a time. */
export const PAGE_ROWS = 256;

/** @typedef {{ id: string, cells: Cells }} Row */

/**
 * @typedef {object} ScanOptions
 * @property {Range} [range] which rows; all by default
 * @property {boolean} [descending] from the largest row id down
 * @property {number} [limit] at most this many rows
 * @property {string} [after] begin after this row id, in the direction of the scan: the last one of the page before
 * @property {string[]} [columns] only these columns; all by default
 */

const SCAN_OPTIONS = ['range', 'descending', 'limit', 'after', 'columns'];

/**
 * @param {{ scan(table: string, options: wit.ScanOptions): wit.Page }} raw
 * @param {string} table
 * @param {ScanOptions} options
 * @returns {{ rows: Row[], more: boolean }}
 */
export function scan(raw, table, options) {
  const {
    range,
    descending = false,
    limit = check.MOST_U32,
    after,
    columns = [],
  } = /** @type {ScanOptions} */ (check.options(options, 'options', SCAN_OPTIONS));
  const page = raw.scan(table, { range: toRange(range), descending, limit, after, columns });
  return { rows: page.rows.map(({ id, cells }) => ({ id, cells: fromCells(cells) })), more: page.more };
}

/**
 * @param {{ scan(table: string, options: ScanOptions): { rows: Row[], more: boolean } }} of
 * @param {string} table
 * @param {ScanOptions} options
 * @returns {Generator<Row, void, void>}
 */
export function* rows(of, table, options) {
  const { limit = Infinity, ...others } = options;
  if (limit !== Infinity) {
    check.u32(limit, 'limit');
  }
  let { after } = others;
  for (let left = limit, more = true; more && left > 0;) {
    const page = of.scan(table, { ...others, after, limit: Math.min(left, PAGE_ROWS) });
    yield* page.rows;
    left -= page.rows.length;
    after = page.rows.at(-1)?.id;
    more = page.more && after !== undefined;
  }
}
