// Builds the page into the folder `dist`: index.html, board.js, worker.js, style.css, icon.svg and converge.core.wasm. The
// names are always the same.
//
// `@converge/sync` is resolved by its exports, as for any application. In this repository it is a link to the folder
// host-js. A test checks that all files of the package in the bundle are also in its tarball.

import { build } from 'esbuild';
import { cp, mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const module = import.meta.resolve('@converge/sync/converge.core.wasm');

/**
 * Builds the page.
 *
 * @param {string} [dist] the folder to write; what is in it is removed
 * @returns {Promise<string[]>} the files that the scripts consist of, relative to this folder
 */
export async function buildPage(dist = `${folder}dist`) {
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist);
  await cp(`${folder}static`, dist, { recursive: true });
  await cp(fileURLToPath(module), `${dist}/converge.core.wasm`);
  const { metafile } = await build({
    absWorkingDir: folder,
    entryPoints: { board: 'src/main.jsx', worker: 'src/worker.js' },
    outdir: dist,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    logLevel: 'warning',
    metafile: true,
  });
  return Object.keys(metafile.inputs);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPage();
