// Compiles and instantiates WebAssembly modules, and measures their sizes.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { figure } from './rows.js';

const INSTANCES = 100;
const require = createRequire(import.meta.url);

/** The WebAssembly module of each library. */
const MODULES = {
  'converge in Node': new URL('../../host-js/dist/converge.core.wasm', import.meta.url),
  'loro-crdt': join(dirname(require.resolve('loro-crdt')), 'loro_wasm_bg.wasm'),
  'automerge in Node': require.resolve('@automerge/automerge/automerge.wasm'),
};

/** @param {string} library */
export async function start(library) {
  const bytes = await readFile(MODULES[/** @type {keyof typeof MODULES} */ (library)]);
  const begin = performance.now();
  const module = await WebAssembly.compile(bytes);
  const compile = performance.now() - begin;
  const figures = [figure('compile', compile, 'ms')];
  if (library === 'converge in Node') {
    const { open } = await import('../../host-js/src/node.js');
    await open(module);
    const begin = performance.now();
    for (let i = 0; i < INSTANCES; i++) await open(module);
    figures.push(figure('instantiate', (performance.now() - begin) / INSTANCES, 'ms'));
  }
  figures.push(figure('WebAssembly', bytes.length, 'bytes'));
  figures.push(figure('WebAssembly, gzip', gzipSync(bytes, { level: 9 }).length, 'bytes'));
  return figures;
}
