// Runs every conformance case of tests/conformance with the raw types. Writes the transcript to
// target/conformance/host-js.txt, to be compared with those of the other hosts.

import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { sep } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkEnd } from '../conformance/lasting.js';
import { Scene, runStep } from '../conformance/runner.js';
import { canonical, expand, list, members, sha256, string } from '../conformance/notation.js';
import { open } from '../src/node.js';

const cases = new URL('../../tests/conformance/', import.meta.url);
const transcripts = new URL('../../target/conformance/', import.meta.url);
const MAX_RESULT_BYTES = 4096;

/** @type {WebAssembly.Module} */
let module;
/** @type {string[]} */
const transcript = [];
const ran = new Set();
let steps = 0;

before(async () => {
  module = await WebAssembly.compile(await readFile(new URL('../dist/converge.core.wasm', import.meta.url)));
});

const paths = await casePaths();
for (const path of paths) {
  test(path, async () => {
    const { about, steps: given } = members(expand(JSON.parse(await readFile(new URL(path, cases), 'utf8'))), [
      'about',
      'steps',
    ]);
    string(about);
    const scene = new Scene(await open(module));
    const name = path.slice(0, -'.json'.length);
    for (const [i, step] of list(given).entries()) {
      try {
        transcript.push(`${name} ${i + 1} ${short(canonical(runStep(scene, step)))}`);
        steps++;
      } catch (error) {
        throw new Error(`step ${i + 1}, ${canonical(step).slice(0, 200)}: ${/** @type {Error} */ (error).message}`, {
          cause: error,
        });
      }
    }
    transcript.push(`${name} end ${short(canonical(checkEnd(scene)))}`);
    ran.add(path);
    scene[Symbol.dispose]();
  });
}

test('every case was run', async () => {
  assert.notEqual(paths.length, 0, 'there is no case');
  assert.deepEqual(await casePaths(), [...ran]);
});

after(async () => {
  await mkdir(transcripts, { recursive: true });
  transcript.push(`${ran.size} files, ${steps} steps`, '');
  await writeFile(new URL('host-js.txt', transcripts), transcript.join('\n'));
});

/** Returns the paths of all cases, sorted as bytes. */
async function casePaths() {
  const names = await readdir(fileURLToPath(cases), { recursive: true });
  return names
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.split(sep).join('/'))
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** @param {string} result */
function short(result) {
  const bytes = Buffer.byteLength(result);
  return bytes <= MAX_RESULT_BYTES ? result : canonical({ bytes, sha256: sha256(result) });
}
