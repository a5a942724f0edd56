#!/usr/bin/env node
// Takes a history of `tests/data/rows` into a document, event by event or in batches, and tells what came out. Ends with
// 0 where all is well, 1 where something failed or differs, 2 where it was called wrongly.

import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { ConvergeError, open } from '../src/node.js';
import {
  HistoryError,
  TABLE,
  addFingerprints,
  escape,
  fieldsOf,
  inOrder,
  readExpected,
  readHistory,
} from './history.js';

/** @import { Doc } from '../src/doc.js' */
/** @import { EventRun } from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Row } from '../dist/wit/interfaces/converge-sync-types.js' */

const USAGE = `usage: replay HISTORY.tsv.gz [--expect EXPECTED.tsv.gz] [--order file|reverse|shuffle:SEED] [--batch N]
              [--head N] [--progress]

  --expect    compare the rows at the end with this file's; exit code 1 where they differ
  --order     in which order the events are taken in: as in the file (the default), backwards, or shuffled
  --batch     how many events each call takes in (default 1)
  --head      print the first N rows
  --progress  show progress on stderr, also where that is no terminal
`;
const MOST_SHOWN = 10;

process.exitCode = await main();

/** @returns {Promise<number>} the exit code */
async function main() {
  const asked = readArguments();
  if (asked === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  try {
    return await replay(asked);
  } catch (error) {
    if (error instanceof HistoryError || error instanceof ConvergeError) {
      process.stderr.write(`replay: ${error.message}\n`);
      return 1;
    }
    throw error;
  }
}

/** @typedef {NonNullable<ReturnType<typeof readArguments>>} Asked */

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

/** @param {Asked} asked */
async function replay(asked) {
  const history = await readHistory(asked.history);
  const expected = asked.expect === undefined ? undefined : await readExpected(asked.expect);
  const engine = await open();
  addFingerprints(engine, history);
  const events = /** @type {EventRun[]} */ (inOrder(history, asked.order));
  const doc = engine.create('replay');

  const { waiting, seconds } = takeIn(doc, events, asked);
  const rows = allRows(doc);
  const version = doc.version();
  tell('history', basename(asked.history));
  tell('order', `${asked.order}, ${asked.batch} a call`);
  tell(
    'events',
    version.reduce((events, { count }) => events + count, 0),
  );
  tell('peers', version.length);
  tell('waiting', waiting);
  tell('rows', rows.length);
  tell('digest', doc.digestHex());
  tell('speed', `${Math.round(events.length / seconds)} events/s`);
  const differing = expected === undefined ? [] : differences(rows, expected);
  if (expected !== undefined) {
    tell('expected', differing.length === 0 ? `${expected.size} rows agree` : `${differing.length} rows differ`);
  }
  if (asked.head > 0) {
    const lines = rows.slice(0, asked.head).map(({ id, cells }) => `${escape(id)}\t${fieldsOf(cells)}\n`);
    process.stdout.write(`\n${lines.join('')}`);
  }
  for (const difference of differing.slice(0, MOST_SHOWN)) {
    process.stderr.write(`differs  ${difference}\n`);
  }
  doc.dispose();
  return differing.length > 0 || waiting > 0 ? 1 : 0;
}

/**
 * @param {Doc} doc
 * @param {EventRun[]} events
 * @param {Asked} asked
 */
function takeIn(doc, events, { history, batch, progress }) {
  const begin = performance.now();
  let shown = begin;
  let waiting = 0;
  for (let done = 0; done < events.length;) {
    const taken = events.slice(done, done + batch);
    ({ waiting } = doc.mergeEvents(taken));
    done += taken.length;
    if (progress && (done === events.length || performance.now() > shown + 50)) {
      shown = performance.now();
      process.stderr.write(`\r${basename(history)} ${done}/${events.length}${done === events.length ? '\n' : ''}`);
    }
  }
  return { waiting, seconds: (performance.now() - begin) / 1000 };
}

/**
 * @param {Doc} doc
 * @returns {Row[]}
 */
function allRows(doc) {
  const rows = [];
  for (let after, more = true; more;) {
    const page = doc.raw.scan(TABLE, { range: { tag: 'all' }, descending: false, limit: 1000, after, columns: [] });
    rows.push(...page.rows);
    after = page.rows.at(-1)?.id;
    more = page.more;
  }
  return rows;
}

/**
 * @param {Row[]} rows
 * @param {Map<string, string>} expected
 */
function differences(rows, expected) {
  const found = new Map(rows.map(({ id, cells }) => [id, fieldsOf(cells)]));
  const names = [...new Set([...found.keys(), ...expected.keys()])];
  return names
    .filter((id) => found.get(id) !== expected.get(id))
    .map((id) => {
      const [is, wanted] = [found.get(id), expected.get(id)];
      if (is === undefined) return `${escape(id)}  is missing`;
      return `${escape(id)}  ${wanted === undefined ? 'is there, expected none' : `is ${is}, expected ${wanted}`}`;
    });
}

/**
 * @param {string} label
 * @param {string | number} text
 */
function tell(label, text) {
  process.stdout.write(`${label.padEnd(10)}${text}\n`);
}

/**
 * @param {string} text
 * @returns {number | undefined}
 */
function integer(text) {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
