import assert from 'node:assert/strict';

export default {
  title: 'Chromium, no bundler',
  isCheap: true,
  version: ({ browser }) => browser.version(),
  checks: {
    'page and worker': {
      needsBrowser: true,
      test: async (project) => project.page(await project.serve('.')),
    },
    inline: {
      needsBrowser: true,
      test: async (project) => project.page(`${await project.serve('.')}inline.html`),
    },
    "CSP with 'wasm-unsafe-eval'": {
      needsBrowser: true,
      async test(project) {
        const policy = { 'content-security-policy': "script-src 'self' 'wasm-unsafe-eval'" };
        await project.page(await project.serve('.', policy));
      },
    },
    'CSP without it': {
      needsBrowser: true,
      async test(project) {
        const title = await project.browser.titleOf(
          await project.serve('.', { 'content-security-policy': "script-src 'self'" }),
        );
        assert.match(
          title,
          /^failed: .*the WebAssembly module.* could not be compiled \(CompileError: .*'unsafe-eval'/,
        );
      },
    },
  },
};
