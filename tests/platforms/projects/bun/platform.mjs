export default {
  title: 'Bun',
  isCheap: true,
  tool: 'bun',
  checks: {
    run: { test: (project) => project.runSuite('bun', 'program.js') },
    files: { test: (project) => project.runSuite('bun', 'files.js', 'by-bun') },
    'client, files': {
      needsServer: true,
      test: async (project) => project.runSuite('bun', 'client.js', await project.server(), 'by-client'),
    },
    test: { test: (project) => project.runSuite('bun', 'test') },
    'inline, build': {
      async test(project) {
        await project.run('bun', 'build', 'program-inline.js', '--target=bun', '--outdir=dist');
        await project.runSuite('bun', 'dist/program-inline.js');
      },
    },
    'inline, build --compile': {
      async test(project) {
        await project.run('bun', 'build', 'program-inline.js', '--compile', '--outfile=dist/program');
        await project.runSuite('./dist/program');
      },
    },
  },
};
