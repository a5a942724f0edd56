// Prints the sizes of the package: all JavaScript of its main entry point, bundled and minified; what the client, and the
// client with its storage in IndexedDB, add to that; the WebAssembly module; and the module as text.

import { readFile } from 'node:fs/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { bundle } from './bundle.js';
import { root } from './write.js';

const row = (/** @type {(string | number)[]} */ ...columns) =>
  console.log(columns.map((column, i) => (i === 0 ? String(column).padEnd(24) : String(column).padStart(10))).join(''));

row('bytes', 'plain', 'gzip -9', 'brotli');
row('converge.min.js', ...sizes(await dist('converge.min.js')));
const without = sizes(await bundle('browser'));
for (const [name, ...entries] of [
  ['+ client', 'client/index'],
  ['+ client, indexeddb', 'client/index', 'client/indexeddb'],
]) {
  row(name, ...sizes(await bundle('browser', ...entries)).map((size, i) => size - without[i]));
}
for (const name of ['converge.core.wasm', 'packed.js']) row(name, ...sizes(await dist(name)));

/** @param {Uint8Array | string} content */
function sizes(content) {
  const bytes = Buffer.from(content);
  return [bytes.length, gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes).length];
}

/** @param {string} name */
function dist(name) {
  return readFile(`${root}dist/${name}`);
}
