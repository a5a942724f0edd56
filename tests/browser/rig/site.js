// Serves the application of the tests, built from its sources as an application would be, with a strict policy.

import { build } from 'esbuild';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

const page = fileURLToPath(new URL('../page/', import.meta.url));
const module = new URL('../../../host-js/dist/converge.core.wasm', import.meta.url);

/**
 * @typedef {object} Site
 * @property {string} origin
 * @property {() => void} close
 */

/** @typedef {{ type: string, content: string | Uint8Array }} File */

/**
 * Starts the site.
 *
 * @param {string} name of the page's script, without its extension
 * @param {string} [server] the `host:port` to which its pages may connect
 * @returns {Promise<Site>}
 */
export async function startSite(name, server) {
  const files = await builtFiles(name);
  const connect = server === undefined ? "'self'" : `'self' ws://${server} http://${server}`;
  const policy = `default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src ${connect}`;
  const site = createServer(({ url = '/' }, response) => {
    const file = files.get(new URL(url, 'http://localhost').pathname);
    if (file === undefined) {
      response.writeHead(404).end();
    } else {
      const headers = { 'content-type': file.type, 'content-security-policy': policy, 'cache-control': 'no-cache' };
      response.writeHead(200, headers).end(file.content);
    }
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (site.address());
  return {
    origin: `http://127.0.0.1:${port}`,
    close() {
      site.closeAllConnections();
      site.close();
    },
  };
}

/**
 * @param {string} name
 * @returns {Promise<Map<string, File>>}
 */
async function builtFiles(name) {
  const { outputFiles } = await build({
    absWorkingDir: page,
    entryPoints: [`${name}.js`, 'worker.js'],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    outdir: 'built',
    logLevel: 'warning',
    write: false,
  });
  const html = await readFile(`${page}index.html`, 'utf8');
  /** @type {Map<string, File>} */
  const files = new Map();
  files.set('/', { type: 'text/html', content: html.replace('NAME', name) });
  files.set('/converge.core.wasm', { type: 'application/wasm', content: await readFile(module) });
  for (const { path, contents } of outputFiles) {
    files.set(`/${basename(path)}`, { type: 'text/javascript', content: contents });
  }
  return files;
}
