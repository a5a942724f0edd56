// The live part of the demo: a dozen replicas, half in a Rust process and half in a Node process, write the branches of a
// real history. They are alternately offline and online, and must end with the same digest.
import { runPair } from './processes.js';

const REPLICAS = 12;
const HISTORY = 'tests/data/rows/yjs.history.tsv.gz';
const MAX_SECONDS = 120;
const REDRAW_INTERVAL_MS = 100;
const LOG_INTERVAL_MS = 2000;

/**
 * The last report of a replica.
 *
 * @typedef {{ events: string, bytes: string, activity: string, cursors?: string, digest?: string, turns: number }} Replica
 */

/** Runs the replicas, for at most `MAX_SECONDS`. Returns whether they agree at the end. */
export async function live() {
  const half = REPLICAS / 2;
  const board = new Board();
  const all = ['--of', `${REPLICAS}`];
  const hasEnded = await runPair(
    ['live', HISTORY, '--replicas', `0..${half}`, ...all],
    (port) => ['host-js/bin/live.js', HISTORY, '--replicas', `${half}..${REPLICAS}`, ...all, '--hub', port],
    (kind, fields) => board.update(kind, fields),
    { maxSeconds: MAX_SECONDS },
  );
  return board.end(hasEnded);
}

/** Shows the reports of the replicas. */
class Board {
  /** @type {Map<string, Replica>} by name */
  #replicas = new Map();
  #start = performance.now();
  #shown = 0;
  #height = 0;

  /**
   * @param {string} kind
   * @param {string[]} fields
   */
  update(kind, [name, events, bytes, ...rest]) {
    const before = this.#replicas.get(name);
    const turnsBefore = before?.turns ?? 0;
    if (kind === 'status') {
      const [activity, cursors] = rest;
      const turns = turnsBefore + (activity === 'offline' && before?.activity !== 'offline' ? 1 : 0);
      this.#replicas.set(name, { ...before, events, bytes, activity, cursors, turns });
    } else if (kind === 'done') {
      this.#replicas.set(name, { ...before, events, bytes, activity: 'done', digest: rest[0], turns: turnsBefore });
    }
    this.#show();
  }

  #show() {
    const interval = process.stdout.isTTY ? REDRAW_INTERVAL_MS : LOG_INTERVAL_MS;
    if (performance.now() - this.#shown < interval) return;
    this.#shown = performance.now();
    if (process.stdout.isTTY) {
      this.#draw();
    } else {
      console.log(`  ${this.#summary()}`);
    }
  }

  #summary() {
    const all = [...this.#replicas.values()];
    const count = (/** @type {string} */ activity) => all.filter((replica) => replica.activity === activity).length;
    const max = Math.max(0, ...all.map(({ events }) => Number(events)));
    const bytes = all.reduce((sum, replica) => sum + Number(replica.bytes), 0);
    const seconds = ((performance.now() - this.#start) / 1000).toFixed(1);
    return `${seconds.padStart(5)} s  ${String(max).padStart(5)} events, ${Math.round(bytes / 1024)} KiB on sockets, ${count('in sync')} in sync, ${count('syncing')} syncing, ${count('offline')} offline`;
  }

  #draw() {
    const rows = [...this.#replicas].sort(([a], [b]) => (a < b ? -1 : 1));
    const lines = rows.map(([name, { events, bytes, activity, cursors = '', turns }]) =>
      [
        `  ${name.padEnd(9)}`,
        `${events} events`.padStart(12),
        `${bytes} bytes`.padStart(15),
        `${turns} times offline`.padStart(18),
        `sees ${cursors} cursors`.padStart(17),
        `  ${activity}`,
      ].join(''),
    );
    lines.push(`  ${this.#summary()}`);
    const up = this.#height > 0 ? `\x1b[${this.#height}A` : '';
    process.stdout.write(up + lines.map((line) => `\x1b[2K${line}\n`).join(''));
    this.#height = lines.length;
  }

  /**
   * Prints and returns whether all replicas agree.
   *
   * @param {boolean} hasEnded
   */
  end(hasEnded) {
    if (process.stdout.isTTY) this.#draw();
    const all = [...this.#replicas.values()];
    const digests = new Set(all.map(({ digest }) => digest));
    const events = new Set(all.map((replica) => replica.events));
    const agree =
      hasEnded && all.length === REPLICAS && digests.size === 1 && !digests.has(undefined) && events.size === 1;
    const turns = all.reduce((sum, replica) => sum + replica.turns, 0);
    console.log(
      agree
        ? `  ok   ${all.length} replicas with ${[...events][0]} events each, ${turns} times offline; all digests are ${[...digests][0]?.slice(0, 16)}`
        : `  FAIL ${all.length} replicas ended with ${digests.size} digests and ${events.size} counts of events`,
    );
    return agree;
  }
}
