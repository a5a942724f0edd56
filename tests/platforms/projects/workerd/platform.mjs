/** How long the worker's suite of the client can take. */
const ANSWER_MS = 60_000;

export default {
  title: 'workerd',
  tool: 'workerd',
  checks: {
    'wrangler dev, client': {
      needsServer: true,
      async test(project) {
        const url = await project.start((port) => ['wrangler', 'dev', '--ip', '127.0.0.1', '--port', port]);
        const server = encodeURIComponent(await project.server());
        const signal = AbortSignal.timeout(ANSWER_MS);
        project.passed(await (await fetch(`${url}?server=${server}`, { signal })).text());
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
