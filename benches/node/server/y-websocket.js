// Starts the server of y-websocket with y-leveldb, and prints `ready` when it listens. Each update
// is written to LevelDB, without waiting for the disk, after it was sent to the clients.
//
// This does what src/server.js of the package does, which version 0.1.1 does not export. Version
// 0.1.1 is the last one with the persistence that the README documents. Version 0.1.5 is the same
// server without it, on a beta version of Yjs, and npm finds no version of its dependency @y/y.
//
//   node y-websocket.js PORT FOLDER

import http from 'node:http';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';

const [port = '', folder = ''] = process.argv.slice(2);
// The package prints a line; the first line of this process must be `ready`.
console.info = console.error;
process.env.YPERSISTENCE = join(folder, 'documents');
const { getPersistence, setupWSConnection } = await import('@y/websocket-server/utils');

const sockets = new WebSocketServer({ noServer: true });
sockets.on('connection', (socket, request) => setupWSConnection(socket, request));
const server = http.createServer((_request, response) => response.end('okay'));
server.on('upgrade', (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, (socket) => sockets.emit('connection', socket, request));
});
server.listen(Number(port), '127.0.0.1', () => console.log('ready'));
/** @typedef {{ getAllDocNames: () => Promise<string[]>, destroy: () => Promise<void> }} Provider */
const { provider } = /** @type {{ provider: Provider }} */ (/** @type {unknown} */ (getPersistence()));
process.once('SIGTERM', async () => {
  // Requests run one after the other. Documents that are still being loaded have writes to request.
  await provider.getAllDocNames();
  await provider.destroy();
  process.exit();
});
