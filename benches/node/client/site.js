// Builds the page of a library, and serves it.

import { build } from 'esbuild';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const PAGE =
  '<!doctype html><meta charset="utf-8" /><title>bench</title><script type="module" src="/page.js"></script>';
const MODULE = new URL('../../../host-js/dist/converge.core.wasm', import.meta.url);
/** Measures from the first statement on, before those of the libraries. */
const BANNER = 'globalThis.benchStart = performance.now();';

/**
 * @typedef {object} Site
 * @property {string} origin
 * @property {number} size the bytes of its scripts and modules after gzip
 * @property {() => void} close
 */

/**
 * Starts the site. Browsers may cache its scripts and modules.
 *
 * @param {string} name of the page's script, without its extension
 * @param {boolean} hasModule whether the page loads the engine of converge
 * @returns {Promise<Site>}
 */
export async function startSite(name, hasModule) {
  /** @type {Map<string, { type: string, content: Uint8Array }>} */
  const files = new Map();
  files.set('/page.js', { type: 'text/javascript', content: await bundle(name) });
  if (hasModule) files.set('/converge.core.wasm', { type: 'application/wasm', content: await readFile(MODULE) });
  const size = [...files.values()].reduce((sum, { content }) => sum + gzipSync(content, { level: 9 }).length, 0);
  const site = createServer(({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://localhost');
    const file = files.get(pathname);
    if (pathname === '/') {
      response.writeHead(200, { 'content-type': 'text/html', 'cache-control': 'no-cache' }).end(PAGE);
    } else if (file === undefined) {
      response.writeHead(404).end();
    } else {
      const headers = { 'content-type': file.type, 'cache-control': 'max-age=3600, immutable' };
      response.writeHead(200, headers).end(file.content);
    }
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (site.address());
  return {
    origin: `http://127.0.0.1:${port}`,
    size,
    close() {
      site.closeAllConnections();
      site.close();
    },
  };
}

/**
 * Bundles and minifies the script of a page.
 *
 * @param {string} name
 */
async function bundle(name) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`page/${name}.js`, import.meta.url))],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    banner: { js: BANNER },
    outdir: 'built',
    logLevel: 'warning',
    write: false,
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error(`esbuild wrote no bundle for ${name}`);
  return file.contents;
}
