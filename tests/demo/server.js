// The last part of the demo: a server with clients in Rust and in Node, each a process of its own with files of its own. The
// server is killed in the middle and started again. No event may be missing that a client kept or the server acknowledged, and
// all digests must be equal.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { open } from '../../host-js/src/node.js';
import { root } from './root.js';

const CLIENTS = 6;
const ROWS = 400;
const TOTAL = CLIENTS * ROWS;
const MAX_SECONDS = 120;

/** Runs the server and its clients, for at most `MAX_SECONDS`. Returns whether all agree. */
export async function serve() {
  const folder = await mkdtemp(join(tmpdir(), 'converge-demo-'));
  /** @type {import('node:child_process').ChildProcess[]} */
  const running = [];
  const timer = setTimeout(() => running.forEach((child) => child.kill('SIGKILL')), MAX_SECONDS * 1000);
  try {
    return await run(folder, running);
  } finally {
    clearTimeout(timer);
    running.forEach((child) => child.kill('SIGKILL'));
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} folder
 * @param {import('node:child_process').ChildProcess[]} running
 */
async function run(folder, running) {
  const start = async (/** @type {string} */ listen) => {
    const server = spawn(
      'target/release/converge',
      ['serve', '--data', join(folder, 'server'), '--listen', listen, '--log', 'error'],
      {
        cwd: root,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    running.push(server);
    const [line] = await once(createInterface({ input: server.stdout }), 'line');
    return { server, address: line.split('http://')[1] };
  };
  let { server, address } = await start('127.0.0.1:0');
  /** @type {Set<string>} */
  const kept = new Set();
  /** @type {Set<string>} */
  const acknowledged = new Set();
  /** @type {Set<string>} */
  const digests = new Set();
  const began = performance.now();
  let reachedHalf = () => {};
  const half = new Promise((resolve) => (reachedHalf = () => resolve(undefined)));

  const clients = Array.from({ length: CLIENTS }, async (_, number) => {
    const inNode = number % 2 === 1;
    const file = join(folder, `client-${number}`);
    const options = [address, '--document', 'demo', '--file', file, '--rows', `${ROWS}`, '--total', `${TOTAL}`];
    const client = inNode
      ? spawn(process.execPath, ['tests/demo/writer.js', ...options], { cwd: root })
      : spawn('target/release/converge-rig', ['write', ...options], { cwd: root });
    running.push(client);
    client.stderr.pipe(process.stderr);
    const ended = once(client, 'close');
    for await (const line of createInterface({ input: client.stdout })) {
      if (line.startsWith('kept ')) kept.add(line.slice(5));
      if (line.startsWith('ack ')) acknowledged.add(line.slice(4));
      if (line.startsWith('digest ')) digests.add(line.slice(7));
      if (acknowledged.size >= TOTAL / 2) reachedHalf();
    }
    const [code] = await ended;
    // A client that failed acknowledges nothing more.
    if (code !== 0) reachedHalf();
    return code === 0;
  });

  await half;
  const before = acknowledged.size;
  server.kill('SIGKILL');
  await once(server, 'close');
  console.log(`  killed the server after ${before} of ${TOTAL} acknowledged events, and started it again`);
  ({ server } = await start(address));
  const ended = await Promise.all(clients);

  const saved = new Uint8Array(await (await fetch(`http://${address}/v1/docs/demo`)).arrayBuffer());
  const engine = await open();
  const doc = engine.load(saved);
  digests.add(doc.digestHex());
  const missing = [...kept, ...acknowledged].filter((row) => doc.get('acks', row) === undefined);
  const succeeded = ended.every(Boolean) && acknowledged.size === TOTAL && missing.length === 0 && digests.size === 1;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(
    succeeded
      ? `  ok   ${CLIENTS} clients, ${TOTAL} acknowledged events, none is missing, in ${seconds} s; all digests are ${[...digests][0]?.slice(0, 16)}`
      : `  FAIL ${ended.filter(Boolean).length} of ${CLIENTS} clients ended, ${acknowledged.size} events were acknowledged, ${missing.length} are missing, ${digests.size} digests`,
  );
  return succeeded;
}
