// CommonJS without `import`, as in older sources.
const sync = require('@converge/sync');
const { suite } = require('./suite.cjs');

suite(sync).then(
  (digest) => (document.title = `converge ${digest}`),
  (error) => (document.title = `failed: ${error}`),
);
