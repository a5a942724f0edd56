#!/usr/bin/env node
// Merges the events of a history of `tests/data/rows` into a document, event by event or in
// batches, and prints the result. The exit code is 0 on success, 1 on an error or a difference, and
// 2 if the arguments are invalid.

import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { ConvergeError, open } from '../src/node.js';
import {
  HistoryError,
  TABLE,
  addFingerprints,
  escape,
  formatted,
  inOrder,
  readExpected,
  readHistory,
} from './history.js';

/** @import { Doc } from '../src/doc.js' */
/** @import { EventRun } from '../dist/wit/interfaces/converge-sync-durable.js' */

const USAGE = `usage: replay HISTORY.tsv.gz [--expect EXPECTED.tsv.gz] [--order file|reverse|shuffle:SEED] [--batch N]
              [--head N] [--progress]

  --expect    compare the rows at the end with those in EXPECTED; exit code 1 if they differ
  --order     the order of the events: file, reverse, or shuffle:SEED (default file)
  --batch     the number of events per call (default 1)
  --head      print the first N rows at the end (default 0)
  --progress  show progress on standard error even if that is not a terminal
`;
const MAX_SHOWN_DIFFERENCES = 10;

process.exitCode = await main();

/** @returns {Promise<number>} the exit code */
async function main() {
  const options = readArguments();
  if (options === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  try {
    return await replay(options);
  } catch (error) {
    if (error instanceof HistoryError || error instanceof ConvergeError) {
      process.stderr.write(`replay: ${error.message}\n`);
      return 1;
    }
    throw error;
  }
}

/** @typedef {NonNullable<ReturnType<typeof readArguments>>} Options */

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        expect: { type: 'string' },
        order: { type: 'string', default: 'file' },
        batch: { type: 'string', default: '1' },
        head: { type: 'string', default: '0' },
        progress: { type: 'boolean', default: process.stderr.isTTY === true },
      },
    });
    const [history, ...others] = positionals;
    const batch = integer(values.batch);
    const head = integer(values.head);
    if (history === undefined || others.length > 0 || !batch || head === undefined || !inOrder([], values.order)) {
      return undefined;
    }
    return { ...values, history, batch, head };
  } catch {
    return undefined;
  }
}

/** @param {Options} options */
async function replay(options) {
  const history = await readHistory(options.history);
  const expected = options.expect === undefined ? undefined : await readExpected(options.expect);
  const engine = await open();
  addFingerprints(engine, history);
  const events = /** @type {EventRun[]} */ (inOrder(history, options.order));
  const doc = engine.create('replay');

  const { waiting, seconds } = merge(doc, events, options);
  const rows = allRows(doc);
  const version = doc.version();
  print('history', basename(options.history));
  print('order', `${options.order}, ${options.batch} per call`);
  print(
    'events',
    version.reduce((events, { count }) => events + count, 0),
  );
  print('peers', version.length);
  print('waiting', waiting);
  print('rows', rows.length);
  print('digest', doc.digestHex());
  print('speed', `${Math.round(events.length / seconds)} events/s`);
  const differing = expected === undefined ? [] : differences(rows, expected);
  if (expected !== undefined) {
    print('expected', differing.length === 0 ? `${expected.size} rows agree` : `${differing.length} rows differ`);
  }
  if (options.head > 0) {
    const lines = rows.slice(0, options.head).map(([id, fields]) => `${escape(id)}\t${fields}\n`);
    process.stdout.write(`\n${lines.join('')}`);
  }
  for (const difference of differing.slice(0, MAX_SHOWN_DIFFERENCES)) {
    process.stderr.write(`differs  ${difference}\n`);
  }
  doc.dispose();
  return differing.length > 0 || waiting > 0 ? 1 : 0;
}

/**
 * @param {Doc} doc
 * @param {EventRun[]} events
 * @param {Options} options
 */
function merge(doc, events, { history, batch, progress }) {
  const begin = performance.now();
  let shown = begin;
  let waiting = 0;
  for (let done = 0; done < events.length;) {
    const runs = events.slice(done, done + batch);
    ({ waiting } = doc.mergeEvents(runs));
    done += runs.length;
    if (progress && (done === events.length || performance.now() > shown + 50)) {
      shown = performance.now();
      process.stderr.write(`\r${basename(history)} ${done}/${events.length}${done === events.length ? '\n' : ''}`);
    }
  }
  return { waiting, seconds: (performance.now() - begin) / 1000 };
}

/**
 * Returns all rows by id, formatted as in the file of the expected rows.
 *
 * @param {Doc} doc
 * @returns {[id: string, fields: string][]}
 */
function allRows(doc) {
  /** @type {[id: string, fields: string][]} */
  const rows = [];
  for (let after, more = true; more;) {
    const page = doc.raw.scan(TABLE, { range: { tag: 'all' }, descending: false, limit: 1000, after, columns: [] });
    rows.push(...formatted(page));
    after = page.rows.at(-1)?.id;
    more = page.more;
  }
  return rows;
}

/**
 * @param {[id: string, fields: string][]} rows
 * @param {Map<string, string>} expected
 */
function differences(rows, expected) {
  const found = new Map(rows);
  const names = [...new Set([...found.keys(), ...expected.keys()])];
  return names
    .filter((id) => found.get(id) !== expected.get(id))
    .map((id) => {
      const [is, wanted] = [found.get(id), expected.get(id)];
      if (is === undefined) return `${escape(id)}  is missing`;
      return `${escape(id)}  ${wanted === undefined ? 'exists, expected none' : `is ${is}, expected ${wanted}`}`;
    });
}

/**
 * @param {string} label
 * @param {string | number} text
 */
function print(label, text) {
  process.stdout.write(`${label.padEnd(10)}${text}\n`);
}

/**
 * @param {string} text
 * @returns {number | undefined}
 */
function integer(text) {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
