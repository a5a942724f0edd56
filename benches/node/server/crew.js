// A thread with some of the clients of a work. It connects them, posts `connected`, works when it
// gets a message, and posts the latencies that it measured, in milliseconds.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { connect, write } from './clients.js';
import { now } from './figures.js';

/** @import { Client } from './clients.js' */
/**
 * @typedef {object} Task
 * @property {'write' | 'read' | 'idle'} work
 * @property {string} server
 * @property {string} address
 * @property {boolean} merges
 * @property {number} window how many entries of a writer may be without an acknowledgement
 * @property {Float64Array} [times] when each entry that is read was written; 0 is not measured
 */

/** How many clients connect at the same time. */
const CONNECTING = 20;
/** How long to wait for deliveries, in milliseconds, after the last entry was written. */
const MAX_WAIT = 10_000;

/** @type {Task & { documents: string[] }} */
const { work, server, address, merges, window, times = new Float64Array(), documents } = workerData;
assert.ok(parentPort);
// Each client of y-websocket listens for the end of the process.
process.setMaxListeners(0);
/** @type {Client[]} */
const clients = [];
for (let first = 0; first < documents.length; first += CONNECTING) {
  const next = documents.slice(first, first + CONNECTING);
  clients.push(...(await Promise.all(next.map((document) => connect(server, address, document, merges)))));
}
/** @type {number[]} */
const latencies = [];
if (work === 'read') clients.forEach(read);
parentPort.postMessage('connected');
const [message] = await once(parentPort, 'message');
if (work === 'write') await writeAll(message);
if (work === 'read') await delivered(message * clients.length);
parentPort.postMessage(Float64Array.from(latencies));

/**
 * Writes with all clients, and measures how long acknowledgements take.
 *
 * @param {{ begin: number, end: number }} period
 */
async function writeAll({ begin, end }) {
  for (const client of clients) {
    /** @type {number[]} */
    const sent = [];
    const next = () => {
      sent.push(now());
      write(client, sent.length);
    };
    client.onAcknowledged(() => {
      const time = now();
      const latency = time - (sent.shift() ?? assert.fail('acknowledged twice'));
      if (time >= end) return;
      if (time >= begin) latencies.push(latency);
      next();
    });
    for (let i = 0; i < window; i++) next();
  }
  await setTimeout(end - now());
}

/**
 * Measures how long it takes until entries arrive.
 *
 * @param {Client} client
 */
function read(client) {
  client.onUpdate((_peer, first, count) => {
    const time = now();
    for (const sent of times.slice(first, first + count)) {
      if (sent) latencies.push(time - sent);
    }
  });
}

/** @param {number} count */
async function delivered(count) {
  const end = now() + MAX_WAIT;
  while (latencies.length < count && now() < end) await setTimeout(10);
}
