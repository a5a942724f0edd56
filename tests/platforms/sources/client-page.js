// The client in a page: `?server=URL`.
import * as sync from '@converge/sync';
import { connect } from '@converge/sync/client';
import { indexedDb } from '@converge/sync/indexeddb';
import { openSocket } from '@converge/sync/websocket';
import { clientSuite } from './client-suite.js';
import { show } from './page.js';
import { suite } from './suite.js';

async function run() {
  const server = new URLSearchParams(location.search).get('server');
  await clientSuite({ connect, openSocket, engine: await sync.open() }, indexedDb(), server);
  return suite(sync);
}

show(run());
