// The documents say what is so: links lead somewhere, recipes exist, code runs, the table of limits is the engine's.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { open } from '../host-js/src/node.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path) => readFileSync(join(root, path), 'utf8');
const MADE = ['.git', 'dist', 'node_modules', 'target'];
const documents = markdown('');
const blocks = (path, language) =>
  [...read(path).matchAll(/^```(\w+)\n(.*?)^```/gms)].filter((match) => match[1] === language).map((match) => match[2]);

/** The Markdown files below a folder, except what is installed or made. */
function markdown(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return MADE.includes(entry.name) ? [] : markdown(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

test('there are documents', () => assert.ok(documents.includes('README.md') && documents.length > 5, documents.join()));

for (const path of documents) {
  test(`${path}: links lead somewhere`, () => {
    const links = [...read(path).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]);
    for (const link of links.filter((link) => !/^https?:/.test(link))) {
      const [file, anchor] = link.split('#');
      const target = file ? resolve(root, dirname(path), file) : join(root, path);
      assert.ok(existsSync(target), `${link} does not exist`);
      if (anchor) {
        const headings = [...readFileSync(target, 'utf8').matchAll(/^#+ (.*)$/gm)].map((match) =>
          match[1]
            .toLowerCase()
            .replace(/[^\p{L}\p{N} -]/gu, '')
            .replaceAll(' ', '-'),
        );
        assert.ok(headings.includes(anchor), `${link}: no such heading`);
      }
    }
  });

  test(`${path}: recipes exist`, () => {
    const recipes = new Set(
      [...read('justfile').matchAll(/^([a-z][a-z-]*)(?: [^:\n]*)?:(?!=)/gm)].map((match) => match[1]),
    );
    assert.ok(recipes.has('demo') && recipes.has('seeds'));
    const named = [...read(path).matchAll(/(?:rust-just|`just) ([a-z][a-z-]*)/g)].map((match) => match[1]);
    for (const recipe of named) assert.ok(recipes.has(recipe), `no recipe ${recipe}`);
  });

  test(`${path}: paths of the repository exist`, () => {
    const quoted = [...read(path).matchAll(/`((?:component|host-rs|host-js|tests|docs|wit|benches)\/[\w./-]*)`/g)];
    for (const [, quotedPath] of quoted) {
      const isMade = /^host-js\/dist/.test(quotedPath);
      assert.ok(
        isMade || [root, join(root, dirname(path))].some((base) => existsSync(join(base, quotedPath))),
        quotedPath,
      );
    }
  });
}

/** Runs code as a user of the package and returns what it prints. */
function run(code) {
  const folder = join(root, 'host-js/dist/documents');
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(join(folder, 'example.mjs'), code);
    return execFileSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('README.md: the JavaScript runs', () => {
  const [code] = blocks('README.md', 'js');
  assert.match(run(code), /age: 31.*name: 'Alicia'.* true/s);
});

test('docs/guide/javascript.md: the code runs as one program', () => {
  const printed = run(blocks('docs/guide/javascript.md', 'js').join('\n'));
  const expected = ['t1 Write the minutes', 'update t2 { done: true }', 'true', 'true true', '1', 'Archive them', ''];
  assert.equal(printed, expected.join('\n'));
});

test('docs/limits.md lists the limits of the engine', async () => {
  const engine = await open();
  const rows = [...read('docs/limits.md').matchAll(/^\| `([a-z-]+)`(?: \*)? \| ([\d,]+) \|/gm)];
  const documented = rows.map((row) => [row[1], BigInt(row[2].replaceAll(',', ''))]);
  assert.deepEqual(
    documented,
    engine.limits().map(({ name, maximum }) => [name, maximum]),
  );
});

test('docs/guide/wac.md shows the file that its command composes', () =>
  assert.deepEqual(blocks('docs/guide/wac.md', 'wac'), [read('examples/guard/guard.wac')]));

test('CHANGELOG.md names every function of the contract', () => {
  const contract = ['durable', 'ephemeral', 'session'].map((name) => read(`wit/${name}.wit`)).join('\n');
  const functions = [...contract.matchAll(/^ +([a-z-]+): (?:static )?func/gm)].map((match) => match[1]);
  assert.ok(functions.length > 30);
  for (const name of functions) assert.ok(read('CHANGELOG.md').includes(`\`${name}\``), name);
});
