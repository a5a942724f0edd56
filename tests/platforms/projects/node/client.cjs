// The entry points of the client exist as ES modules alone, which Node requires from version 20.19 on.
const sync = require('@converge/sync');
const { connect } = require('@converge/sync/client');
const { indexedDb } = require('@converge/sync/indexeddb');
const { files } = require('@converge/sync/node');
const { openSocket } = require('@converge/sync/websocket');
const { suite } = require('./suite.cjs');

const [server, folder] = process.argv.slice(2);
if (typeof indexedDb !== 'function') throw new Error('no indexedDb');

async function run() {
  const { clientSuite } = await import('./client-suite.js');
  await clientSuite({ connect, openSocket, engine: await sync.open() }, files(folder), server);
  console.log(`converge ${await suite(sync)}`);
}
run();
