import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export default {
  title: 'Node',
  isCheap: true,
  version: async () => process.versions.node,
  checks: {
    'ES modules': { test: (project) => project.runSuite('node', 'module.js') },
    CommonJS: { test: (project) => project.runSuite('node', 'program.cjs') },
    'CommonJS without require(esm)': {
      test: async (project) => {
        // Older versions have neither the feature nor the option that disables it.
        const older = !process.allowedNodeEnvironmentFlags.has('--experimental-require-module');
        const options = older ? [] : ['--no-experimental-require-module'];
        await project.runSuite('node', ...options, 'program.cjs');
        await project.runSuite('node', ...options, 'files.cjs');
      },
    },
    files: { test: (project) => project.runSuite('node', 'files.js', 'by-node') },
    'client, files': {
      needsServer: true,
      test: async (project) => project.runSuite('node', 'client.js', await project.server(), 'by-client'),
    },
    'client, CommonJS': {
      needsServer: true,
      test: async (project) => project.runSuite('node', 'client.cjs', await project.server(), 'client-by-require'),
    },
    'the tarball': {
      async test(project) {
        const sync = join('node_modules', '@converge', 'sync');
        const [, version] = /-(\d+\.\d+\.\d+)\.tgz$/.exec(project.tarball);
        assert.equal(JSON.parse(await project.read(join(sync, 'package.json'))).version, version);
        assert.match(await project.read(join(sync, 'LICENSE')), /Apache License/);
        const readme = await project.read(join(sync, 'README.md'));
        const links = [...readme.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]);
        for (const link of links.filter((link) => !/^(https?:|#)/.test(link))) {
          assert.ok(existsSync(join(project.folder, sync, link)), `README.md: ${link} is not in the tarball`);
        }
      },
    },
  },
};
