// Runs the suite on platforms, with the package as users install it, and prints a table:
//
//   node run.js [--some | NAME…]        all platforms, those that are cheap to install, or the named ones

import { execFileSync } from 'node:child_process';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Browser, findChromium } from './browser.js';
import { Project } from './project.js';
import { DocumentServer, hasServer } from './server.js';
import { suite } from './sources/suite.js';

/**
 * The number of platforms that are installed at the same time, and that are tested at the same
 * time. Installing mostly waits for the network, testing mostly computes.
 */
const INSTALLS = 4;
const TESTS = 2;
const NO_BROWSER = 'no Chromium is installed, and $CHROMIUM names none';
const NO_SERVER = 'target/release/converge is not built';

const root = fileURLToPath(new URL('../..', import.meta.url));
// Outside of the repository, so that no project finds the packages that the repository uses.
const target = join(tmpdir(), `converge-platforms${root.replaceAll(/[^a-z0-9]+/gi, '-')}`);
const named = process.argv.slice(2);

const documents = new DocumentServer();
const shared = {
  root,
  tarball: await pack(),
  digest: await suite(await import('../../host-js/src/node.js')),
  browser: new Browser(),
  server: () => documents.url(),
};
const hasBrowser = findChromium() !== undefined;
const installs = limit(INSTALLS);
const tests = limit(TESTS);
const platforms = await choose();
const rows = (
  await Promise.all(
    platforms.map(async (platform) => {
      const tested = await testPlatform(platform);
      console.error(`${platform.title}: ${tested.map(({ row }) => row[3]).join(', ')}`);
      return tested;
    }),
  )
).flat();
await shared.browser.close();
await documents.close();

print(['platform', 'version', 'check', 'result', 'seconds'], ['-', '-', '-', '-', '-:'], ...rows.map(({ row }) => row));
for (const { row, failure } of rows.filter(({ failure }) => failure)) {
  console.log(`\n${row[0]}, ${row[2]}: ${failure.message ?? failure}`);
}
const count = (/** @type {string} */ result) => rows.filter(({ row }) => row[3] === result).length;
const skipped = count('left out');
for (const reason of new Set(rows.flatMap(({ reason }) => reason ?? []))) console.log(`\nLeft out: ${reason}.`);
console.log(`\n${count('passed')} passed, ${count('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = rows.length === 0 || count('failed') > 0 ? 1 : 0;

/** @returns {Promise<string>} the path of the package's tarball */
async function pack() {
  await mkdir(target, { recursive: true });
  const args = ['pack', '--silent', '--pack-destination', target];
  const name = execFileSync('npm', args, { cwd: join(root, 'host-js'), encoding: 'utf8' }).trim();
  return join(target, name);
}

async function choose() {
  const names = await readdir(new URL('projects', import.meta.url));
  const all = await Promise.all(
    names.sort().map(async (name) => ({ name, ...(await import(`./projects/${name}/platform.mjs`)).default })),
  );
  const unknown = named.filter((name) => name !== '--some' && !names.includes(name));
  if (unknown.length > 0)
    throw new Error(`unknown platform ${unknown.join(', ')}; the platforms are ${names.join(', ')}`);
  if (named.includes('--some')) return all.filter(({ isCheap }) => isCheap);
  return named.length > 0 ? all.filter(({ name }) => named.includes(name)) : all;
}

/**
 * @param {{ name: string, title: string, tool?: string, version?: (project: Project) =>
 *   Promise<string>, leftOut?: string, checks: Record<string,
 *   { needsBrowser?: boolean, needsServer?: boolean, test: (project: Project) => Promise<void> }> }} platform
 */
async function testPlatform({ name, title, tool, version, leftOut, checks }) {
  if (leftOut) return [{ row: [title, '', 'all', 'left out', ''], reason: `${title}: ${leftOut}` }];
  const project = new Project(name, join(target, name), shared);
  const installed = await installs(() => timed(() => project.install()));
  if (installed.failure) return [{ row: [title, '', 'install', 'failed', installed.seconds], ...installed }];
  return tests(async () => {
    const rows = [];
    const shown = tool
      ? JSON.parse(await readFile(join(project.folder, 'node_modules', tool, 'package.json'), 'utf8')).version
      : ((await version?.(project)) ?? '');
    for (const [check, { needsBrowser = false, needsServer = false, test }] of Object.entries(checks)) {
      const missing = needsBrowser && !hasBrowser ? NO_BROWSER : needsServer && !hasServer ? NO_SERVER : undefined;
      if (missing !== undefined && process.env.CI !== 'true') {
        rows.push({ row: [title, shown, check, 'left out', ''], reason: missing });
        continue;
      }
      const { failure, seconds } = await timed(async () => {
        try {
          if (missing !== undefined) throw new Error(missing);
          await test(project);
        } finally {
          await project.close();
        }
      });
      rows.push({ row: [title, shown, check, failure ? 'failed' : 'passed', seconds], failure });
    }
    return rows;
  });
}

/** @param {() => Promise<void>} work */
async function timed(work) {
  const start = performance.now();
  const failure = await work().then(
    () => undefined,
    (error) => error ?? new Error('an unknown error'),
  );
  return { failure, seconds: ((performance.now() - start) / 1000).toFixed(1) };
}

/** @type {(max: number) => <T>(work: () => Promise<T>) => Promise<T>} runs at most `max` functions at a time */
function limit(max) {
  let running = 0;
  const waiting = /** @type {((value?: unknown) => void)[]} */ ([]);
  return async (work) => {
    if (running === max) await new Promise((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      if (waiting.length > 0) waiting.shift()?.();
      else running--;
    }
  };
}

/**
 * Prints rows as a Markdown table.
 *
 * @param {string[][]} table
 */
function print(...table) {
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  for (const row of table) {
    const cells = row.map((cell, column) =>
      /^-/.test(cell) ? cell.padStart(widths[column], '-') : cell.padEnd(widths[column]),
    );
    console.log(`| ${cells.join(' | ')} |`);
  }
}
