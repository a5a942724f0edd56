// The output and the exit codes of the programs.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { patch } from '../scripts/patch.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), 'converge-'));
after(() => rm(scratch, { recursive: true }));

/** @param {string[]} args */
function replay(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/replay.js', ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/**
 * @param {string} name
 * @param {string} text
 */
async function file(name, text) {
  const path = join(scratch, name);
  await writeFile(path, gzipSync(text));
  return path;
}

const small = await file(
  'small.history.tsv.gz',
  [
    'C\tann\t1\t',
    'I\ta\\tb\\\\\\n\tby=x=y\tmodified=-5',
    'I\tz\tby=ann',
    'C\tben\t2\t0',
    'U\tz\tby=ben',
    'C\tann\t2\t0',
    'U\tz\tmodified=7',
    'D\tnix',
    'C\tann\t3\t1,2',
    '',
  ].join('\n'),
);
const expected = await file('small.expected.tsv.gz', 'a\\tb\\\\\\n\tby=x=y\tmodified=-5\nz\tby=ben\tmodified=7\n');

test('replay prints the result of a history', () => {
  const { status, stdout, stderr } = replay(
    small,
    '--expect',
    expected,
    '--order',
    'shuffle:7',
    '--batch',
    '3',
    '--head',
    '5',
  );
  assert.equal(stderr, '');
  assert.match(
    stdout,
    new RegExp(
      [
        '^history   small\\.history\\.tsv\\.gz',
        'order     shuffle:7, 3 per call',
        'events    4',
        'peers     2',
        'waiting   0',
        'rows      2',
        'digest    [0-9a-f]{64}',
        'speed     [0-9]+ events/s',
        'expected  2 rows agree',
        '',
        'a\\\\tb\\\\\\\\\\\\n\tby=x=y\tmodified=-5',
        'z\tby=ben\tmodified=7\n$',
      ].join('\n'),
    ),
  );
  assert.equal(status, 0);
});

test('replay reads uncompressed files', async () => {
  const path = join(scratch, 'plain.tsv');
  await writeFile(path, gunzipSync(await readFile(small)));
  assert.equal(/digest.*/.exec(replay(path).stdout)?.[0], /digest.*/.exec(replay(small).stdout)?.[0]);
});

test('replay without --expect and --head prints eight lines', () => {
  const { status, stdout } = replay(small);
  assert.equal(stdout.split('\n').length, 9);
  assert.equal(stdout.includes('expected'), false);
  assert.equal(status, 0);
});

test('replay shows progress on stderr if asked to', () => {
  const { stderr, stdout } = replay(small, '--progress');
  // Every 50 ms, so a slow machine prints several lines.
  assert.match(stderr, /^(\rsmall\.history\.tsv\.gz [123]\/4)*\rsmall\.history\.tsv\.gz 4\/4\n$/);
  assert.equal(stdout, replay(small).stdout.replace(/speed.*/, /speed.*/.exec(stdout)?.[0] ?? ''));
});

test('replay fails if rows differ, and prints at most ten differences', async () => {
  const other = await file('other.expected.tsv.gz', 'y\tby=ann\nz\tby=ann\tmodified=7\n');
  const { status, stdout, stderr } = replay(small, '--expect', other);
  assert.equal(status, 1);
  assert.match(stdout, /^expected  3 rows differ$/m);
  assert.equal(
    stderr,
    [
      'differs  a\\tb\\\\\\n  exists, expected none',
      'differs  z  is by=ben\tmodified=7, expected by=ann\tmodified=7',
      'differs  y  is missing\n',
    ].join('\n'),
  );
  const many = await file('many.expected.tsv.gz', Array.from({ length: 20 }, (_, i) => `f${i}\tby=x\n`).join(''));
  assert.equal(replay(small, '--expect', many).stderr.match(/^differs  /gm)?.length, 10);
});

test('replay rejects invalid arguments with exit code 2', () => {
  for (const args of [
    [],
    [small, small],
    [small, '--order', 'sorted'],
    [small, '--order', 'shuffle:x'],
    [small, '--batch', '0'],
    [small, '--batch', 'x'],
    [small, '--head', '-1'],
    [small, '--nix'],
    [small, '--expect'],
  ]) {
    const { status, stdout, stderr } = replay(...args);
    assert.deepEqual({ args, status, stdout }, { args, status: 2, stdout: '' });
    assert.match(stderr, /^usage: replay HISTORY\.tsv\.gz/);
  }
});

test('replay reports errors in a file', async () => {
  for (const [text, message] of /** @type {const} */ ([
    ['C\tann\t1\t\nX\n', /, line 2: the line begins with "X", not with C, I, U or D/],
    ['C\tann\t1\t\nC\tann\t2\t5\n', /, line 2: event 5 does not precede this event/],
    ['C\tann\t1\t\nI\tr\tby\n', /, line 2: "by" does not have the form column=value/],
    ['C\tann\t1\t\nI\tr\tmodified=x\n', /, line 2: "x" is not an integer/],
    ['C\tann\tx\t\n', /, line 1: "x" is not an integer from 0/],
    ['C\tann\t1\n', /, line 1: the line has 3 fields; 4 are required/],
    ['I\tr\n', /, line 1: this operation precedes the first event/],
  ])) {
    const { status, stderr } = replay(await file('bad.tsv.gz', text));
    assert.equal(status, 1);
    assert.match(stderr, message);
  }
  assert.match(replay(join(scratch, 'nix')).stderr, /nix: ENOENT/);
  assert.equal(replay(join(scratch, 'nix')).status, 1);
});

test('replay fails if the engine rejects an event', async () => {
  const { status, stderr } = replay(await file('wrong.tsv.gz', 'C\tann\t2\t\nI\tr\n'));
  assert.equal(status, 1);
  assert.match(stderr, /^replay: run 0 \(peer "ann", from event 0\): its lamport time is 2/);
});

test('README.md has the sizes', async () => {
  const printed = spawnSync(process.execPath, ['scripts/size.js'], { cwd: root, encoding: 'utf8' }).stdout;
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  for (const name of ['converge.min.js', 'converge.core.wasm', 'packed.js']) {
    const measured = new RegExp(`^${name} +(\\d+) +(\\d+) +(\\d+)$`, 'm').exec(printed)?.slice(1).map(Number) ?? [];
    const row = new RegExp(`^\\| \`${name}\`: [^|]* \\| (.*) \\|$`, 'm').exec(readme)?.[1] ?? '';
    const documented = row.replaceAll(',', '').split(' | ').map(Number);
    assert.equal(measured.length, 3);
    for (const [i, bytes] of measured.entries()) {
      assert.ok(
        Math.abs((documented[i] ?? 0) / bytes - 1) < 0.05,
        `${name}: README.md has ${documented}, npm run size prints ${measured}`,
      );
    }
  }
});

test('known glue is patched, and unknown glue is an error', () => {
  const parts = [
    'let dv = new DataView(new ArrayBuffer());\n  const dataView = mem => dv.buffer === mem.buffer ? dv : dv = new DataView(mem.buffer);',
    'function _utf8AllocateAndEncode(s, realloc, memory) {\n  const res = { ptr, len, codepoints };\n  return res;\n}',
    'const _debugLog = (...args) => {\n  if (!globalThis?.process?.env?.JCO_DEBUG) { return; }\n  console.debug(...args);\n};',
    'const TEXT_DECODER_UTF8 = new TextDecoder();',
    'realloc0 = exports1.cabi_realloc;',
    'return { unregister () {} };',
    'function createNewCurrentTask(args) {}',
    'function _withGlobalCurrentTaskMeta(args) {}',
    'function getOrCreateAsyncState(componentIdx, init) {}',
  ];
  const text = 'var result0 = TEXT_DECODER_UTF8.decode(new Uint8Array(memory0.buffer, ptr0, len0));';
  const suspending =
    "try {\n  f0Async = WebAssembly.promising(exports1['f']);\n} catch(err) {\n  f0Async = exports1['f'];\n}";
  const glue = [...parts, text, suspending, suspending].join('\n');
  for (const part of parts) {
    assert.equal(patch(glue).includes(part), false);
    assert.throws(() => patch(glue.replace(part, '')), /^Error: cannot patch .*: jco's glue has 0 such places/);
    assert.throws(() => patch(`${glue}\n${part}`), /^Error: cannot patch .*: jco's glue has 2 such places/);
  }
  assert.equal(patch(glue).split("f0Async = exports1['f'];").length, 3);
  const form = /decodes text in an unknown form/;
  assert.throws(() => patch(glue.replace(text, '')), form);
  assert.throws(() => patch(`${glue}\nTEXT_DECODER_UTF8.decode(new Uint8Array(memory1.buffer, ptr0, len0))`), form);
  assert.throws(() => patch(`${glue}\nf = WebAssembly.promising(g)`), /calls WebAssembly.promising in an unknown form/);
  assert.throws(() => patch(`${glue}\nprocess.env.X`), /still reads process/);
  assert.throws(() => patch(`${glue}\nf({ isAsync: true })`), /asynchronous function/);
});

test('the built glue creates an engine without using missing features of the platform', async () => {
  const glue = await readFile(join(root, 'dist/glue.js'), 'utf8');
  assert.doesNotMatch(glue, /promising|process/);
});
