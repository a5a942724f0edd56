// Documents in files: saved documents can be loaded, and a save that is interrupted does not change the file.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  open as openFile,
  readFile,
  readdir,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { loadFile, saveFile } from '../src/files.js';
import { open } from '../src/node.js';

/** @import { TestContext } from 'node:test' */

const engine = await open();
const onWindows = process.platform === 'win32';

/** @param {number} n what the row of the document holds */
function documentOf(n) {
  const doc = engine.create('ann');
  doc.insert('t', 'r', { n });
  return doc;
}

/**
 * Makes a folder for a test. Returns the path of a file in it.
 *
 * @param {TestContext} context
 */
async function scratch(context) {
  const folder = await mkdtemp(join(tmpdir(), 'converge-'));
  context.after(() => rm(folder, { recursive: true }));
  return { folder, path: join(folder, 'notes.converge') };
}

/** @param {string} path */
async function numberIn(path) {
  return (await loadFile(engine, path)).get('t', 'r')?.n;
}

test('a document is saved, saved again and loaded', async (context) => {
  const { folder, path } = await scratch(context);
  const doc = documentOf(1);
  await saveFile(doc, path);
  doc.update('t', 'r', { n: 2 });
  await saveFile(doc, path);
  assert.deepEqual(new Uint8Array(await readFile(path)), doc.save());
  const loaded = await loadFile(engine, path, { peer: 'ann' });
  assert.deepEqual(loaded.update('t', 'r', { n: 3 }), { peer: 'ann', counter: 2 });
  assert.match((await loadFile(engine, path)).peer(), /^[0-9a-f]{32}$/);
  assert.deepEqual(await readdir(folder), ['notes.converge']);
});

test('paths are strings or URLs, relative or not, and documents may be raw', async (context) => {
  const { path } = await scratch(context);
  await saveFile(documentOf(1).raw, pathToFileURL(path));
  assert.equal((await loadFile(engine, pathToFileURL(path))).get('t', 'r')?.n, 1);
  await saveFile(documentOf(2), relative('.', path));
  assert.equal(await numberIn(relative('.', path)), 2);
  for (const wrong of /** @type {any[]} */ ([undefined, 7, null, Buffer.from(path)])) {
    const refusal = { name: 'InvalidArgumentError', message: /^path must be a string, not / };
    await assert.rejects(saveFile(documentOf(3), wrong), refusal);
    await assert.rejects(loadFile(engine, wrong), refusal);
  }
});

test('a missing file and an invalid file cause different errors', async (context) => {
  const { folder, path } = await scratch(context);
  await assert.rejects(loadFile(engine, path), { code: 'ENOENT' });
  await assert.rejects(saveFile(documentOf(1), join(folder, 'nix', 'notes')), { code: 'ENOENT' });
  await writeFile(path, 'notes');
  await assert.rejects(loadFile(engine, path), { name: 'CorruptError' });
  await writeFile(path, '');
  await assert.rejects(loadFile(engine, path), { name: 'CorruptError' });
});

test('a folder is not replaced', async (context) => {
  const { folder, path } = await scratch(context);
  await mkdir(path);
  await assert.rejects(saveFile(documentOf(1), path), {
    name: 'InvalidArgumentError',
    message: /notes\.converge is not a file that can be replaced$/,
  });
  assert.ok((await stat(path)).isDirectory());
  assert.deepEqual(await readdir(folder), ['notes.converge']);
});

test('saving a document that is gone does not change the file', async (context) => {
  const { folder, path } = await scratch(context);
  await saveFile(documentOf(1), path);
  const doc = documentOf(2);
  doc.dispose();
  await assert.rejects(saveFile(doc, path), { name: 'DisposedError' });
  assert.equal(await numberIn(path), 1);
  assert.deepEqual(await readdir(folder), ['notes.converge']);
});

test('a full disk does not change the file', { skip: onWindows && 'needs ulimit' }, async (context) => {
  const { folder, path } = await scratch(context);
  await saveFile(documentOf(1), path);
  const script = `
    import { open } from ${JSON.stringify(new URL('../src/node.js', import.meta.url))};
    import { saveFile } from ${JSON.stringify(new URL('../src/files.js', import.meta.url))};
    const doc = (await open()).create('ben');
    doc.insert('t', 'r', { blob: crypto.getRandomValues(new Uint8Array(50_000)) });
    await saveFile(doc, process.argv[1]).catch(({ code }) => console.log(code));
  `;
  const node = [process.execPath, '--input-type=module', '-e', script, path];
  // Limits files to eight blocks, of 512 bytes or, in some shells, 1,024 bytes.
  const { stdout, stderr } = spawnSync('sh', ['-c', 'ulimit -f 8; exec "$@"', 'sh', ...node], { encoding: 'utf8' });
  assert.equal(stderr + stdout, 'EFBIG\n');
  assert.equal(await numberIn(path), 1);
  assert.deepEqual(await readdir(folder), ['notes.converge']);
});

test('the file is synced before the rename, the folder afterwards', async (context) => {
  const { folder, path } = await scratch(context);
  await saveFile(documentOf(1), path);
  /** @type {unknown[]} */
  const synced = [];
  await withSync(
    async (sync, isFolder) => {
      await sync();
      synced.push([isFolder ? 'folder' : 'file', await numberIn(path), (await readdir(folder)).length]);
    },
    () => saveFile(documentOf(2), path),
  );
  assert.deepEqual(synced, [
    ['file', 1, 2],
    ['folder', 2, 1],
  ]);
});

test('a file that cannot be synced does not replace the old one', async (context) => {
  const { folder, path } = await scratch(context);
  await saveFile(documentOf(1), path);
  const fails = () => Promise.reject(Object.assign(new Error('the disk is broken'), { code: 'EIO' }));
  await withSync(fails, () => assert.rejects(saveFile(documentOf(2), path), { code: 'EIO' }));
  assert.equal(await numberIn(path), 1);
  assert.deepEqual(await readdir(folder), ['notes.converge']);
});

test('syncing a folder fails with a disk error, but not if the platform cannot sync folders', async (context) => {
  const { path } = await scratch(context);
  for (const code of ['EINVAL', 'EPERM', 'EIO']) {
    const save = () => saveFile(documentOf(1), path);
    await withSync(
      async (sync, isFolder) => {
        if (isFolder) throw Object.assign(new Error('not this folder'), { code });
        await sync();
      },
      () => (code === 'EIO' ? assert.rejects(save, { code }) : save()),
    );
    assert.equal(await numberIn(path), 1);
  }
});

test('the last of several concurrent saves wins', async (context) => {
  const { folder, path } = await scratch(context);
  const large = documentOf(0);
  large.insert('t', 'large', { blob: crypto.getRandomValues(new Uint8Array(2 ** 16)) });
  /** @type {() => void} */
  let release = () => {};
  const released = new Promise((resolve) => (release = () => resolve(undefined)));
  await withSync(
    async (sync, isFolder, size) => {
      if (!isFolder && size > 2 ** 16) await released;
      await sync();
    },
    async () => {
      const early = saveFile(large, path);
      const later = [1, 2, 3].map((n) => saveFile(documentOf(n), path));
      await Promise.all(later);
      assert.equal(await numberIn(path), 3);
      release();
      await early;
    },
  );
  assert.equal(await numberIn(path), 3);
  await saveFile(documentOf(4), path);
  assert.equal(await numberIn(path), 4);
  assert.deepEqual(await readdir(folder), ['notes.converge']);
});

test('a save contains the document at the time of the call', async (context) => {
  const { path } = await scratch(context);
  const doc = documentOf(1);
  const saving = saveFile(doc, path);
  doc.update('t', 'r', { n: 2 });
  doc.dispose();
  await saving;
  assert.equal(await numberIn(path), 1);
});

test('a program that is killed while it saves leaves a complete document', async (context) => {
  const { path } = await scratch(context);
  const script = `
    import { randomBytes } from 'node:crypto';
    import { open } from ${JSON.stringify(new URL('../src/node.js', import.meta.url))};
    import { saveFile } from ${JSON.stringify(new URL('../src/files.js', import.meta.url))};
    const doc = (await open()).create('ben');
    doc.insert('t', 'r', { blob: randomBytes(2 ** 20) });
    for (let n = 0; ; n++) {
      doc.insert('t', 'r', { n });
      await saveFile(doc, process.argv[1]);
      if (n === 0) console.log('saved');
    }
  `;
  for (const delay of [0, 5, 10, 20, 40]) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await new Promise((resolve) => setTimeout(resolve, delay));
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(typeof (await numberIn(path)), 'number');
  }
});

test('permissions are kept', { skip: onWindows && 'permissions differ' }, async (context) => {
  const { path } = await scratch(context);
  await saveFile(documentOf(1), path);
  assert.equal((await stat(path)).mode & 0o7777, 0o666 & ~process.umask());
  for (const mode of [0o600, 0o666]) {
    await chmod(path, mode);
    await saveFile(documentOf(2), path);
    assert.equal((await stat(path)).mode & 0o7777, mode);
  }
});

test(
  'a symbolic link is kept, and its target is replaced',
  { skip: onWindows && 'links need privileges' },
  async (context) => {
    const { folder, path } = await scratch(context);
    await mkdir(join(folder, 'elsewhere'));
    await symlink('elsewhere/target', path);
    await writeFile(join(folder, 'elsewhere/target'), '');
    await saveFile(documentOf(1), path);
    assert.ok((await lstat(path)).isSymbolicLink());
    assert.equal(await numberIn(join(folder, 'elsewhere/target')), 1);
    assert.deepEqual((await readdir(folder)).sort(), ['elsewhere', 'notes.converge']);
  },
);

/**
 * Replaces the method `sync` of files and folders during a test.
 *
 * @param {(sync: () => Promise<void>, isFolder: boolean, size: number) => Promise<void>} replacement
 * @param {() => Promise<void>} run
 */
async function withSync(replacement, run) {
  const some = await openFile(new URL(import.meta.url));
  await some.close();
  const handles = Object.getPrototypeOf(some);
  const { sync } = handles;
  /** @this {import('node:fs/promises').FileHandle} */
  handles.sync = async function () {
    const found = await this.stat();
    await replacement(() => sync.call(this), found.isDirectory(), found.size);
  };
  try {
    await run();
  } finally {
    handles.sync = sync;
  }
}
