const OPTION = { '@parcel/resolver-default': { packageExports: true } };

const build = (options) => ({
  needsBrowser: true,
  async test(project) {
    const manifest = JSON.parse(await project.read('package.json'));
    await project.write('package.json', JSON.stringify({ ...manifest, ...options }));
    await project.run('parcel', 'build', 'index.html', '--no-cache');
    await project.page(await project.serve('dist'));
  },
});

export default {
  title: 'Parcel',
  tool: 'parcel',
  checks: {
    'page and worker, by "browser"': build({}),
    'page and worker, by "exports"': build(OPTION),
  },
};
