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
    'client, build and dev server': {
      needsBrowser: true,
      needsServer: true,
      async test(project) {
        await project.run('vite', 'build', '--config', 'client.config.js');
        await project.clientPage(`${await project.serve('client')}client.html`);
        const dev = await project.start((port) => ['vite', '--port', port, '--host', '127.0.0.1', '--strictPort']);
        await project.clientPage(`${dev}client.html`);
      },
    },
    'dev server, page and worker': {
      needsBrowser: true,
      test: async (project) =>
        project.page(await project.start((port) => ['vite', '--port', port, '--host', '127.0.0.1', '--strictPort'])),
    },
  },
};
