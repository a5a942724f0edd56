// The code of README.md over real WebSockets: between this process, whose sockets behave like those
// of browsers, and a server.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { open } from '../src/node.js';

/** @import { Doc, Received, Session } from '../src/index.js' */

/**
 * A socket with the defaults of browsers: messages arrive as a `Blob`, and sending while connecting
 * fails.
 */
class BrowserSocket extends WebSocket {
  /** @param {string} url */
  constructor(url) {
    super(url);
    /** @type {any} */ (this).binaryType = 'blob';
  }
}

/** @typedef {(received: Received) => void} OnReceived */
/** @typedef {(doc: Doc, store: any, socket: any, onReceived: OnReceived) => { session: Session, flush: () => void }} Sync */
/** @typedef {(url: string, doc: Doc, store: any, onReceived: OnReceived) => { flush: () => void }} Connect */
/** @typedef {(doc: Doc, store: any, socket: any, peer: string) => void} Serve */

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
const code = readme.match(/^(?:const sides = [^\n]*|function (?:sync|connect|serve)\(.*?^})$/gms) ?? [];
assert.equal(code.length, 4, 'README.md has the functions of a client and a server');
const engine = await open();
/** @type {{ sync: Sync, connect: Connect, serve: Serve }} */
const { sync, connect, serve } = new Function(
  'engine',
  'WebSocket',
  'setTimeout',
  `${code.join('\n')}\nreturn { sync, connect, serve };`,
)(engine, BrowserSocket, reconnectSoon);
const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
await new Promise((resolve) => server.once('listening', resolve));
after(() => server.close());
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
const url = `ws://127.0.0.1:${port}`;

let reconnects = true;

/**
 * Replaces `setTimeout` for clients that connect again: waits less, and not after the test.
 *
 * @param {() => void} start
 */
function reconnectSoon(start) {
  if (reconnects) setTimeout(start, 10);
}

/** @param {string} peer */
function replica(peer) {
  const [doc, store] = [engine.create(peer), engine.createStore(peer)];
  doc.insert('people', peer, { name: peer });
  store.set('cursors', peer, 'here');
  return { doc, store };
}

/**
 * Waits until a condition holds.
 *
 * @param {() => boolean} condition
 */
async function until(condition) {
  for (let tries = 0; !condition(); tries++) {
    assert.ok(tries < 500, `still not true: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test("the README's code syncs over a socket that is still connecting and delivers Blobs by default", async () => {
  const [here, there] = [replica('ann'), replica('server')];
  server.once('connection', (socket) => sync(there.doc, there.store, socket, () => {}));
  const socket = new BrowserSocket(url);
  assert.equal(socket.readyState, socket.CONNECTING);
  const { session, flush } = sync(here.doc, here.store, socket, () => {});
  here.doc.insert('people', 'p', { name: 'written while connecting' });
  flush();
  await until(() => session.progress().inSync);
  assert.equal(here.doc.digestHex(), there.doc.digestHex());
  assert.equal(there.store.get('cursors', 'ann')?.value, 'here');
  here.doc.update('people', 'p', { name: 'written while connected' });
  flush();
  await until(() => here.doc.digestHex() === there.doc.digestHex());
  socket.close();
  await until(() => socket.readyState === socket.CLOSED);
  flush();
  assert.throws(() => session.poll(), { name: 'DisposedError' });
});

test("a message that breaks the protocol closes the README's socket, and a new one continues", async (t) => {
  const [here, there] = [replica('ann'), replica('server')];
  server.once('connection', (socket) => socket.send(new Uint8Array([1, 2, 3])));
  const errors = t.mock.method(console, 'error', () => {});
  const broken = new BrowserSocket(url);
  sync(here.doc, here.store, broken, () => {});
  await until(() => broken.readyState === broken.CLOSED);
  assert.equal(errors.mock.callCount(), 1);
  server.once('connection', (socket) => sync(there.doc, there.store, socket, () => {}));
  const socket = new BrowserSocket(url);
  const { session } = sync(here.doc, here.store, socket, () => {});
  await until(() => session.progress().inSync);
  assert.equal(here.doc.digestHex(), there.doc.digestHex());
  socket.close();
});

test("the README's clients connect again, and its server relays between them", async () => {
  const [ann, ben, there] = [replica('ann'), replica('ben'), replica('server')];
  const peers = ['ann', 'ben', 'ben'];
  /** @type {WebSocket[]} */
  const sockets = [];
  const onConnection = (/** @type {WebSocket} */ socket) => {
    sockets.push(socket);
    serve(there.doc, there.store, socket, peers[sockets.length - 1] ?? '');
  };
  server.on('connection', onConnection);
  const here = connect(url, ann.doc, ann.store, () => {});
  await until(() => sockets.length === 1);
  connect(url, ben.doc, ben.store, () => {});
  await until(() => ann.doc.digestHex() === ben.doc.digestHex() && ben.store.get('cursors', 'ann') !== undefined);
  sockets[1]?.terminate();
  ann.doc.insert('people', 'p', { name: 'written while Ben is offline' });
  here.flush();
  await until(() => sockets.length === 3 && ben.doc.get('people', 'p') !== undefined);
  ann.doc.update('people', 'p', { name: 'relayed' });
  here.flush();
  await until(() => ben.doc.get('people', 'p')?.name === 'relayed');
  reconnects = false;
  server.off('connection', onConnection);
  for (const socket of sockets) socket.close();
});

test('a Blob is rejected with a remedy, however it is passed, and the session continues', async () => {
  const [here, there] = [replica('ann'), replica('server')];
  const [one, other] = [here, there].map(({ doc, store }) => engine.openSession(doc, store, { document: 'notes' }));
  assert.ok(one && other);
  server.once('connection', (socket) => one.flush((message) => socket.send(message)));
  const socket = new BrowserSocket(url);
  const data = await new Promise((resolve) => (socket.onmessage = (event) => resolve(event.data)));
  socket.close();
  assert.ok(data instanceof Blob);
  const name = 'InvalidArgumentError';
  for (const call of ['receive', 'updateOf']) {
    const session = /** @type {any} */ (other);
    assert.throws(() => session[call](data), {
      name,
      message:
        "message must be a Uint8Array or an ArrayBuffer, not a Blob; over a WebSocket, set binaryType = 'arraybuffer' and pass event.data",
    });
    assert.throws(() => session[call](new Uint8Array(/** @type {any} */ (data))), {
      name,
      message:
        "message is empty; over a WebSocket, set binaryType = 'arraybuffer', because a Blob would arrive as an empty array",
    });
    assert.throws(() => session[call](new ArrayBuffer(0)), { name, message: /^message is empty/ });
    assert.throws(() => session[call]('text'), { name, message: /not "text"; messages are binary$/ });
    assert.throws(() => session[call](new DataView(new ArrayBuffer(1))), { name, message: /not a DataView; over/ });
    assert.throws(() => session[call](undefined), { name, message: /not undefined; over/ });
  }
  other.receive(await data.arrayBuffer());
  assert.ok([...other.messages()].length > 0);
});

test('every call that accepts bytes rejects a Blob and similar objects, and the error names the remedy', () => {
  const { doc, store } = replica('ann');
  /** @type {any} */
  const blob = new Blob([new Uint8Array(doc.save())]);
  /** @type {any} */
  const response = new Response(blob);
  for (const given of [blob, response]) {
    const message = /must be a Uint8Array, not a (Blob|Response); use new Uint8Array\(await value\.arrayBuffer\(\)\)$/;
    for (const call of [
      () => engine.load(given),
      () => engine.peek(given, 'people', 'ann'),
      () => doc.mergeUpdate(given),
      () => doc.rebase(given),
      () => store.mergeUpdate(given),
    ]) {
      assert.throws(call, { name: 'InvalidArgumentError', message });
    }
    assert.throws(() => doc.insert('t', 'r', { photo: given }), {
      message: /"photo" must be null, .* not a (Blob|Response)$/,
    });
  }
  assert.throws(() => doc.mergeUpdate(/** @type {any} */ ('text')), { message: /must be a Uint8Array, not "text"$/ });
});
