// Replays of the real histories by one host, each in several orders and batches. Shows what each run did, and the first rows.
import { spawn } from 'node:child_process';
import { root } from './root.js';

const HEAD_ROWS = 5;
const HISTORIES = ['yjs', 'automerge'];
const HOSTS = {
  node: { name: 'Node, jco', command: process.execPath, args: ['host-js/bin/replay.js'] },
  rust: { name: 'Rust, wasmtime', command: 'target/release/converge-rig', args: ['replay'] },
};
const WAYS = [
  { name: 'in file order, an event a call', args: ['--order', 'file'] },
  { name: 'reversed, an event a call', args: ['--order', 'reverse'] },
  { name: 'shuffled, an event a call', args: ['--order', 'shuffle:2247'] },
  { name: 'shuffled, 100 a call', args: ['--order', 'shuffle:217', '--batch', '100'] },
];

/** Runs one replay, which shows its progress itself, and parses what it printed. */
async function replay(host, way, history) {
  const data = `tests/data/rows/${history}`;
  const files = [`${data}.history.tsv.gz`, '--expect', `${data}.expected.tsv.gz`];
  const args = [...host.args, ...files, ...way.args, '--head', String(HEAD_ROWS)];
  const child = spawn(host.command, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  const [facts, head = ''] = stdout.split('\n\n');
  const fact = (name) => facts.match(new RegExp(`^${name} +(.*)$`, 'm'))?.[1] ?? '';
  return { ok: status === 0, fact, head: head.trimEnd() };
}

/**
 * Replays both histories.
 *
 * @param {'node' | 'rust'} hostName
 * @param {{ digests: Map<string, string> }} [earlier] the result of another host, with which the digests must agree
 */
export async function replayAll(hostName, earlier) {
  const host = HOSTS[hostName];
  const digests = new Map();
  let succeeded = true;
  for (const history of HISTORIES) {
    let first;
    for (const way of WAYS) {
      const run = await replay(host, way, history);
      const expected = earlier?.digests.get(history) ?? first?.fact('digest');
      const agrees =
        run.ok && run.fact('digest') === (expected ?? run.fact('digest')) && run.head === (first ?? run).head;
      if (!first) {
        first = run;
        console.log(`${history}: ${run.fact('events')} events of ${run.fact('peers')} concurrent replicas`);
      }
      succeeded &&= agrees;
      const columns = [
        `  ${agrees ? 'ok  ' : 'FAIL'}`,
        host.name.padEnd(15),
        way.name.padEnd(31),
        run.fact('speed').padStart(16),
        ` ${run.fact('digest').slice(0, 16)}`,
        ` ${run.fact('expected')}`,
      ];
      console.log(columns.join(' '));
    }
    digests.set(history, first.fact('digest'));
    if (!earlier) {
      console.log(`\n  The first of ${first.fact('rows')} rows of the table \`files\`:\n`);
      console.log(first.head.replace(/^/gm, '    ').replaceAll('\t', '  '), '\n');
    }
  }
  return { succeeded, digests };
}
