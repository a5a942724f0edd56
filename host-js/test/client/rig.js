// What tests of clients share: servers, folders, storages that fail, and waiting.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connect } from '../../src/client/index.js';
import { open } from '../../src/node.js';
import { StorageError } from '../../src/client/storage-error.js';

/** @import { ClientStorage, Content, Notes, StoredDocument } from '../../src/client/storage.js' */
/** @import { Board } from '../../src/client/board.js' */

/** The program of the server. */
export const PROGRAM = fileURLToPath(new URL('../../../target/release/converge', import.meta.url));
/** How long a condition may take on a busy machine. */
export const SOON = 30_000;
const POLL_MS = 5;

export const engine = await open();

/**
 * Waits until a condition holds.
 *
 * @param {() => unknown} condition
 * @param {string} what for the error
 * @param {number} [ms]
 */
export async function until(condition, what, ms = SOON) {
  const end = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await sleep(POLL_MS);
  }
}

/**
 * Creates an empty folder that is removed after the test.
 *
 * @param {import('node:test').TestContext} t
 * @returns {string}
 */
export function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'converge-client-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/**
 * Connects a client that is closed after the test, if the test has not closed it.
 *
 * @param {import('node:test').TestContext} t
 * @param {string} url
 * @param {string} name
 * @param {import('../../src/client/types.js').ConnectOptions} [options]
 */
export async function client(t, url, name, options = {}) {
  const board = await connect(url, name, { engine, ...options });
  t.after(() => board.close().catch(() => {}));
  return board;
}

/** A server process, which can be killed and started again at the same address. */
export class Server {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #process;
  /** @type {string[]} */
  #options;

  /**
   * @param {string} data
   * @param {string[]} options
   */
  constructor(data, options) {
    this.data = data;
    this.#options = options;
    this.url = '';
  }

  /**
   * Starts a server whose data is removed after the test.
   *
   * @param {import('node:test').TestContext} t
   * @param {string[]} [options]
   */
  static async start(t, options = []) {
    const server = new Server(join(folder(t), 'data'), options);
    t.after(() => server.kill());
    await server.start();
    return server;
  }

  async start() {
    const address = this.url === '' ? '127.0.0.1:0' : new URL(this.url).host;
    const args = ['serve', '--data', this.data, '--listen', address, '--log', 'error', ...this.#options];
    const server = spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process = server;
    let printed = '';
    server.stdout.on('data', (text) => (printed += text));
    await until(() => printed.includes('http://') || server.exitCode !== null, 'the server starts');
    const [url] = printed.match(/http:\/\/[\d.:]+/) ?? [];
    if (url === undefined) throw new Error(`the server did not start: ${printed}`);
    this.url = url;
  }

  /** Stops the server as a crash does. */
  async kill() {
    await this.#end('SIGKILL');
  }

  async stop() {
    await this.#end('SIGTERM');
  }

  /** @param {NodeJS.Signals} signal */
  async #end(signal) {
    const server = this.#process;
    this.#process = undefined;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill(signal);
    await ended;
  }

  /**
   * @param {string} route
   * @param {RequestInit} [init]
   */
  async request(route, init) {
    const response = await fetch(`${this.url}${route}`, init);
    if (!response.ok) throw new Error(`${route}: ${response.status} ${await response.text()}`);
    return response;
  }

  /** @param {string} name */
  async rows(name, table = 'tasks') {
    const path = `/v1/docs/${encodeURIComponent(name)}/tables/${table}`;
    const response = await this.request(path, { headers: { accept: 'application/x-ndjson' } });
    const text = await response.text();
    return text.split('\n').filter(Boolean).length;
  }
}

/**
 * Runs the program.
 *
 * @param {string[]} args
 * @returns {string}
 */
export function run(args) {
  return execFileSync(PROGRAM, args, { encoding: 'utf8' }).trim();
}

/** A relay between clients and a server that can stop passing bytes on, as a dead network does. */
export class Relay {
  /** @type {Set<import('node:net').Socket>} */
  #sockets = new Set();
  #isFrozen = false;

  /** @param {string} target */
  constructor(target) {
    const { hostname, port } = new URL(target);
    this.server = createServer((client) => {
      const upstream = connectTcp(Number(port), hostname);
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ]) {
        this.#sockets.add(from);
        from.on('data', (bytes) => {
          if (!this.#isFrozen) to.write(bytes);
        });
        from.on('error', () => {});
        from.on('close', () => {
          this.#sockets.delete(from);
          if (!this.#isFrozen) to.destroy();
        });
      }
    });
    this.url = '';
  }

  /**
   * @param {import('node:test').TestContext} t
   * @param {string} target
   */
  static async start(t, target) {
    const relay = new Relay(target);
    await new Promise((resolve) => relay.server.listen(0, '127.0.0.1', () => resolve(undefined)));
    const { port } = /** @type {import('node:net').AddressInfo} */ (relay.server.address());
    relay.url = `http://127.0.0.1:${port}`;
    t.after(() => {
      relay.cut();
      relay.server.close();
    });
    return relay;
  }

  get connections() {
    return this.#sockets.size / 2;
  }

  /** Swallows all bytes from now on, and keeps the connections. */
  freeze() {
    this.#isFrozen = true;
  }

  thaw() {
    this.#isFrozen = false;
  }

  /** Ends all connections. */
  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/**
 * A storage in memory that several replicas can share, which can fail, and which survives its
 * clients.
 *
 * @implements {ClientStorage}
 */
export class SharedMemory {
  /** @type {{ snapshot?: Uint8Array | undefined, updates: Uint8Array[], notes: Notes, resets: number }} */
  content = { updates: [], notes: {}, resets: 0 };
  /** @type {Set<string>} */
  #names = new Set();
  device = 'device0';
  /** What `append` and `note` fail with. */
  /** @type {StorageError | undefined} */
  failure;
  /** How long an append takes. */
  delayMs = 0;
  /** The number of appends so far. */
  appends = 0;
  compactions = 0;
  /**
   * Runs before a name is drawn.
   *
   * @type {() => Promise<void>}
   */
  onRename = async () => {};
  #id = crypto.randomUUID();

  /** @param {{ shares?: boolean }} [options] */
  constructor({ shares = true } = {}) {
    this.shares = shares;
  }

  /** Returns a copy, as of a folder or a profile that is cloned. */
  clone() {
    const copy = new SharedMemory({ shares: this.shares });
    copy.content = { ...structuredClone(this.content) };
    copy.device = this.device;
    return copy;
  }

  /**
   * @param {string} key
   * @param {string} prefix
   * @returns {Promise<StoredDocument>}
   */
  async open(key, prefix) {
    const storage = this;
    const draw = () => {
      for (let n = 0; ; n++) {
        const name = `${prefix}${this.device}.${n}`;
        if (!this.#names.has(name)) {
          this.#names.add(name);
          return name;
        }
      }
    };
    let peer = draw();
    let { resets } = this.content;
    const check = () => {
      if (this.failure) throw this.failure;
      if (resets !== this.content.resets) throw new StorageError('reset', 'another replica reset the document');
    };
    return {
      get peer() {
        return peer;
      },
      get channel() {
        return storage.shares ? `${storage.#id} ${key} ${resets}` : undefined;
      },
      read: async () => structuredClone(/** @type {Content} */ (this.content)),
      append: async (update) => {
        await sleep(this.delayMs);
        check();
        this.appends++;
        this.content.updates.push(update.slice());
      },
      note: async (notes) => {
        check();
        this.content.notes = structuredClone(notes);
      },
      compact: async (save) => {
        check();
        this.compactions++;
        this.content.snapshot = save(this.content.updates);
        this.content.updates = [];
      },
      reset: async (notes) => {
        if (this.failure) throw this.failure;
        resets = this.content.resets + 1;
        this.content = { updates: [], notes, resets };
      },
      rename: async () => {
        await this.onRename();
        this.device = `device${crypto.randomUUID().slice(0, 8)}`;
        peer = draw();
        return peer;
      },
      close: async () => {
        this.#names.delete(peer);
      },
      destroy: async () => {
        this.content = { updates: [], notes: {}, resets: this.content.resets + 1 };
        this.#names.delete(peer);
      },
    };
  }
}

/** @param {Board} board */
export function rowsOf(board, table = 'tasks') {
  return board.doc.tables().find(({ name }) => name === table)?.rows ?? 0;
}
