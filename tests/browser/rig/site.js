// Builds the script of a page as an application would, and serves files from memory.

import { build } from 'esbuild';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { basename, extname } from 'node:path';

const MODULE = 'converge.core.wasm';
/** @type {Record<string, string>} */
const TYPES = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** @typedef {Map<string, string | Uint8Array>} Files the content of each file, by name */

/**
 * @typedef {object} Site
 * @property {string} origin
 * @property {() => void} close
 */

/**
 * Serves files. `index.html` is also the page of `/`.
 *
 * @param {Files} files
 * @param {(name: string) => Record<string, string>} headersOf the headers of a file, except its type
 * @param {number} [port] a free one by default
 * @returns {Promise<Site>}
 */
export async function serve(files, headersOf, port = 0) {
  const site = createServer(({ url = '/' }, response) => {
    const name = new URL(url, 'http://localhost').pathname.slice(1) || 'index.html';
    const content = files.get(name);
    if (content === undefined) return response.writeHead(404).end();
    return response.writeHead(200, { 'content-type': TYPES[extname(name)], ...headersOf(name) }).end(content);
  });
  site.listen(port, '127.0.0.1');
  await once(site, 'listening');
  const address = /** @type {import('node:net').AddressInfo} */ (site.address());
  return {
    origin: `http://127.0.0.1:${address.port}`,
    close() {
      site.closeAllConnections();
      site.close();
    },
  };
}

/**
 * Bundles scripts.
 *
 * @param {string} folder
 * @param {string[]} names of the scripts in the folder
 * @param {import('esbuild').BuildOptions} [options]
 * @returns {Promise<Files>}
 */
export async function bundle(folder, names, options) {
  const { outputFiles = [] } = await build({
    absWorkingDir: folder,
    entryPoints: names,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    outdir: 'built',
    logLevel: 'warning',
    write: false,
    ...options,
  });
  return new Map(outputFiles.map(({ path, contents }) => [basename(path), contents]));
}

/**
 * The WebAssembly module of the engine, which pages load from their site.
 *
 * @returns {Promise<Files>}
 */
export async function engineModule() {
  return new Map([[MODULE, await readFile(new URL(`../../../host-js/dist/${MODULE}`, import.meta.url))]]);
}
