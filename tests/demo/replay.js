// Replays the real histories on one host, in several orders and batches. Prints a line for each run, and the first rows.
import { spawn } from 'node:child_process';
import { root } from './root.js';

const HEAD_ROWS = 5;
const HISTORIES = ['yjs', 'automerge'];
const HOSTS = {
  node: { name: 'Node, jco', command: process.execPath, args: ['host-js/bin/replay.js'] },
  rust: { name: 'Rust, wasmtime', command: 'target/release/converge-rig', args: ['replay'] },
};
const WAYS = [
  { name: 'in file order, one event per call', args: ['--order', 'file'] },
  { name: 'reversed, one event per call', args: ['--order', 'reverse'] },
  { name: 'shuffled, one event per call', args: ['--order', 'shuffle:2247'] },
  { name: 'shuffled, 100 events per call', args: ['--order', 'shuffle:217', '--batch', '100'] },
];

/**
 * Runs a replay and parses its output. The replay shows its progress itself.
 *
 * @param {(typeof HOSTS)['node']} host
 * @param {(typeof WAYS)[0]} way
 * @param {string} history
 */
async function replay(host, way, history) {
  const data = `tests/data/rows/${history}`;
  const files = [`${data}.history.tsv.gz`, '--expect', `${data}.expected.tsv.gz`];
  const args = [...host.args, ...files, ...way.args, '--head', String(HEAD_ROWS)];
  const child = spawn(host.command, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  const [facts, head = ''] = stdout.split('\n\n');
  const fact = (/** @type {string} */ name) => facts.match(new RegExp(`^${name} +(.*)$`, 'm'))?.[1] ?? '';
  return { ok: status === 0, fact, head: head.trimEnd() };
}

/**
 * Replays both histories.
 *
 * @param {'node' | 'rust'} hostName
 * @param {{ digests: Map<string, string> }} [earlier] the result of another host, whose digests must be equal
 */
export async function replayAll(hostName, earlier) {
  const host = HOSTS[hostName];
  const digests = new Map();
  let succeeded = true;
  for (const history of HISTORIES) {
    /** @type {Awaited<ReturnType<typeof replay>> | undefined} */
    let first;
    for (const way of WAYS) {
      const run = await replay(host, way, history);
      const expected = earlier?.digests.get(history) ?? first?.fact('digest');
      const agrees =
        run.ok && run.fact('digest') === (expected ?? run.fact('digest')) && run.head === (first ?? run).head;
      if (!first) {
        first = run;
        digests.set(history, run.fact('digest'));
        console.log(`${history}: ${run.fact('events')} events of ${run.fact('peers')} concurrent replicas`);
      }
      succeeded &&= agrees;
      const columns = [
        `  ${agrees ? 'ok  ' : 'FAIL'}`,
        host.name.padEnd(15),
        way.name.padEnd(33),
        run.fact('speed').padStart(16),
        ` ${run.fact('digest').slice(0, 16)}`,
        ` ${run.fact('expected')}`,
      ];
      console.log(columns.join(' '));
    }
    if (!earlier && first) {
      console.log(`\n  The first of ${first.fact('rows')} rows of the table \`files\`:\n`);
      console.log(first.head.replace(/^/gm, '    ').replaceAll('\t', '  '), '\n');
    }
  }
  return { succeeded, digests };
}
