#!/usr/bin/env node
// Runs some of the replicas of a live run, like `converge-rig live` of tests/rig. Each replica
// commits the operations of some branches of a history. It is alternately offline and online, and
// synchronizes with the hub over a loopback socket. The exit code is 0 on success, 1 on an error,
// and 2 if the arguments are invalid.

import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { open } from '../src/node.js';
import { readHistory } from './history.js';
import { onMessages, send } from './wire.js';

/** @import { Commit, RowOp } from '../dist/wit/interfaces/converge-sync-durable.js' */
/** @import { Engine } from '../src/engine.js' */

const USAGE = `usage: live HISTORY.tsv.gz --replicas FROM..TO --of N --hub PORT

  --replicas FROM..TO  the replicas that this process runs, from FROM to TO - 1
  --of N               the number of all replicas, at most 64
  --hub PORT           the port of the hub on 127.0.0.1
`;
const DOCUMENT = 'live';
const CURSORS = 'cursors';
const DONE = 'done';
const END = 'end';
/** The number of commits per period offline, and per period online. */
const BURST = 12;
/** The pause between two commits. */
const PAUSE_MS = 10;
const STATUS_INTERVAL_MS = 100;
/** The time to live of entries: longer than any run. */
const TIME_TO_LIVE_MS = 3_600_000;

/** @returns {Promise<number>} the exit code */
async function main() {
  const options = readArguments();
  if (options === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  try {
    const work = shareOut(await readHistory(options.history), options.of);
    const engine = await open();
    const replicas = [];
    for (let number = options.from; number < options.to; number++) {
      const name = `node-${String(number).padStart(2, '0')}`;
      replicas.push(new Replica(engine, name, work[number] ?? []).run(options.hub));
    }
    await Promise.all(replicas);
    return 0;
  } catch (error) {
    process.stderr.write(`live: ${error instanceof Error ? error.message : error}\n`);
    return 1;
  }
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { replicas: { type: 'string' }, of: { type: 'string' }, hub: { type: 'string' } },
    });
    const [from, to] = (values.replicas ?? '').split('..').map(Number);
    const [of, hub, history] = [Number(values.of), Number(values.hub), positionals[0]];
    const isRight = positionals.length === 1 && from && to && from < to && to <= of && of <= 64 && hub > 0;
    return isRight && history ? { history, from, to, of, hub } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Distributes the branches among the replicas in turn, in the order of their first events.
 *
 * @param {{ peer: string, commits: Commit[] }[]} events
 * @param {number} replicas
 * @returns {Commit[][]} the work of each replica
 */
function shareOut(events, replicas) {
  /** @type {Map<string, number>} */
  const writers = new Map();
  /** @type {Commit[][]} */
  const work = Array.from({ length: replicas }, () => []);
  for (const { peer, commits } of events) {
    const writer = writers.get(peer) ?? writers.size % replicas;
    writers.set(peer, writer);
    work[writer]?.push(...commits);
  }
  return work;
}

class Replica {
  #bytes = 0;
  #lastStatus = 0;

  /**
   * @param {Engine} engine
   * @param {string} name
   * @param {Commit[]} work
   */
  constructor(engine, name, work) {
    this.engine = engine;
    this.name = name;
    this.doc = engine.create(name);
    this.store = engine.createStore(name, { timeToLive: TIME_TO_LIVE_MS });
    // Reversed, so that `pop` returns the next commit.
    this.work = work.reverse();
  }

  /**
   * Commits and synchronizes with the hub on this port until the hub announces the end.
   *
   * @param {number} port
   */
  async run(port) {
    for (let isOver = false; !isOver;) {
      for (let commits = 0; commits < BURST; commits++) {
        this.#commit();
        this.#status('offline');
        await sleep(PAUSE_MS);
      }
      isOver = await this.#online(port);
    }
    print('done', this.name, this.#events(), this.#bytes, this.doc.digestHex());
  }

  /**
   * Runs one period online.
   *
   * @param {number} port
   * @returns {Promise<boolean>} whether the hub has announced the end
   */
  async #online(port) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    const session = this.engine.openSession(this.doc, this.store, { document: DOCUMENT });
    const sendAll = () => session.flush((message) => (this.#bytes += send(socket, message)));
    /** @type {unknown} */
    let failure;
    socket.on('error', (error) => (failure ??= error));
    socket.on('close', () => (failure ??= new Error('the hub closed the connection')));
    onMessages(socket, (message) => {
      if (failure !== undefined) return;
      try {
        this.#bytes += message.length;
        session.receive(message);
        sendAll();
      } catch (error) {
        failure = error;
      }
    });
    for (let commits = 0; ; commits++) {
      sendAll();
      await sleep(PAUSE_MS);
      if (failure !== undefined) throw failure;
      if (commits < BURST) this.#commit();
      sendAll();
      const { inSync } = session.progress();
      this.#status(inSync ? 'in sync' : 'syncing');
      // Entries can arrive before events: report the work as done only once the hub has all events.
      const isDone = inSync && this.work.length === 0;
      if (isDone && this.store.get(DONE, this.name) === undefined) this.store.set(DONE, this.name, true);
      const isOver = this.store.getAll(END).length > 0;
      if (inSync && (isOver || (commits >= BURST && this.work.length > 0))) {
        failure = new Error('the period online has ended');
        session.dispose();
        socket.destroySoon();
        return isOver;
      }
    }
  }

  /** Commits the next operations, and sets the cursor to the row that they write. */
  #commit() {
    const commit = this.work.pop();
    if (commit === undefined) return;
    const ops = this.#asItIsNow(commit);
    const [first] = ops;
    if (first !== undefined && first.tag !== 'delete') this.store.set(CURSORS, this.name, first.val.row);
    this.doc.raw.commit(ops);
  }

  /**
   * Adapts the operations to the existing rows: an update of a missing row becomes an insert, and a
   * delete of a missing row is omitted.
   *
   * @param {Commit} commit
   * @returns {RowOp[]}
   */
  #asItIsNow(commit) {
    /** @type {Map<string, boolean>} */
    const decided = new Map();
    return commit.flatMap((op) => {
      const { table, row } = op.val;
      const exists = decided.get(row) ?? this.doc.raw.get(table, row) !== undefined;
      decided.set(row, op.tag !== 'delete');
      if (exists || op.tag === 'insert') return [op];
      return op.tag === 'update' ? [{ tag: 'insert', val: op.val }] : [];
    });
  }

  #events() {
    return this.doc.version().reduce((events, { count }) => events + count, 0);
  }

  /**
   * Prints the status, at most once per interval.
   *
   * @param {string} doing
   */
  #status(doing) {
    if (performance.now() - this.#lastStatus < STATUS_INTERVAL_MS) return;
    this.#lastStatus = performance.now();
    print('status', this.name, this.#events(), this.#bytes, doing, this.store.getAll(CURSORS).length);
  }
}

/** @param {(string | number)[]} fields */
function print(...fields) {
  process.stdout.write(`${fields.join('\t')}\n`);
}

process.exitCode = await main();
