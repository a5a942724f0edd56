export default {
  title: 'workerd',
  tool: 'workerd',
  checks: {
    'wrangler dev, client': {
      needsServer: true,
      async test(project) {
        const url = await project.start((port) => ['wrangler', 'dev', '--ip', '127.0.0.1', '--port', port]);
        const server = encodeURIComponent(await project.server());
        project.passed(await (await fetch(`${url}?server=${server}`)).text());
      },
    },
    'wrangler dev': {
      async test(project) {
        const url = await project.start((port) => ['wrangler', 'dev', '--ip', '127.0.0.1', '--port', port]);
        project.passed(await (await fetch(url)).text());
      },
    },
  },
};
