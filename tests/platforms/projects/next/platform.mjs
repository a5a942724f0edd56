/**
 * Builds with a bundler, and checks the results of the suite in server components and routes.
 */
const bundler = (option) => ({
  needsBrowser: true,
  async test(project) {
    await project.runWith({ NEXT_TELEMETRY_DISABLED: '1' }, 'next', 'build', option);
    const url = await project.start((port) => ['next', 'start', '--port', port, '--hostname', '127.0.0.1']);
    for (const path of ['', 'route']) project.passed(await (await fetch(url + path)).text());
    await project.page(`${url}client`);
  },
});

export default {
  title: 'Next, server and client',
  tool: 'next',
  checks: { Turbopack: bundler('--turbopack'), webpack: bundler('--webpack') },
};
