import { cp } from 'node:fs/promises';
import { join } from 'node:path';

const build = (...command) => ({
  needsBrowser: true,
  async test(project) {
    await project.run(...command, 'inline.js', '--format', 'es', '--file', 'dist/inline.js');
    await project.run(...command, 'inline-worker.js', '--format', 'iife', '--file', 'dist/inline-worker.js');
    await cp(join(project.folder, 'index.html'), join(project.folder, 'dist/index.html'));
    await project.page(await project.serve('dist'));
  },
});

export default {
  title: 'Rollup and Rolldown',
  version: async (project) =>
    (await Promise.all(['rollup', 'rolldown'].map((tool) => project.read(`node_modules/${tool}/package.json`))))
      .map((manifest) => JSON.parse(manifest).version)
      .join(', '),
  checks: {
    'Rollup, inline, page and classic worker': build('rollup', '--plugin', 'node-resolve'),
    'Rolldown, inline, page and classic worker': build('rolldown'),
  },
};
