// The server for the checks of the client: one process for all projects, started for the first one.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './project.js';

const program = fileURLToPath(new URL('../../target/release/converge', import.meta.url));
const READY_MS = 60_000;
const POLL_MS = 50;

/** Whether the program was built. */
export const hasServer = existsSync(program);

export class DocumentServer {
  /** @type {Promise<string> | undefined} */
  #started;
  /** @type {(() => Promise<void>) | undefined} */
  #stop;

  /** @returns {Promise<string>} the URL, once the server answers */
  url() {
    return (this.#started ??= this.#start());
  }

  async #start() {
    const data = await mkdtemp(join(tmpdir(), 'converge-platforms-server-'));
    const address = `127.0.0.1:${await freePort()}`;
    // The pages of the projects have origins of their own.
    const args = ['serve', '--data', data, '--listen', address, '--origin', '*'];
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
    const ended = new Promise((resolve) => child.once('exit', resolve).once('error', resolve));
    this.#stop = async () => {
      child.kill('SIGKILL');
      await ended;
      await rm(data, { recursive: true, force: true });
    };
    const url = `http://${address}`;
    const answers = () =>
      fetch(`${url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    const start = Date.now();
    while (!(await answers())) {
      if (child.exitCode !== null || Date.now() - start > READY_MS) {
        throw new Error(`converge serve does not answer:\n${output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return url;
  }

  async close() {
    await this.#started?.catch(() => {});
    await this.#stop?.();
  }
}
