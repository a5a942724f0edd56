// Builds the page into the folder `dist`. With `--serve`, also serves it, until the process is ended.

import { context } from 'esbuild';
import { cp, mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const HOST = '127.0.0.1';
const PORT = 4748;

const folder = fileURLToPath(new URL('.', import.meta.url));
const module = import.meta.resolve('@converge/sync/converge.core.wasm');

/**
 * Builds the page.
 *
 * @param {string} [dist] the folder to write; what is in it is removed
 */
export async function buildPage(dist = `${folder}dist`) {
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist);
  await cp(`${folder}static`, dist, { recursive: true });
  await cp(fileURLToPath(module), `${dist}/converge.core.wasm`);
  const builder = await context({
    absWorkingDir: folder,
    entryPoints: { editor: 'src/main.js' },
    outdir: dist,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning',
  });
  await builder.rebuild();
  return builder;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const builder = await buildPage();
  if (process.argv.includes('--serve')) {
    await builder.serve({ servedir: `${folder}dist`, host: HOST, port: PORT });
    console.log(`the editor is at http://${HOST}:${PORT}/`);
  } else await builder.dispose();
}
