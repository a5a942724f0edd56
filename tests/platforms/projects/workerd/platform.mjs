export default {
  title: 'workerd',
  tool: 'workerd',
  checks: {
    'wrangler dev': {
      async test(project) {
        const url = await project.start((port) => ['wrangler', 'dev', '--ip', '127.0.0.1', '--port', port]);
        project.passed(await (await fetch(url)).text());
      },
    },
  },
};
