// The exact part of the demo: both real histories, through both hosts, in several orders. Shows what each run did and the head of
// the table at the end.
import { spawnSync } from 'node:child_process';
import { root } from './root.js';

const HEAD_ROWS = 5;
const HISTORIES = ['yjs', 'automerge'];
const HOSTS = [
  { name: 'Rust, wasmtime', command: 'target/release/converge', args: ['replay'] },
  { name: 'Node, jco', command: process.execPath, args: ['host-js/bin/replay.js'] },
];
const WAYS = [
  { name: 'in file order, an event a call', args: ['--order', 'file'] },
  { name: 'reversed, an event a call', args: ['--order', 'reverse'] },
  { name: 'shuffled, an event a call', args: ['--order', 'shuffle:2247'] },
  { name: 'shuffled, 100 a call', args: ['--order', 'shuffle:217', '--batch', '100'] },
];

/** Runs one replay, which shows its progress itself, and reads what it printed. */
function replay(host, way, history) {
  const data = `tests/data/rows/${history}`;
  const files = [`${data}.history.tsv.gz`, '--expect', `${data}.expected.tsv.gz`];
  const args = [...host.args, ...files, ...way.args, '--head', String(HEAD_ROWS)];
  const { status, error, stdout } = spawnSync(host.command, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (error) throw error;
  const [facts, head = ''] = stdout.split('\n\n');
  const fact = (name) => facts.match(new RegExp(`^${name} +(.*)$`, 'm'))?.[1] ?? '';
  return { ok: status === 0, fact, head: head.trimEnd() };
}

/** Replays all; true where rows and digests are as they must be. */
export function replayAll() {
  let failures = 0;
  for (const history of HISTORIES) {
    let first;
    for (const host of HOSTS) {
      for (const way of WAYS) {
        const run = replay(host, way, history);
        const agrees =
          run.ok && run.fact('digest') === (first ?? run).fact('digest') && run.head === (first ?? run).head;
        if (!first) {
          first = run;
          console.log(`\n${history}: ${run.fact('events')} events of ${run.fact('peers')} concurrent replicas`);
        }
        failures += agrees ? 0 : 1;
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
    }
    console.log(`\n  The first of ${first.fact('rows')} rows of the table \`files\`:\n`);
    console.log(first.head.replace(/^/gm, '    ').replaceAll('\t', '  '));
  }
  const runs = HISTORIES.length * HOSTS.length * WAYS.length;
  if (failures > 0) {
    console.log(`\n${failures} of ${runs} runs failed or differ.`);
    return false;
  }
  console.log(
    `\nAll ${runs} runs end with exactly the files of the real repositories; within a history all digests agree.`,
  );
  return true;
}
