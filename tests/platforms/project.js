// A user's project, made from projects/NAME, with the tools in its lockfile and the tarball.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createSocket } from 'node:net';
import { delimiter, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
/** The timeouts of programs, and of servers until their first answer. */
const RUN_MS = 300_000;
const READY_MS = 60_000;
const READY_POLL_MS = 100;
/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/**
 * The argument of a check: the project's folder, with functions that run programs, servers and
 * pages in it.
 */
export class Project {
  /** @type {(() => void | Promise<void>)[]} */
  #closing = [];
  #server;

  /**
   * @param {string} name
   * @param {string} folder
   * @param {{ root: string, tarball: string, digest: string, browser: import('./browser.js').Browser,
   *   server: () => Promise<string> }} shared
   */
  constructor(name, folder, shared) {
    this.name = name;
    this.folder = folder;
    this.root = shared.root;
    this.digest = shared.digest;
    this.tarball = shared.tarball;
    this.browser = shared.browser;
    this.#server = shared.server;
  }

  /**
   * Copies the shared sources and the sources of this project, and installs its packages. Packages
   * from a former run are reused if the lockfile has not changed.
   */
  async install() {
    await mkdir(this.folder, { recursive: true });
    const source = join(here, 'projects', this.name);
    const locked = await readFile(join(source, 'package-lock.json'), 'utf8').catch(() => '');
    const before = await readFile(join(this.folder, 'package-lock.json'), 'utf8').catch(() => undefined);
    for (const file of await readdir(this.folder)) {
      if (file !== 'node_modules') await rm(join(this.folder, file), { recursive: true });
    }
    await cp(join(here, 'sources'), this.folder, { recursive: true });
    await cp(source, this.folder, { recursive: true });
    const suite = (await this.read('suite.js')).replace(/^export /gm, '');
    await this.write('suite.cjs', `${suite}\nmodule.exports = { suite };\n`);
    const options = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
    const npm = (/** @type {string[]} */ ...args) =>
      this.#execute('npm', [...args, ...options], { PATH: process.env.PATH });
    const isInstalled = locked === before && existsSync(join(this.folder, 'node_modules/.package-lock.json'));
    if (locked !== '' && !isInstalled) await npm('ci');
    await npm('install', '--no-save', '--no-package-lock', '--ignore-scripts', this.tarball);
    assert.ok(existsSync(join(this.folder, 'node_modules/@converge/sync/package.json')));
  }

  /**
   * Runs a program of the project or of the machine.
   *
   * @param {string} program
   * @param {string[]} args
   * @returns {Promise<string>} its standard output
   */
  run(program, ...args) {
    return this.#execute(program, args, {});
  }

  /**
   * Runs a program that prints the result of the suite, and checks the result.
   *
   * @param {string} program
   * @param {string[]} args
   */
  async runSuite(program, ...args) {
    this.passed(await this.run(program, ...args));
  }

  /**
   * Like `run`, with more variables in the environment.
   *
   * @param {NodeJS.ProcessEnv} env
   * @param {string} program
   * @param {string[]} args
   */
  runWith(env, program, ...args) {
    return this.#execute(program, args, env);
  }

  /** @type {(program: string, args: string[], env: NodeJS.ProcessEnv) => Promise<string>} */
  #execute(program, args, env) {
    const options = { cwd: this.folder, env: this.#env(env), maxBuffer: MAX_OUTPUT_BYTES, timeout: RUN_MS };
    return new Promise((resolve, reject) =>
      execFile(program, args, options, (error, stdout, stderr) =>
        error
          ? reject(new Error(`${[program, ...args].join(' ')}: ${error.message}\n${stdout}\n${stderr}`))
          : resolve(stdout),
      ),
    );
  }

  /** @param {NodeJS.ProcessEnv} more */
  #env(more) {
    const { NODE_OPTIONS, NODE_TEST_CONTEXT, ...rest } = process.env;
    const path = [join(this.folder, 'node_modules/.bin'), process.env.PATH].join(delimiter);
    return { ...rest, PATH: path, CI: 'true', NO_COLOR: '1', FORCE_COLOR: '0', ...more };
  }

  /**
   * Checks that an output contains the result of the suite.
   *
   * @param {string} output
   */
  passed(output) {
    assert.ok(output.includes(`converge ${this.digest}`), `the suite did not pass:\n${output}`);
  }

  /**
   * Reads a file of the project.
   *
   * @param {string} file
   */
  read(file) {
    return readFile(join(this.folder, file), 'utf8');
  }

  /**
   * Writes a file of the project.
   *
   * @param {string} file
   * @param {string} content
   */
  write(file, content) {
    return writeFile(join(this.folder, file), content);
  }

  /**
   * Serves a folder of the project.
   *
   * @param {string} folder
   * @param {Record<string, string>} [headers]
   * @returns {Promise<string>} its URL, with a slash at the end
   */
  async serve(folder, headers = {}) {
    const server = createServer(async ({ url = '/' }, response) => {
      const { pathname } = new URL(url, 'http://localhost');
      const file = pathname.endsWith('/') ? `${pathname}index.html` : pathname;
      try {
        const content = await readFile(join(this.folder, folder, file));
        response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'text/plain', ...headers }).end(content);
      } catch {
        response.writeHead(404).end();
      }
    });
    const port = await listen(server);
    this.#closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${port}/`;
  }

  /**
   * Starts a server of the project's tools, and stops it after the check.
   *
   * @param {(port: string) => string[]} command the program and its arguments
   * @returns {Promise<string>} its URL, with a slash at the end, once it answers
   */
  async start(command) {
    const port = await freePort();
    const [program, ...args] = command(String(port));
    await this.startAt(port, program, ...args);
    return `http://127.0.0.1:${port}/`;
  }

  /**
   * Starts a server that listens on a port, and waits until it answers. The server is stopped after
   * the check.
   *
   * @param {number} port
   * @param {string} program
   * @param {string[]} args
   * @returns {Promise<() => Promise<void>>} a function that stops it before
   */
  async startAt(port, program, ...args) {
    // Start a process group, because tools start further processes.
    const child = spawn(program, args, { cwd: this.folder, env: this.#env({}), detached: true });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
    const ended = new Promise((resolve) => child.once('close', resolve).once('error', resolve));
    let isOver = false;
    ended.then(() => (isOver = true));
    const stop = async () => {
      if (!isOver && child.pid !== undefined) process.kill(-child.pid);
      await ended;
    };
    this.#closing.push(stop);
    const answers = () =>
      fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      );
    const start = Date.now();
    while (!(await answers())) {
      if (isOver || Date.now() - start > READY_MS) throw new Error(`${program} does not answer:\n${output}`);
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
    return stop;
  }

  /**
   * Returns the URL of a server for documents, which all projects share.
   *
   * @returns {Promise<string>}
   */
  server() {
    return this.#server();
  }

  /**
   * Opens a page of the client in Chromium and checks that its suites pass.
   *
   * @param {string} url
   */
  async clientPage(url) {
    await this.page(`${url}?server=${encodeURIComponent(await this.server())}`);
  }

  /**
   * Opens a page in Chromium and checks that the suite passes in it.
   *
   * @param {string} url
   */
  async page(url) {
    this.passed(await this.browser.titleOf(url));
  }

  async close() {
    for (const close of this.#closing.splice(0)) await close();
  }
}

/** @type {(server: import('node:net').Server) => Promise<number>} starts a server and returns its port */
async function listen(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

export async function freePort() {
  const socket = createSocket();
  const port = await listen(socket);
  await new Promise((resolve) => socket.close(resolve));
  return port;
}
