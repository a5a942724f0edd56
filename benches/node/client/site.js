// Builds the page of a library, and serves it.

import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { bundle, engineModule, serve } from '../../../tests/browser/rig/site.js';

const FOLDER = fileURLToPath(new URL('page', import.meta.url));
const PAGE = 'index.html';
/** Measures from the first statement on, before those of the libraries. */
const BANNER = 'globalThis.benchStart = performance.now();';

/**
 * Starts the site. Browsers may cache its scripts and modules.
 *
 * @param {string} name of the page's script, without its extension
 * @param {boolean} hasModule whether the page loads the engine of converge
 */
export async function startSite(name, hasModule) {
  const options = { minify: true, banner: { js: BANNER } };
  const loaded = new Map([
    ...(await bundle(FOLDER, [`${name}.js`], options)),
    ...(hasModule ? await engineModule() : []),
  ]);
  const html = `<!doctype html><meta charset="utf-8" /><title>bench</title><script type="module" src="/${name}.js"></script>`;
  const cached = 'max-age=3600, immutable';
  const site = await serve(new Map([[PAGE, html], ...loaded]), (file) => ({
    'cache-control': file === PAGE ? 'no-cache' : cached,
  }));
  const sizes = [...loaded.values()].map((content) => gzipSync(content, { level: 9 }).length);
  /** The bytes of its scripts and modules after gzip. */
  const size = sizes.reduce((sum, bytes) => sum + bytes, 0);
  return { ...site, size };
}

/** @typedef {Awaited<ReturnType<typeof startSite>>} Site */
