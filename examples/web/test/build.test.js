import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildPage } from '../build.js';

const PACKAGE = '../../host-js/';
const root = fileURLToPath(new URL('../../..', import.meta.url));

const dist = new URL('../dist/', import.meta.url);

test('the page has files with names that do not change, and uses files of the tarball only', async () => {
  const sources = await buildPage();
  const names = readdirSync(dist).sort();
  assert.deepEqual(names, ['board.js', 'converge.core.wasm', 'icon.svg', 'index.html', 'style.css', 'worker.js']);
  const used = sources.filter((path) => path.startsWith(PACKAGE)).map((path) => path.slice(PACKAGE.length));
  const args = ['pack', '--dry-run', '--json', '--workspace', 'host-js'];
  const packed = Object.values(JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' })));
  const files = new Set(packed[0].files.map((/** @type {{ path: string }} */ { path }) => path));
  assert.ok(used.length > 0);
  assert.deepEqual(
    used.filter((path) => !files.has(path)),
    [],
  );
  assert.ok(files.has('dist/converge.core.wasm'));
});

test('the worker keeps all files of the page', async () => {
  await buildPage();
  const worker = readFileSync(new URL('worker.js', dist), 'utf8');
  const names = readdirSync(dist).filter((name) => name !== 'index.html' && name !== 'worker.js');
  assert.deepEqual(
    names.filter((name) => !worker.includes(`"${name}"`)),
    [],
  );
  assert.ok(worker.includes('"./"'));
});
