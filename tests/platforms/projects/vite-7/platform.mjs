import assert from 'node:assert/strict';

const serve = (project, ...options) =>
  project.start((port) => ['vite', '--port', port, '--host', '127.0.0.1', '--strictPort', ...options]);
const plain = ['--config', 'plain.config.js'];

export default {
  title: 'Vite 7',
  tool: 'vite',
  checks: {
    'dev server with optimizeDeps.exclude': {
      needsBrowser: true,
      test: async (project) => project.page(await serve(project)),
    },
    'dev server, inline': {
      needsBrowser: true,
      test: async (project) => project.page(`${await serve(project, ...plain)}inline.html`),
    },
    'a lost module is reported': {
      needsBrowser: true,
      async test(project) {
        const title = await project.browser.titleOf(`${await serve(project, ...plain)}lost.html`);
        assert.match(title, /got HTML instead of the WebAssembly module from http:.*converge\.core\.wasm/);
      },
    },
    'build, page and worker': {
      needsBrowser: true,
      async test(project) {
        await project.run('vite', 'build');
        await project.page(await project.serve('dist'));
      },
    },
  },
};
