// What a client does while its messages are not read: the socket's buffer stays small, the status is true, and the
// connection ends.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { Server, client, until } from './rig.js';

/** The silence timeout of the servers. Clients wait a third of it for an answer. */
const SILENCE = ['--silence-timeout', '1500ms'];
const COMMITS = 10_000;
/** The bytes of a row, at random because messages have equal values once. */
const ROW_BYTES = 200;
/** The most that waits in a socket: the limit, and what a client sends at once below it. */
const MAX_BUFFERED = (256 + 256 + 64) * 1024;
/** What RFC 6455 appends to a key. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const TOKEN = new Uint8Array([64, 0]);

/** The class that the client would use. */
const Base = /** @type {any} */ (globalThis.WebSocket ?? WebSocket);

/** A WebSocket that sends nothing while it is stuck, as with a full buffer of the system. */
class Stuck extends Base {
  static isStuck = false;
  /** The largest buffer of all sockets. */
  static maxBuffered = 0;
  #held = 0;

  get bufferedAmount() {
    return super.bufferedAmount + this.#held;
  }

  /** @param {Uint8Array} message */
  send(message) {
    if (Stuck.isStuck) this.#held += message.byteLength;
    else super.send(message);
    Stuck.maxBuffered = Math.max(Stuck.maxBuffered, this.bufferedAmount);
  }
}

/** @param {import('node:test').TestContext} t */
function useStuck(t) {
  const { WebSocket } = globalThis;
  Object.assign(globalThis, { WebSocket: Stuck });
  Stuck.isStuck = false;
  Stuck.maxBuffered = 0;
  t.after(() => Object.assign(globalThis, { WebSocket }));
}

/**
 * Makes commits without blocking, as an application does.
 *
 * @param {import('../../src/client/client.js').Client} board
 */
async function writeMany(board) {
  for (let n = 0; n < COMMITS; n++) {
    board.doc.insert('tasks', `t${n}`, { content: randomBytes(ROW_BYTES) });
    if (n % 1_000 === 0) await sleep(0);
  }
}

/**
 * Returns the WebSocket message with which a server welcomes.
 *
 * @param {string} url
 * @returns {Promise<Buffer>}
 */
async function welcomeOf(url) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/docs/board/sync`, 'converge.v1');
  await once(socket, 'open');
  socket.send(TOKEN);
  const [message] = await once(socket, 'message');
  socket.terminate();
  return Buffer.concat([Buffer.from([0x82, message.length]), message]);
}

/**
 * Starts a server that accepts connections, welcomes, and reads nothing after the request.
 *
 * @param {import('node:test').TestContext} t
 * @param {string} url
 * @param {Buffer} welcome
 */
async function neverReading(t, url, welcome) {
  /** @type {Set<import('node:net').Socket>} */
  const sockets = new Set();
  let accepted = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', (request) => {
      socket.pause();
      const [, key] = /sec-websocket-key: (\S+)/i.exec(request.toString()) ?? [];
      const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
      const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
      const more = [`Sec-WebSocket-Accept: ${accept}`, 'Sec-WebSocket-Protocol: converge.v1', '', ''];
      socket.write([...head, ...more].join('\r\n'));
      socket.write(welcome);
      accepted++;
    });
  });
  const { hostname, port } = new URL(url);
  server.listen(Number(port), hostname);
  await once(server, 'listening');
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  t.after(close);
  return { accepted: () => accepted, close };
}

test('a server that accepts and never reads', async (t) => {
  const server = await Server.start(t, SILENCE);
  const welcome = await welcomeOf(server.url);
  await server.stop();
  useStuck(t);
  const never = await neverReading(t, server.url, welcome);
  const board = await client(t, server.url, 'board');
  await until(() => board.status.connection === 'online', 'the client is welcomed');
  await writeMany(board);
  assert.deepEqual([board.status.unsent, board.status.savedThere], [COMMITS, false]);
  await until(() => /did not answer a ping/.test(board.status.error?.message ?? ''), 'the connection ends');
  await until(() => never.accepted() >= 3, 'the client tries again');
  assert.equal(board.status.unsent, COMMITS);
  assert.ok(Stuck.maxBuffered <= MAX_BUFFERED, `${Stuck.maxBuffered} bytes waited`);
  await never.close();
  await server.start();
  await board.synced();
  assert.deepEqual([board.status.unsent, board.status.savedThere, board.status.error], [0, true, undefined]);
  assert.equal(await server.rows('board'), COMMITS);
});

test('messages wait while the buffer of the socket is full', async (t) => {
  const server = await Server.start(t, SILENCE);
  useStuck(t);
  const board = await client(t, server.url, 'board');
  await board.synced();
  Stuck.isStuck = true;
  await writeMany(board);
  await until(() => Stuck.maxBuffered > 256 * 1024, 'the buffer is full');
  await until(() => board.status.connection !== 'online', 'the connection ends');
  assert.match(board.status.error?.message ?? '', /did not answer a ping/);
  assert.ok(Stuck.maxBuffered <= MAX_BUFFERED, `${Stuck.maxBuffered} bytes waited`);
  assert.equal(board.status.unsent, COMMITS);
  Stuck.isStuck = false;
  await board.synced();
  assert.deepEqual([board.status.unsent, board.status.error], [0, undefined]);
  assert.equal(await server.rows('board'), COMMITS);
});
