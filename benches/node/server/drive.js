// Loads a Yjs server with clients, as `converge-rig load` loads converge, and prints what it
// measured as a line of JSON.
//
//   node drive.js SERVER ADDRESS writers --documents N --writers M --seconds S --window W
//   node drive.js SERVER ADDRESS fanout --readers N --rate R --seconds S
//   node drive.js SERVER ADDRESS idle --connections N --documents D --seconds S --pid PID
//   node drive.js SERVER ADDRESS cold --rows R --times T [--fill]
//
// - writers: M clients of each of N documents write entries. Each keeps W of them without an
//   acknowledgement; `means` in the output states what that is.
// - fanout: one client writes R entries per second, and N others read them.
// - idle: the memory that D empty documents with one connection each add to the server, and then
//   further connections, N in total. It is measured S seconds after they were opened.
// - cold: the time from connecting until a client has all R rows of a document, for T documents
//   that the server has not loaded. `--fill` writes the documents; restart the server after that.
//
// Writers and readers count the entries of others when they arrive. They merge them only with
// `--merge`, because merging in all clients takes more processor time than the work of the server.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { ACKNOWLEDGED, connect, write } from './clients.js';
import { now, percentiles } from './figures.js';

/** @import { Task } from './crew.js' */

/** The least number of clients that a thread is started for. */
const CLIENTS = 50;
/** How long to work, in milliseconds, before measuring starts. */
const WARM_UP = 1000;
/** How often a document is loaded before measuring starts. */
const WARM_UP_LOADS = 10;
/** Timers are late by up to this many milliseconds, which does not count as lateness. */
const TIMER_ERROR = 2;

const NUMBER = { type: /** @type {const} */ ('string'), default: '1' };
const FLAG = { type: /** @type {const} */ ('boolean'), default: false };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    documents: NUMBER,
    writers: NUMBER,
    seconds: NUMBER,
    window: NUMBER,
    readers: NUMBER,
    rate: NUMBER,
    connections: NUMBER,
    pid: NUMBER,
    rows: NUMBER,
    times: NUMBER,
    fill: FLAG,
    merge: FLAG,
  },
});
// Each client of y-websocket listens for the end of the process.
process.setMaxListeners(0);
const [server = '', address = '', work = ''] = positionals;
const option = (/** @type {Exclude<keyof typeof values, 'fill' | 'merge'>} */ name) => Number(values[name]);

/** @type {Record<string, () => Promise<object>>} */
const WORKS = { writers, fanout, idle, cold: values.fill ? fill : cold };
const run = WORKS[work];
if (!run) throw new Error(`unknown work ${work}`);
const result = await run();
// Exit explicitly: timers of clients must not keep the process alive.
process.stdout.write(`${JSON.stringify({ work, server, ...result })}\n`, () => process.exit());

async function writers() {
  const [documents, each, seconds] = [option('documents'), option('writers'), option('seconds')];
  const crew = await start({ work: 'write' }, documents * each, documents);
  const begin = now() + WARM_UP;
  const latencies = await crew({ begin, end: begin + seconds * 1000 });
  const count = latencies.reduce((sum, { length }) => sum + length, 0);
  return {
    acknowledged: count,
    means: ACKNOWLEDGED[server],
    acknowledgedPerSecond: count / seconds,
    latencyMs: percentiles(latencies),
  };
}

async function fanout() {
  const [readers, rate, seconds] = [option('readers'), option('rate'), option('seconds')];
  const warmUp = Math.ceil((rate * WARM_UP) / 1000);
  const count = warmUp + rate * seconds;
  const times = new Float64Array(new SharedArrayBuffer(count * Float64Array.BYTES_PER_ELEMENT));
  const crew = await start({ work: 'read', times }, readers, 1);
  const writer = await connect(server, address, nameOf(0), values.merge);
  const begin = now();
  for (let i = 0; i < count; i++) {
    const due = begin + (i * 1000) / rate;
    await setTimeout(Math.max(0, due - now()));
    const time = now();
    if (i >= warmUp) times[i] = time - due < TIMER_ERROR ? time : due;
    write(writer, i);
  }
  const latencies = await crew(count - warmUp);
  const deliveries = latencies.reduce((sum, { length }) => sum + length, 0);
  return { deliveries, expected: (count - warmUp) * readers, latencyMs: percentiles(latencies) };
}

async function idle() {
  const [connections, documents, seconds] = [option('connections'), option('documents'), option('seconds')];
  const measured = () => setTimeout(seconds * 1000).then(residentBytes);
  const before = await measured();
  await start({ work: 'idle' }, documents, documents);
  const opened = await measured();
  await start({ work: 'idle' }, connections - documents, documents);
  const after = await measured();
  return {
    bytesPerDocument: (opened - before) / documents,
    bytesPerConnection: (after - opened) / (connections - documents),
    rssBytes: { before, opened, after },
  };
}

async function fill() {
  const [rows, times] = [option('rows'), option('times')];
  // The last document is for the warm-up.
  for (let document = 0; document <= times; document++) {
    const client = await connect(server, address, nameOf(document));
    await new Promise((resolve) => {
      let acknowledged = 0;
      client.onAcknowledged(() => ++acknowledged === rows && resolve(null));
      for (let row = 0; row < rows; row++) write(client, row);
    });
    client.close();
  }
  return {};
}

async function cold() {
  const [rows, times] = [option('rows'), option('times')];
  for (let i = 0; i < WARM_UP_LOADS; i++) await load(nameOf(times), rows);
  const milliseconds = [];
  for (let document = 0; document < times; document++) milliseconds.push(await load(nameOf(document), rows));
  return { latencyMs: percentiles([milliseconds]) };
}

/**
 * Returns the milliseconds until a new client has all rows of a document.
 *
 * @param {string} document
 * @param {number} rows
 */
async function load(document, rows) {
  const begin = now();
  const client = await connect(server, address, document);
  // y-websocket sends an empty document if it is not loaded yet, and then the rows.
  if (client.entries.size < rows) {
    await new Promise((resolve) => client.entries.observe(() => client.entries.size === rows && resolve(null)));
  }
  const milliseconds = now() - begin;
  client.close();
  return milliseconds;
}

/**
 * Starts threads with clients, whose documents take turns, and waits until they are connected.
 * Returns a function that lets them work, and returns their latencies.
 *
 * @param {Pick<Task, 'work' | 'times'>} task
 * @param {number} clients
 * @param {number} documents
 */
async function start(task, clients, documents) {
  const threads = Math.min(availableParallelism(), Math.ceil(clients / CLIENTS));
  const names = Array.from({ length: clients }, (_, client) => nameOf(client % documents));
  const workers = Array.from({ length: threads }, (_, thread) => {
    const share = names.slice(Math.floor((thread * clients) / threads), Math.floor(((thread + 1) * clients) / threads));
    const workerData = { ...task, server, address, merges: values.merge, window: option('window'), documents: share };
    const worker = new Worker(new URL('crew.js', import.meta.url), { workerData });
    worker.on('error', (error) => {
      throw error;
    });
    return worker;
  });
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  console.error(`${server}, ${work}: ${clients} clients are connected`);
  return async (/** @type {unknown} */ message) => {
    const results = workers.map(async (worker) => {
      worker.postMessage(message);
      return /** @type {Float64Array} */ ((await once(worker, 'message'))[0]);
    });
    return Promise.all(results);
  };
}

/** @param {number} document */
function nameOf(document) {
  return `document-${document}`;
}

/** Returns the resident memory of the server, in bytes. */
async function residentBytes() {
  const status = await readFile(`/proc/${option('pid')}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
