const sync = require('@converge/sync');
const { loadFile, saveFile } = require('@converge/sync/files');
const { suite } = require('./suite.cjs');

const keep = async (bytes) => {
  await saveFile({ save: () => bytes }, 'by-require');
  return (await loadFile(await sync.open(), 'by-require')).save();
};
suite(sync, keep).then((digest) => console.log(`converge ${digest}`));
