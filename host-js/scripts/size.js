// Prints the sizes of the package: all its JavaScript, bundled and minified; the WebAssembly
// module; and the module as text.

import { readFile } from 'node:fs/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const row = (/** @type {(string | number)[]} */ ...columns) =>
  console.log(columns.map((column, i) => (i === 0 ? String(column).padEnd(24) : String(column).padStart(10))).join(''));

row('bytes', 'plain', 'gzip -9', 'brotli');
for (const name of ['converge.min.js', 'converge.core.wasm', 'packed.js']) {
  const bytes = await readFile(new URL(`../dist/${name}`, import.meta.url));
  row(name, bytes.length, gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes).length);
}
