// Reads rows of a document or a transaction as plain objects.

import * as check from './check.js';
import { fromCells, toRange } from './values.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Cells, Range } from './values.js' */

/** The maximum number of rows, or changes of rows, that an iterator fetches at once. */
export const PAGE_ROWS = 256;

/** @typedef {{ id: string, cells: Cells }} Row */

/**
 * @typedef {object} ScanOptions
 * @property {Range} [range] which rows; all by default
 * @property {boolean} [descending] from the largest row id down
 * @property {number} [limit] at most so many rows
 * @property {string} [after] start after this row id, in the direction of the scan: the last one of the previous page
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
    limit = check.MAX_U32,
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
