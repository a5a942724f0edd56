export default {
  title: 'Vite',
  isCheap: true,
  tool: 'vite',
  checks: {
    'build, page and worker': {
      needsBrowser: true,
      async test(project) {
        await project.run('vite', 'build');
        await project.page(await project.serve('dist'));
      },
    },
    'dev server, page and worker': {
      needsBrowser: true,
      test: async (project) =>
        project.page(await project.start((port) => ['vite', '--port', port, '--host', '127.0.0.1', '--strictPort'])),
    },
  },
};
