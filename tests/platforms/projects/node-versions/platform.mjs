const VERSIONS = ['node-20', 'node-22', 'node-24', 'node-26'];
const node = (version) => `node_modules/${version}/bin/node`;

const client = (version) => ({
  needsServer: true,
  test: async (project) => project.runSuite(node(version), 'client.js', await project.server(), `by-${version}`),
});

const runs = (version) => ({
  async test(project) {
    await project.runSuite(node(version), 'program.js');
    await project.runSuite(node(version), 'program.cjs');
  },
});

export default {
  title: 'Node, other versions',
  leftOut:
    process.platform === 'linux' && process.arch === 'x64' ? undefined : 'npm has these versions for Linux on x64',
  version: async (project) =>
    (await Promise.all(VERSIONS.map((version) => project.read(`node_modules/${version}/package.json`))))
      .map((manifest) => JSON.parse(manifest).version.replace(/^v/, ''))
      .join(', '),
  checks: {
    ...Object.fromEntries(VERSIONS.map((version) => [`${version}, ES modules and CommonJS`, runs(version)])),
    ...Object.fromEntries(VERSIONS.map((version) => [`${version}, client`, client(version)])),
    'node-24, import source': { test: (project) => project.runSuite(node('node-24'), 'program-source.js') },
  },
};
