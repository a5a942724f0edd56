// The application of the tests, with a strict policy.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundle, engineModule, serve } from './site.js';

const folder = fileURLToPath(new URL('../page/', import.meta.url));

/**
 * Builds and serves a page.
 *
 * @param {string} name of its script, without the extension
 * @param {string} [server] the `host:port` to which the page may connect
 */
export async function startApplication(name, server) {
  const html = await readFile(`${folder}index.html`, 'utf8');
  const files = new Map([
    ['index.html', html.replace('NAME', name)],
    ...(await engineModule()),
    ...(await bundle(folder, [`${name}.js`, 'worker.js'])),
  ]);
  const connect = server === undefined ? "'self'" : `'self' ws://${server} http://${server}`;
  const policy = `default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src ${connect}`;
  return serve(files, () => ({ 'content-security-policy': policy, 'cache-control': 'no-cache' }));
}
