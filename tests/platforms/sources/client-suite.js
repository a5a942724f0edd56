// The suite of the client: two replicas on a server, a storage, and a start without a network.

const WAIT_MS = 20_000;
const POLL_MS = 10;
/** A server that is not there: no program listens on this port. */
const NOWHERE = 'http://127.0.0.1:1';

/**
 * @param {object} entries
 * @param {import('../../../host-js/src/client/index.js').connect} entries.connect
 * @param {import('../../../host-js/src/client/websocket.js').openSocket} entries.openSocket
 * @param {import('../../../host-js/src/engine.js').Engine} entries.engine
 * @param {import('../../../host-js/src/client/storage.js').ClientStorage} [storage]
 * @param {string} server its URL
 */
export async function clientSuite({ connect, openSocket, engine }, storage, server) {
  const name = `people/${crypto.randomUUID()}`;
  const options = { engine, storage, key: name };
  const ann = await connect(server, name, options);
  ann.doc.insert('people', 'p1', { name: 'Alice' });
  await ann.synced();
  if (storage !== undefined) await ann.saved();

  // Another one through the transport alone.
  const ben = engine.create('ben');
  const socket = openSocket(server, name, { engine, doc: ben, store: engine.createStore('ben') });
  await until('the row of the other', () => ben.get('people', 'p1')?.name === 'Alice');
  ann.store.set('cursors', 'ann', 'people/p1');
  ann.doc.update('people', 'p1', { age: 30 });
  await until('the change of the other', () => ben.get('people', 'p1')?.age === 30);
  socket.close();
  await ann.close();
  if (storage === undefined) return;

  const again = await connect(NOWHERE, name, options);
  const read = again.doc.get('people', 'p1')?.age;
  if (read !== 30) throw new Error(`the storage has ${read} instead of 30`);
  if (again.status.connection === 'online') throw new Error('there is no server, but the client is online');
  again.doc.insert('people', 'p2', { name: 'Ben' });
  await again.saved();
  await again.destroy();
}

/**
 * @param {string} what
 * @param {() => boolean} check
 */
async function until(what, check) {
  for (const end = Date.now() + WAIT_MS; !check();) {
    if (Date.now() > end) throw new Error(`${what}: not within ${WAIT_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
