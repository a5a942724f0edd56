const run = (...options) => ['deno', 'run', '--no-prompt', ...options];

export default {
  title: 'Deno',
  isCheap: true,
  tool: 'deno',
  checks: {
    'run, --allow-read': { test: (project) => project.runSuite(...run('--allow-read', 'program.js')) },
    files: {
      test: (project) => project.runSuite(...run('--allow-read', '--allow-write=.', 'files.js', './by-deno')),
    },
    'client, files': {
      needsServer: true,
      test: async (project) =>
        project.runSuite(
          ...run('--allow-read', '--allow-write=.', '--allow-net', 'client.js'),
          await project.server(),
          './by-client',
        ),
    },
    'inline, no permissions': { test: (project) => project.runSuite(...run('program-inline.js')) },
    'import source, no permissions': { test: (project) => project.runSuite(...run('program-source.js')) },
  },
};
