// Runs a work against a server, and prints its figures as a line of JSON, as ../case.js does.
//
//   node run.js SERVER WORK full|small [OPTION...]
//
// SERVER is "converge serve", hocuspocus or y-websocket. WORK is writers, fanout, idle or cold, or
// server for all of them. Each has a new process of the server and a new folder. More options are
// passed to the driver, such as `--merge` of drive.js.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { figure } from '../rows.js';

/** @import { Figure } from '../rows.js' */
/** @import { ChildProcess } from 'node:child_process' */
/** @typedef {{ child: ChildProcess, address: string, pid: number }} Running */

const SIZES = {
  full: {
    seconds: 10,
    window: 8,
    writers: [
      { documents: 1, writers: 50 },
      { documents: 200, writers: 1 },
    ],
    fanout: [
      { readers: 100, rate: 50 },
      { readers: 1000, rate: 10 },
    ],
    idle: { connections: 1000, documents: 100, seconds: 3 },
    cold: { rows: 1000, times: 10 },
  },
  small: {
    seconds: 1,
    window: 8,
    writers: [
      { documents: 1, writers: 5 },
      { documents: 20, writers: 1 },
    ],
    fanout: [
      { readers: 10, rate: 50 },
      { readers: 100, rate: 10 },
    ],
    idle: { connections: 100, documents: 10, seconds: 1 },
    cold: { rows: 100, times: 3 },
  },
};
/** How long a server may take to end, in milliseconds. */
const MAX_END = 30_000;
/** converge limits the rates of a connection, and the other servers do not. */
const OPTIONS = ['--rate-messages=1000000', '--rate-burst=1000000', '--rate-bytes=1GiB', '--idle-timeout=1s'];
/** When converge has closed documents without connections, in seconds. */
const IDLE_WAIT = 3;
const CONVERGE = 'converge serve';
const RELEASE = new URL('../../../target/release/', import.meta.url);

const [library = '', work = '', name = '', ...more] = process.argv.slice(2);
const size = name === 'small' ? SIZES.small : SIZES.full;
const works = { writers, fanout, idle, cold };
const chosen = Object.entries(works).filter(([name]) => work === name || work === 'server');
if (chosen.length === 0) throw new Error(`unknown work ${work}`);
/** @type {Figure[]} */
const figures = [];
for (const [, run] of chosen) figures.push(...(await run()));
console.log(JSON.stringify(figures));

async function writers() {
  const figures = [];
  for (const { documents, writers } of size.writers) {
    const label = documents === 1 ? `${writers} writers, one document` : `${documents} writers, one document each`;
    const [result] = await served([['writers', { documents, writers, seconds: size.seconds, window: size.window }]]);
    figures.push(figure(label, result.acknowledgedPerSecond, 'events/s'));
    for (const p of ['p50', 'p99']) figures.push(figure(`${label}: acknowledged, ${p}`, result.latencyMs[p], 'ms'));
  }
  return figures;
}

async function fanout() {
  const figures = [];
  for (const { readers, rate } of size.fanout) {
    const label = `${rate} events/s to ${readers} readers`;
    const [{ deliveries, latencyMs }] = await served([['fanout', { readers, rate, seconds: size.seconds }]]);
    figures.push(figure(`${label}: delivered`, deliveries / size.seconds, 'events/s'));
    for (const p of ['p50', 'p99', 'max']) figures.push(figure(`${label}: ${p}`, latencyMs[p], 'ms'));
  }
  return figures;
}

async function idle() {
  // The first connections make the server load code.
  const warmUp = { connections: 10, documents: 1, seconds: 1 };
  const [, { bytesPerDocument, bytesPerConnection }] = await served([
    ['idle', warmUp],
    ['idle', size.idle],
  ]);
  return [
    figure('an empty document with one connection', bytesPerDocument, 'bytes'),
    figure('each further connection', bytesPerConnection, 'bytes'),
  ];
}

async function cold() {
  // Documents are closed by converge after a while, and by a restart of the other servers.
  const results =
    library === CONVERGE
      ? await served([['cold', { ...size.cold, 'idle-wait': IDLE_WAIT }]])
      : await served([['cold', { ...size.cold, fill: true }]], [['cold', size.cold]]);
  const { latencyMs } = results.at(-1);
  return ['p50', 'max'].map((p) =>
    figure(`opening a stored document of ${size.cold.rows} rows: ${p}`, latencyMs[p], 'ms'),
  );
}

/**
 * Runs the server as often as there are arguments, on the same folder, and drives it with the loads
 * of each. Returns what the driver printed.
 *
 * @param {[work: string, options: Record<string, number | boolean>][][]} runs
 */
async function served(...runs) {
  const folder = await mkdtemp(join(tmpdir(), 'converge-bench-'));
  const results = [];
  try {
    for (const loads of runs) {
      const server = await start(folder);
      try {
        for (const [work, options] of loads) results.push(await drive(server, work, options));
      } finally {
        await end(server);
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return results;
}

/**
 * Starts the server on a free port.
 *
 * @param {string} folder
 * @returns {Promise<Running>}
 */
async function start(folder) {
  const port = await freePort();
  const [program, ...args] =
    library === CONVERGE
      ? [
          fileURLToPath(new URL('converge', RELEASE)),
          'serve',
          '--data',
          folder,
          '--listen',
          `127.0.0.1:${port}`,
          ...OPTIONS,
        ]
      : [process.execPath, fileURLToPath(new URL(`${library}.js`, import.meta.url)), String(port), folder];
  const child = spawn(program ?? '', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  // The first line says that the server listens. Later lines must not fill the pipe.
  const lines = createInterface(child.stdout);
  await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`${library} ended with ${code}`))),
  ]);
  return { child, address: `127.0.0.1:${port}`, pid: child.pid ?? 0 };
}

async function freePort() {
  const listener = net.createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = /** @type {net.AddressInfo} */ (listener.address());
  listener.close();
  await once(listener, 'close');
  return port;
}

/** @param {Running} server */
async function end({ child, pid }) {
  const [seconds] = await cpuSeconds(pid);
  const begin = performance.now();
  const exit = once(child, 'exit');
  child.kill();
  const timer = setTimeout(() => child.kill('SIGKILL'), MAX_END);
  await exit;
  clearTimeout(timer);
  const ended = (performance.now() - begin) / 1000;
  console.error(`${library}: the server used ${seconds.toFixed(1)} s of CPU time, and ended in ${ended.toFixed(1)} s`);
}

/**
 * Runs the driver, and returns the object that it prints.
 *
 * @param {Running} server
 * @param {string} work
 * @param {Record<string, number | boolean>} options
 */
async function drive({ address, pid }, work, options) {
  const all = work === 'idle' ? { ...options, pid } : options;
  const given = Object.entries(all).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, `${value}`],
  );
  const [program, ...args] =
    library === CONVERGE
      ? [fileURLToPath(new URL('converge-rig', RELEASE)), 'load', address]
      : [process.execPath, fileURLToPath(new URL('drive.js', import.meta.url)), library, address];
  const child = spawn(program ?? '', [...args, work, ...given, ...more], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [, before] = await cpuSeconds('self');
  let text = '';
  child.stdout.on('data', (part) => (text += part));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the driver of ${library} ended with ${code}`);
  const result = JSON.parse(text);
  const [, after] = await cpuSeconds('self');
  console.error(`${library}, ${work}: ${JSON.stringify(result)}`);
  console.error(`${library}, ${work}: the clients used ${(after - before).toFixed(1)} s of CPU time`);
  return result;
}

/**
 * Returns the seconds of CPU time of a process, and those of its children that have ended.
 *
 * @param {number | 'self'} pid
 * @returns {Promise<[own: number, ofChildren: number]>}
 */
async function cpuSeconds(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The fields after the name of the program, in ticks of 10 ms.
  const [user = 0, system = 0, userOfChildren = 0, systemOfChildren = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number);
  return [(user + system) / 100, (userOfChildren + systemOfChildren) / 100];
}
