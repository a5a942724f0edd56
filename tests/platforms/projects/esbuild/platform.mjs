import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';

/** Bundles a file with esbuild, and copies a page next to the result. */
async function bundle(project, file, page, ...options) {
  await project.run('esbuild', file, '--bundle', '--minify', '--outdir=dist', '--log-level=error', ...options);
  await cp(join(project.folder, page), join(project.folder, 'dist', page));
}

export default {
  title: 'esbuild',
  isCheap: true,
  tool: 'esbuild',
  checks: {
    'inline, page and classic worker': {
      needsBrowser: true,
      async test(project) {
        await bundle(project, 'inline.js', 'index.html', '--format=esm');
        await bundle(project, 'inline-worker.js', 'index.html');
        await project.page(await project.serve('dist'));
      },
    },
    'client, inline': {
      needsBrowser: true,
      needsServer: true,
      async test(project) {
        await bundle(project, 'client-inline.js', 'client.html', '--format=esm');
        await project.clientPage(`${await project.serve('dist')}client.html`);
      },
    },
    'open(fetch(url)) with a loader': {
      needsBrowser: true,
      async test(project) {
        await bundle(project, 'fetch.js', 'fetch.html', '--format=esm', '--loader:.wasm=file');
        await project.page(`${await project.serve('dist')}fetch.html`);
      },
    },
    'a lost module is reported': {
      needsBrowser: true,
      async test(project) {
        await bundle(project, 'lost.js', 'lost.html', '--format=esm');
        const title = await project.browser.titleOf(`${await project.serve('dist')}lost.html`);
        assert.match(title, /could not be fetched from http:.*converge\.core\.wasm: 404 .*@converge\/sync\/inline/);
      },
    },
    'inline in Node': {
      async test(project) {
        for (const format of ['esm', 'cjs']) {
          const out = `dist/program.${format === 'esm' ? 'mjs' : 'cjs'}`;
          const options = ['--bundle', '--platform=node', `--format=${format}`, `--outfile=${out}`];
          await project.run('esbuild', 'program-inline.js', ...options);
          await project.runSuite('node', out);
        }
      },
    },
  },
};
