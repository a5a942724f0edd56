// The process `converge serve` of a test, which the test can kill and start again.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { until } from './until.js';

const program = fileURLToPath(new URL('../../../target/release/converge', import.meta.url));

export class Server {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child;
  #log = '';

  /**
   * @param {string} address `host:port`
   * @param {string} data the folder of its documents
   */
  constructor(address, data) {
    this.address = address;
    this.data = data;
  }

  /** The URL that clients connect to. */
  get url() {
    return `ws://${this.address}`;
  }

  /**
   * Starts the process, and waits until it answers.
   *
   * @param {string} origin of the pages that may connect
   * @param {string[]} options
   */
  async start(origin, ...options) {
    const args = ['serve', '--data', this.data, '--listen', this.address, '--origin', origin, ...options];
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#log = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (this.#log += text));
    await until('the server answers', async () => {
      assert.equal(child.exitCode, null, `the server ended:\n${this.#log}`);
      return fetch(`http://${this.address}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    });
  }

  /** Kills the process, as when the machine fails. */
  async kill() {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /**
   * Replaces a document by another one that has one row.
   *
   * @param {string} document
   * @param {string} table
   * @param {string} row
   */
  async replace(document, table, row) {
    const other = `${document} of another`;
    const commit = JSON.stringify({ ops: [{ insert: table, row, cells: {} }] });
    await this.#request('POST', `/v1/docs/${encodeURIComponent(other)}/commit`, commit);
    const saved = await this.#request('GET', `/v1/docs/${encodeURIComponent(other)}`);
    await this.#request('POST', `/v1/admin/docs/${encodeURIComponent(document)}/import`, await saved.arrayBuffer());
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {BodyInit} [body]
   */
  async #request(method, path, body) {
    const response = await fetch(`http://${this.address}${path}`, { method, body });
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
    return response;
  }

  /**
   * Returns the rows of a table as the server has them.
   *
   * @param {string} document
   * @param {string} table
   * @returns {Promise<string[]>} their ids
   */
  async rows(document, table) {
    const url = `http://${this.address}/v1/docs/${encodeURIComponent(document)}/tables/${table}`;
    const response = await fetch(url, { headers: { accept: 'application/x-ndjson' } });
    if (!response.ok) return [];
    const lines = (await response.text()).split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line).row);
  }
}

/** @returns {Promise<string>} an address of this machine where nothing listens */
export async function freeAddress() {
  const socket = createServer().listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (socket.address());
  socket.close();
  await once(socket, 'close');
  return `127.0.0.1:${port}`;
}

/**
 * Runs the program with other arguments.
 *
 * @param {string[]} args
 */
export async function converge(...args) {
  await promisify(execFile)(program, args);
}
