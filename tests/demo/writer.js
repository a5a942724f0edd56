// A client of `converge serve` in Node, for the demo: the counterpart of `converge-rig write`. Commits rows, one after the
// other, and prints `ack ROW` for each that the server acknowledged. Connects again when the connection is lost. Ends when
// the document has the expected number of rows, and prints `digest DIGEST`.
//
// usage: writer.js ADDRESS --document NAME --peer PEER --rows N --total N
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { open } from '../../host-js/src/node.js';

const TOKEN = 64;
const WELCOME = 65;
const HOST_FRAMES = [64, 79];
const TABLE = 'acks';
const RETRY_MS = 50;
const PAUSE_MS = 1;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    document: { type: 'string', default: 'demo' },
    peer: { type: 'string', default: 'node' },
    rows: { type: 'string', default: '100' },
    total: { type: 'string', default: '100' },
  },
});
const engine = await open();
const doc = engine.create(values.peer);
const store = engine.createStore(values.peer);
const rows = Number(values.rows);
let written = 0;
let acknowledged = 0;
while (!(await connected(`ws://${positionals[0]}/v1/docs/${encodeURIComponent(values.document)}/sync`))) {
  await sleep(RETRY_MS);
}
console.log(`digest ${doc.digestHex()}`);

/**
 * Writes and synchronizes until the connection is lost, or everything is there.
 *
 * @param {string} url
 * @returns {Promise<boolean>} whether everything is there
 */
async function connected(url) {
  const socket = new WebSocket(url, 'converge.v1');
  socket.binaryType = 'arraybuffer';
  const session = engine.openSession(doc, store, { document: values.document });
  let isOpen = false;
  let isLost = false;
  socket.onopen = () => socket.send(new Uint8Array([TOKEN, 0]));
  socket.onclose = () => (isLost = true);
  socket.onerror = () => (isLost = true);
  socket.onmessage = ({ data }) => {
    const message = new Uint8Array(data);
    const kind = message[0] ?? 0;
    if (kind >= (HOST_FRAMES[0] ?? 0) && kind <= (HOST_FRAMES[1] ?? 0)) {
      isOpen ||= kind === WELCOME;
    } else {
      session.receive(message);
    }
    if (isOpen) session.flush((bytes) => socket.send(bytes));
  };
  while (!isLost) {
    await sleep(PAUSE_MS);
    if (!isOpen) continue;
    const { knownThere, inSync } = session.progress();
    const known = knownThere.find(({ peer }) => peer === values.peer)?.count ?? 0;
    for (; acknowledged < known; acknowledged++) console.log(`ack ${values.peer} ${acknowledged}`);
    if (written < rows) {
      doc.insert(TABLE, `${values.peer} ${written}`, { number: written });
      written++;
    } else if (inSync && acknowledged === rows && count() === Number(values.total)) {
      socket.close();
      return true;
    }
    session.flush((bytes) => socket.send(bytes));
  }
  return false;
}

function count() {
  return doc.tables().find(({ name }) => name === TABLE)?.rows ?? 0;
}
