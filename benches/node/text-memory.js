// The resident memory of a replica with a text. Each figure is measured in a process of its own, so
// that no memory is counted that an earlier replica has left.
//
//   node --expose-gc text-memory.js LIBRARY HISTORY type|load FILE

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTrace } from '../../tests/traces.js';
import { textsOf } from './libraries/text/index.js';
import { figure, memoryBytes } from './rows.js';
import { historiesOfOne, typeAll } from './texts.js';

/** @import { TextClass } from './libraries/text/replica.js' */

const path = fileURLToPath(import.meta.url);

/**
 * @param {string} library
 * @param {import('./size.js').Size} size
 */
export async function memory(library, size) {
  const folder = mkdtempSync(join(tmpdir(), 'converge-bench-'));
  try {
    return historiesOfOne(size).flatMap(([name]) => {
      const measured = (/** @type {string} */ way) =>
        Number(execFileSync(process.execPath, ['--expose-gc', path, library, name, way, join(folder, name)]));
      return [
        figure(`${name}, after typing`, measured('type'), 'bytes'),
        figure(`${name}, after loading and reading`, measured('load'), 'bytes'),
      ];
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Returns the memory that a replica needs after typing, and saves it.
 *
 * @param {TextClass} texts
 * @param {string} name
 * @param {string} file
 */
async function ofTyping(texts, name, file) {
  const { events } = readTrace(name);
  const before = memoryBytes();
  const doc = await texts.create(2);
  typeAll(doc, events);
  const bytes = memoryBytes() - before;
  // Use the history and the replica, so that neither is collected earlier.
  if (events.length > 0) writeFileSync(file, doc.save());
  return bytes;
}

/**
 * Returns the memory that a replica needs after loading and reading.
 *
 * @param {TextClass} texts
 * @param {string} file
 */
async function ofLoading(texts, file) {
  const saved = readFileSync(file);
  const before = memoryBytes();
  const doc = texts.load(1, saved);
  doc.read();
  const bytes = memoryBytes() - before;
  doc.dispose();
  return bytes;
}

if (process.argv[1] === path) {
  const [library = '', name = '', way, file = ''] = process.argv.slice(2);
  const texts = await textsOf(library);
  // Allocates what all replicas share.
  const first = await texts.create(1);
  first.begin();
  texts.load(1, first.save()).read();
  const bytes = await (way === 'type' ? ofTyping(texts, name, file) : ofLoading(texts, file));
  process.stdout.write(String(bytes), () => process.exit());
}
