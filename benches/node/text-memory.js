// The resident memory of a replica with a text. Each figure is measured in a process of its own, so
// that no replica gets memory that something else has freed. The process that types reads the
// patches of one event after the other from its standard input, and saves the document in a file.
//
//   node --expose-gc text-memory.js LIBRARY type|load FILE

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { readTrace } from '../../tests/traces.js';
import { textsOf } from './libraries/text/index.js';
import { figure, memoryBytes } from './rows.js';
import { historiesOfOne } from './texts.js';

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
      const measured = (/** @type {string} */ way, input = '') => {
        const args = ['--expose-gc', path, library, way, join(folder, name)];
        return Number(execFileSync(process.execPath, args, { input }));
      };
      const lines = readTrace(name).events.map(({ patches }) => `${JSON.stringify(patches)}\n`);
      return [
        figure(`${name}, after typing`, measured('type', lines.join('')), 'bytes'),
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
 * @param {string} file
 */
async function ofTyping(texts, file) {
  const before = memoryBytes();
  const doc = await texts.create(2);
  doc.begin();
  for await (const line of createInterface({ input: process.stdin })) doc.edit(JSON.parse(line));
  const bytes = memoryBytes() - before;
  writeFileSync(file, doc.save());
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
  const [library = '', way, file = ''] = process.argv.slice(2);
  const texts = await textsOf(library);
  // Allocates what all replicas share.
  const first = await texts.create(1);
  first.begin();
  texts.load(1, first.save()).read();
  const bytes = await (way === 'type' ? ofTyping(texts, file) : ofLoading(texts, file));
  process.stdout.write(String(bytes), () => process.exit());
}
