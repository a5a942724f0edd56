// A program of a platform without modules.
const sync = require('@converge/sync');
const inline = require('@converge/sync/inline');
const { Mutators } = require('@converge/sync/mutators');
const { suite } = require('./suite.cjs');

suite(sync).then(async (digest) => {
  if ((await suite({ ...sync, open: inline.open })) !== digest) throw new Error('@converge/sync/inline differs');
  if (typeof Mutators !== 'function') throw new Error('no mutators');
  console.log(`converge ${digest}`);
});
