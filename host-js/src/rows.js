// Reads rows of a document or a transaction as plain objects.

import * as check from './check.js';
import { Resource } from './instance.js';
import { fromShaped, toRange } from './values.js';

/** @import * as wit from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Row, ScanOptions } from './types.js' */
/** @typedef {{ scan(table: string, options: wit.ScanOptions): wit.Page }} Scanned a document or a transaction */

/** The maximum number of rows, or changes of rows, that an iterator fetches at once. */
export const PAGE_ROWS = 256;

const SCAN_OPTIONS = ['range', 'descending', 'limit', 'after', 'columns'];

/**
 * @param {Scanned} raw
 * @param {string} table
 * @param {ScanOptions} options
 * @returns {{ rows: Row[], more: boolean }}
 */
export function scan(raw, table, options) {
  return page(raw, check.string(table, 'table'), toScanOptions(options));
}

/**
 * @param {Scanned} raw
 * @param {string} table
 * @param {ScanOptions} options
 * @returns {Generator<Row, void, void>}
 */
export function* rows(raw, table, options) {
  check.string(table, 'table');
  const { limit = Infinity, ...others } = options;
  const checked = toScanOptions(limit === Infinity ? others : { ...others, limit });
  let { after } = checked;
  for (let left = limit, more = true; more && left > 0;) {
    const found = page(raw, table, { ...checked, after, limit: Math.min(left, PAGE_ROWS) });
    yield* found.rows;
    left -= found.rows.length;
    after = found.rows.at(-1)?.id;
    more = found.more && after !== undefined;
  }
}

/**
 * @param {Scanned} raw
 * @param {string} table
 * @param {wit.ScanOptions} options
 */
function page(raw, table, options) {
  const { shapes, rows, more } = Resource.use(raw, (scanned) => scanned.scan(table, options));
  return { rows: rows.map((row) => ({ id: row.id, cells: fromShaped(shapes[row.shape] ?? [], row.values) })), more };
}

/**
 * @param {ScanOptions} options
 * @returns {wit.ScanOptions}
 */
function toScanOptions(options) {
  const {
    range,
    descending = false,
    limit = check.MAX_U32,
    after,
    columns = [],
  } = /** @type {ScanOptions} */ (check.options(options, 'options', SCAN_OPTIONS));
  check.each(columns, 'columns', check.string);
  return {
    range: toRange(range),
    descending: check.boolean(descending, 'descending'),
    limit: check.u32(limit, 'limit'),
    after: after === undefined ? after : check.string(after, 'after'),
    // A copy, since the caller can change the list between two pages.
    columns: [...columns],
  };
}
