// The live part of the demo: a dozen replicas, half in a Rust process, half in a Node process, each the writer of some branches of
// a real history, offline and online in turns. Shows what they do; true where all end in sync with the same digest.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { root } from './root.js';

const REPLICAS = 12;
const HISTORY = 'tests/data/rows/yjs.history.tsv.gz';
const MOST_SECONDS = 120;
const REDRAWN_EVERY_MS = 100;
const LOGGED_EVERY_MS = 2000;

/** Runs it, at most so long. */
export async function live() {
  const half = REPLICAS / 2;
  const board = new Board();
  const rust = start('target/release/converge-rig', [
    'live',
    HISTORY,
    '--replicas',
    `0..${half}`,
    '--of',
    `${REPLICAS}`,
  ]);
  let node;
  const timer = setTimeout(() => [rust, node].forEach((run) => run?.child.kill()), MOST_SECONDS * 1000);
  const finished = [rust.finished];
  for await (const line of rust.lines) {
    const [kind, ...fields] = line.split('\t');
    if (kind === 'port') {
      const args = ['host-js/bin/live.js', HISTORY, '--replicas', `${half}..${REPLICAS}`, '--of', `${REPLICAS}`];
      node = start(process.execPath, [...args, '--hub', fields[0]]);
      // The hub would wait for those that are gone.
      node.finished.then((code) => code !== 0 && rust.child.kill());
      finished.push(node.finished, follow(node.lines, board));
    } else {
      board.take(kind, fields);
    }
  }
  const codes = await Promise.all(finished);
  clearTimeout(timer);
  return board.end(codes.every((code) => code === undefined || code === 0));
}

async function follow(lines, board) {
  for await (const line of lines) {
    const [kind, ...fields] = line.split('\t');
    board.take(kind, fields);
  }
}

function start(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const finished = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
  return { child, finished, lines: createInterface({ input: child.stdout }) };
}

/** What the replicas tell. */
class Board {
  #replicas = new Map();
  #start = performance.now();
  #shown = 0;
  #height = 0;

  take(kind, [name, events, bytes, ...rest]) {
    const before = this.#replicas.get(name) ?? { turns: 0 };
    if (kind === 'status') {
      const [doing, cursors] = rest;
      const turns = before.turns + (doing === 'offline' && before.doing !== 'offline' ? 1 : 0);
      this.#replicas.set(name, { ...before, events, bytes, doing, cursors, turns });
    } else if (kind === 'done') {
      this.#replicas.set(name, { ...before, events, bytes, doing: 'done', digest: rest[0] });
    }
    this.#show();
  }

  #show() {
    const every = process.stdout.isTTY ? REDRAWN_EVERY_MS : LOGGED_EVERY_MS;
    if (performance.now() - this.#shown < every) return;
    this.#shown = performance.now();
    if (process.stdout.isTTY) {
      this.#draw();
    } else {
      console.log(`  ${this.#summary()}`);
    }
  }

  #summary() {
    const all = [...this.#replicas.values()];
    const doing = (what) => all.filter((replica) => replica.doing === what).length;
    const most = Math.max(0, ...all.map(({ events }) => Number(events)));
    const bytes = all.reduce((sum, replica) => sum + Number(replica.bytes), 0);
    const seconds = ((performance.now() - this.#start) / 1000).toFixed(1);
    return `${seconds.padStart(5)} s  ${String(most).padStart(5)} events, ${Math.round(bytes / 1024)} KiB on sockets, ${doing('in sync')} in sync, ${doing('syncing')} syncing, ${doing('offline')} offline`;
  }

  #draw() {
    const rows = [...this.#replicas].sort(([a], [b]) => (a < b ? -1 : 1));
    const lines = rows.map(([name, { events, bytes, doing, cursors = '', turns }]) =>
      [
        `  ${name.padEnd(9)}`,
        `${events} events`.padStart(12),
        `${bytes} bytes`.padStart(15),
        `${turns} times offline`.padStart(18),
        `sees ${cursors} cursors`.padStart(17),
        `  ${doing}`,
      ].join(''),
    );
    lines.push(`  ${this.#summary()}`);
    const up = this.#height > 0 ? `\x1b[${this.#height}A` : '';
    process.stdout.write(up + lines.map((line) => `\x1b[2K${line}\n`).join(''));
    this.#height = lines.length;
  }

  end(ended) {
    if (process.stdout.isTTY) this.#draw();
    const all = [...this.#replicas.values()];
    const digests = new Set(all.map(({ digest }) => digest));
    const events = new Set(all.map((replica) => replica.events));
    const agree =
      ended && all.length === REPLICAS && digests.size === 1 && !digests.has(undefined) && events.size === 1;
    const turns = all.reduce((sum, replica) => sum + replica.turns, 0);
    console.log(
      agree
        ? `  ok   ${all.length} replicas with ${[...events][0]} events each, ${turns} times offline; all digests are ${[...digests][0].slice(0, 16)}`
        : `  FAIL ${all.length} replicas ended with ${digests.size} digests and ${events.size} numbers of events`,
    );
    return agree;
  }
}
