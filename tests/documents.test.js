// Checks the documents: links, recipes, paths, code, limits, and the wording of documents, WIT and comments.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { open } from '../host-js/src/node.js';
import { Server } from '../host-js/test/client/rig.js';
import { LIMIT_NAMES, NOT_IN_STRINGS, PHRASES } from './phrases.js';
import { hasProse, isSource, paragraphs, proseOf, stringsOf } from './prose.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (/** @type {string} */ path) => readFileSync(join(root, path), 'utf8');
const MADE = ['.git', 'dist', 'node_modules', 'target'];
const sources = files('').filter((path) => path !== 'tests/phrases.js');
const documents = sources.filter((path) => path.endsWith('.md'));
const blocks = (/** @type {string} */ path, /** @type {string} */ language) =>
  [...read(path).matchAll(/^```(\w+)\n(.*?)^```/gms)].filter((match) => match[1] === language).map((match) => match[2]);

/** The maximum width of a line of prose, in characters. */
const MAX_PROSE_WIDTH = 100;

/**
 * Returns the files below a folder that contain prose, except those that are installed or
 * generated.
 *
 * @type {(folder: string) => string[]}
 */
function files(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return MADE.includes(entry.name) ? [] : files(path);
    return entry.isFile() && hasProse(path) ? [path] : [];
  });
}

/**
 * Returns the phrases of a file that are not plain English, as `PATH:LINE: …`.
 *
 * @type {(path: string, text: string) => string[]}
 */
function wordingOf(path, text) {
  /** @type {(text: string, lineAt: (index: number) => number, phrases: typeof PHRASES) => string[]} */
  const find = (text, lineAt, phrases) =>
    phrases.flatMap(([phrase, , instead]) =>
      [...text.matchAll(new RegExp(phrase, `g${phrase.flags}`))].map(
        ({ 0: found, index }) => `${path}:${lineAt(index)}: "${found.trim()}"; write: ${instead}`,
      ),
    );
  const inStrings = PHRASES.filter(([phrase]) => !NOT_IN_STRINGS.includes(phrase));
  const names = isSource(path) ? [...text.matchAll(LIMIT_NAMES)] : [];
  return [
    ...paragraphs(proseOf(path, text)).flatMap(({ text, lineAt }) => find(text, lineAt, PHRASES)),
    ...stringsOf(path, text).flatMap(({ line, text }) => find(text, () => line, inStrings)),
    ...names.map(
      ({ 0: found, index }) => `${path}:${text.slice(0, index).split('\n').length}: ${found}; write: max_ or min_`,
    ),
  ];
}

/**
 * Returns the lines of prose in a file that are too wide, as `PATH:LINE: …`. Tables and code are
 * not prose.
 *
 * @type {(path: string, text: string) => string[]}
 */
function wideLinesOf(path, text) {
  const isComment = !path.endsWith('.md');
  const lines = text.split('\n');
  const width = (/** @type {{ line: number }} */ { line }) => [...lines[line - 1]].length;
  const wide = proseOf(path, text).filter((line) => width(line) > MAX_PROSE_WIDTH && (!isComment || line.isDoc));
  return wide
    .filter(({ line, isTable }) => !isTable && !/^\s*(?:\/\*)?\*+ (?:@\w+|  )/.test(lines[line - 1]))
    .map((line) => `${path}:${line.line}: ${width(line)} characters`);
}

test('documents are found', () => assert.ok(documents.includes('README.md') && documents.length > 5, documents.join()));

for (const path of documents) {
  test(`${path}: the targets of links exist`, () => {
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
        assert.ok(headings.includes(anchor), `${link}: the heading does not exist`);
      }
    }
  });

  test(`${path}: recipes exist`, () => {
    const recipes = new Set(
      [...read('justfile').matchAll(/^([a-z][a-z-]*)(?: [^:\n]*)?:(?!=)/gm)].map((match) => match[1]),
    );
    assert.ok(recipes.has('demo') && recipes.has('seeds'));
    const named = [...read(path).matchAll(/(?:rust-just|`just) ([a-z][a-z-]*)/g)].map((match) => match[1]);
    for (const recipe of named) assert.ok(recipes.has(recipe), `the recipe ${recipe} does not exist`);
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

/**
 * Runs code as a user of the package and returns what it prints.
 *
 * @param {string} code
 */
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

test('docs/guide/javascript.md: the code runs as one program', async (t) => {
  const server = await Server.start(t);
  const code = blocks('docs/guide/javascript.md', 'js').join('\n');
  const printed = run(code.replace('http://127.0.0.1:4747', server.url));
  assert.equal(await server.rows('guide'), 1);
  const expected = [
    't1 Write the minutes',
    'Cook, Eat',
    'update t2 { done: true }',
    'Today: Water the 🌵!',
    'insert t9',
    'true',
    'true true',
    'tasks/t1',
    '10',
    'Archive them',
    'Tomorrow: Water the 🌵!',
    'Tomorrow: Water the flowers',
    "update { title: 'Burn them' }",
    '',
  ];
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
  const contract = ['durable', 'ephemeral', 'ordering', 'session', 'texts']
    .map((name) => read(`wit/${name}.wit`))
    .join('\n');
  const functions = [...contract.matchAll(/^ +([a-z-]+): (?:static )?func/gm)].map((match) => match[1]);
  assert.ok(functions.length > 30);
  for (const name of functions) assert.ok(read('CHANGELOG.md').includes(`\`${name}\``), name);
});

test('the patterns of PHRASES match their examples, in every kind of file', () => {
  for (const [phrase, example] of PHRASES) {
    const words = example.split(' ');
    const [first, last] = [words.slice(0, -2).join(' '), words.slice(-2).join(' ')];
    for (const [path, text] of [
      ['x.md', `${example}\n`],
      ['x.md', `${first}\n${last}\n`],
      ['x.wit', `    /// ${first}\n    /// ${last}\n`],
      ['x.rs', `//! ${example}\n`],
      ['x.rs', `let x = 1; // ${example}\n`],
      ['x.js', `/**\n * ${first}\n * ${last}\n */\n`],
      ['x.js', `/** ${example} */\n`],
    ]) {
      assert.equal(wordingOf(path, text).length, 1, `${phrase}: ${text}`);
    }
    assert.equal(wordingOf('x.md', `\`\`\`\n${example}\n\`\`\`\n`).length, 0);
    assert.equal(wordingOf('x.rs', `"${example}"`).length, NOT_IN_STRINGS.includes(phrase) ? 0 : 1, `${phrase}`);
  }
  assert.equal(wordingOf('x.rs', `const ${'MOST'}_BYTES: usize = at_most_one;`).length, 1);
  const wide = 'x'.repeat(MAX_PROSE_WIDTH);
  for (const [path, text] of [
    ['x.md', wide],
    ['x.rs', `/// ${wide}`],
    ['x.wit', `/// ${wide}`],
    ['x.js', `/** ${wide} */`],
  ]) {
    assert.equal(wideLinesOf(path, text.slice(0, MAX_PROSE_WIDTH)).length, 0);
    assert.equal(wideLinesOf(path, `${text}x`).length, 1, path);
  }
});

test('the sizes in the README of the package are those of the built files, within 1 %', () => {
  const rows = [...read('host-js/README.md').matchAll(/^\| `([\w.]+)`: [^|]+\| ([\d,]+) \|/gm)];
  assert.equal(rows.length, 3);
  for (const [, name, bytes] of rows) {
    const actual = statSync(join(root, 'host-js/dist', name)).size;
    const written = Number(bytes.replaceAll(',', ''));
    assert.ok(Math.abs(written / actual - 1) < 0.01, `${name} has ${actual} bytes, not ${bytes}; see \`npm run size\``);
  }
});

test('documents, WIT, comments and messages are plain English', () => checkNone(wordingOf));

test(`prose lines have at most ${MAX_PROSE_WIDTH} characters`, () => checkNone(wideLinesOf));

/**
 * Checks that a search finds nothing in any source.
 *
 * @param {(path: string, text: string) => string[]} search
 */
function checkNone(search) {
  const found = sources.flatMap((path) => search(path, read(path)));
  assert.ok(found.length === 0, `${found.length} findings\n${found.join('\n')}`);
}
