// The storage in files: what is on disk survives kill -9 and torn writes, and damage is reported.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from '../../src/client/files/crc32.js';
import { parse } from '../../src/client/files/log.js';
import { files } from '../../src/client/node.js';
import { folder, until } from './rig.js';

const KEY = 'http://127.0.0.1:4747/v1/docs/board%2F1';
const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text);

/** @param {import('../../src/client/storage.js').Content} content */
const readable = ({ snapshot, updates, notes }) => ({
  snapshot: snapshot && Buffer.from(snapshot).toString(),
  updates: updates.map((update) => Buffer.from(update).toString()),
  notes,
});

/** @param {string} path of the storage */
function only(path) {
  const [name] = readdirSync(path);
  assert.ok(name);
  return join(path, name);
}

test('checksums are those of every other CRC-32', () => {
  assert.equal(crc32(bytes('123456789')), 0xcbf43926);
});

test('content, notes and names', async (t) => {
  const path = folder(t);
  let stored = await files(path).open(KEY, 'ann.');
  assert.match(stored.peer, /^ann\.[a-z]{16}$/);
  const { peer } = stored;
  assert.deepEqual(readable(await stored.read()), { snapshot: undefined, updates: [], notes: {} });
  await stored.append(bytes('one'));
  await stored.append(bytes(''));
  await stored.note({ incarnation: 'i', acknowledged: bytes('ack') });
  await stored.close();
  await assert.rejects(stored.append(bytes('two')), { code: 'failed', message: /closed/ });

  stored = await files(path).open(KEY, 'ann.');
  assert.equal(stored.peer, peer);
  const notes = { incarnation: 'i', acknowledged: bytes('ack') };
  assert.deepEqual(readable(await stored.read()), { snapshot: undefined, updates: ['one', ''], notes });
  await stored.append(bytes('three'));
  await assert.rejects(
    stored.compact(() => {
      throw new RangeError('no');
    }),
    RangeError,
  );
  await stored.compact((updates) => bytes(updates.map((update) => Buffer.from(update).toString()).join()));
  await stored.append(bytes('four'));
  await stored.close();

  stored = await files(path).open(KEY, 'ann.');
  assert.deepEqual(readable(await stored.read()), { snapshot: 'one,,three', updates: ['four'], notes });
  assert.equal(readdirSync(only(path)).filter((name) => /^(log|snapshot)/.test(name)).length, 2);
  const renamed = await stored.rename();
  assert.notEqual(renamed, peer);
  assert.equal(stored.peer, renamed);
  await stored.reset({ incarnation: 'j' });
  await stored.append(bytes('five'));
  await stored.close();

  stored = await files(path).open(KEY, '');
  assert.equal(`ann.${stored.peer}`, renamed);
  assert.deepEqual(readable(await stored.read()), {
    snapshot: undefined,
    updates: ['five'],
    notes: { incarnation: 'j' },
  });
  await stored.destroy();
  assert.deepEqual(readdirSync(path), []);
  stored = await files(path).open(KEY, '');
  assert.deepEqual(readable(await stored.read()), { snapshot: undefined, updates: [], notes: {} });
  await stored.close();
});

test('documents of different keys are separate', async (t) => {
  const path = folder(t);
  const keys = ['a/b', 'a_b', `${'x'.repeat(2000)}1`, `${'x'.repeat(2000)}2`, '..', 'ä'];
  for (const key of keys) {
    const stored = await files(path).open(key, '');
    assert.equal((await stored.read()).updates.length, 0, key);
    await stored.append(bytes(key));
    await stored.close();
  }
  assert.equal(readdirSync(path).length, keys.length);
});

test('a record that was not written completely is removed', async (t) => {
  const path = folder(t);
  let stored = await files(path).open(KEY, '');
  await stored.append(bytes('first'));
  await stored.append(bytes('second'));
  await stored.close();
  const log = join(only(path), 'log-0');
  const whole = readFileSync(log);
  const first = 8 + 5;
  for (const tail of [
    ...Array.from({ length: whole.length - first }, (_, length) => whole.subarray(first, first + length)),
    Buffer.alloc(100),
    Buffer.from([...whole.subarray(first, first + 8), ...Buffer.alloc(6)]),
  ]) {
    truncateSync(log, first);
    appendFileSync(log, tail);
    stored = await files(path).open(KEY, '');
    assert.deepEqual(readable(await stored.read()).updates, ['first'], `${tail.length} bytes`);
    await stored.append(bytes('third'));
    await stored.close();
    stored = await files(path).open(KEY, '');
    assert.deepEqual(readable(await stored.read()).updates, ['first', 'third']);
    await stored.close();
  }
});

test('damage is reported, and can be left out', async (t) => {
  const path = folder(t);
  let stored = await files(path).open(KEY, '');
  for (const text of ['first', 'second', 'third']) await stored.append(bytes(text));
  await stored.close();
  const log = join(only(path), 'log-0');
  const whole = readFileSync(log);
  for (let at = 0; at < whole.length; at++) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    const { updates, damagedAt } = parse(damaged);
    assert.equal(updates.length, 2, `byte ${at}`);
    // Damage of the last record cannot be told from a write that was interrupted.
    assert.equal(damagedAt === undefined, at >= 8 + 5 + 8 + 6, `byte ${at}`);
  }
  whole[15] = 0xff;
  writeFileSync(log, whole);
  stored = await files(path).open(KEY, '');
  await assert.rejects(stored.read(), { code: 'failed', message: /log-0 is damaged at byte 13 of 40/ });
  await stored.close();
  stored = await files(path, { repair: true }).open(KEY, '');
  const { peer } = stored;
  const content = await stored.read();
  assert.deepEqual(readable(content).updates, ['first', 'third']);
  assert.deepEqual(readFileSync(content.repaired ?? ''), whole);
  const renamed = stored.peer;
  assert.notEqual(renamed, peer, 'lost events can have had the next names');
  await stored.close();
  stored = await files(path).open(KEY, '');
  assert.deepEqual(readable(await stored.read()).updates, ['first', 'third']);
  assert.deepEqual([stored.peer, (await stored.read()).repaired], [renamed, undefined]);
  await stored.close();
  const [kept = ''] = readdirSync(only(path)).filter((name) => name.includes('damaged'));
  assert.deepEqual(readFileSync(join(only(path), kept)), whole);
  rmSync(join(only(path), 'meta.json'));
  await assert.rejects(files(path).open(KEY, ''), { code: 'failed', message: /log-0 but no meta.json/ });
  writeFileSync(join(only(path), 'meta.json'), '{');
  await assert.rejects(files(path).open(KEY, ''), { code: 'failed', message: /meta.json is damaged/ });
  writeFileSync(join(only(path), 'meta.json'), '{"version":2}');
  await assert.rejects(files(path).open(KEY, ''), { code: 'outdated' });
});

test('files that an interrupted compaction left are ignored and removed', async (t) => {
  const path = folder(t);
  let stored = await files(path).open(KEY, '');
  await stored.append(bytes('first'));
  await stored.compact(() => bytes('saved'));
  await stored.append(bytes('second'));
  await stored.close();
  const left = ['log-0', 'snapshot-2', 'log-2', '.converge-x.tmp'];
  for (const name of left) writeFileSync(join(only(path), name), 'x');
  stored = await files(path).open(KEY, '');
  assert.deepEqual(readable(await stored.read()), { snapshot: 'saved', updates: ['second'], notes: {} });
  await stored.close();
  assert.deepEqual(readdirSync(only(path)).sort(), ['log-1', 'meta.json', 'snapshot-1']);
});

test('a deleted folder is noticed', async (t) => {
  const path = folder(t);
  const stored = await files(path).open(KEY, '');
  await stored.append(bytes('first'));
  rmSync(only(path), { recursive: true });
  await assert.rejects(stored.append(bytes('second')), { code: 'gone' });
  await assert.rejects(stored.note({}), { code: 'gone' });
  await stored.close();
});

test('a document is in use until it is destroyed', async (t) => {
  const path = folder(t);
  for (let round = 0; round < 20; round++) {
    const stored = await files(path).open(KEY, '');
    await stored.append(bytes('first'));
    const early = assert.rejects(files(path).open(KEY, ''), { code: 'in-use' });
    const destroying = stored.destroy();
    const late = assert.rejects(files(path).open(KEY, ''), { code: 'in-use' });
    await Promise.all([early, late, destroying]);
    assert.deepEqual(readdirSync(path), []);
  }
});

const DESTROYER = `
  import { files } from ${JSON.stringify(new URL('../../src/client/node.js', import.meta.url))};
  let destroyed = 0;
  for (const end = Date.now() + 1000; Date.now() < end; ) {
    const stored = await files(process.argv[1]).open(${JSON.stringify(KEY)}, '').catch((error) => {
      if (error.code !== 'in-use') throw error;
    });
    if (stored === undefined) continue;
    const { updates } = await stored.read();
    if (updates.length > 0) throw new Error('the document was destroyed, and has updates');
    await stored.append(Buffer.from('first'));
    await stored.destroy();
    destroyed += 1;
  }
  console.log(destroyed);
`;

test('processes that open and destroy a document at the same moment do not disturb each other', async (t) => {
  const path = folder(t);
  const probe = await files(path).open(KEY, '');
  const lock = `${only(path)}.lock`;
  await probe.destroy();
  let left = 0;
  // Locks of processes that have ended, which the others replace.
  const leaving = setInterval(() => {
    try {
      const ended = { pid: 2 ** 22 + 1, started: '', id: `ended-${left}` };
      writeFileSync(lock, JSON.stringify(ended), { flag: 'wx' });
      left += 1;
    } catch {
      // Another process holds the lock.
    }
  }, 2);
  t.after(() => clearInterval(leaving));
  const counts = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const destroyer = spawn(process.execPath, ['--input-type=module', '-e', DESTROYER, path]);
      let [printed, failure] = ['', ''];
      destroyer.stdout.on('data', (text) => (printed += text));
      destroyer.stderr.on('data', (text) => (failure += text));
      const [code] = await once(destroyer, 'close');
      assert.equal(code, 0, failure);
      return Number(printed);
    }),
  );
  clearInterval(leaving);
  assert.ok(left > 0);
  assert.ok(counts.reduce((sum, count) => sum + count) > 0, `destroyed ${counts}`);
  await (await files(path).open(KEY, '')).destroy();
  assert.deepEqual(readdirSync(path), []);
});

test('one replica at a time', async (t) => {
  const path = folder(t);
  const stored = await files(path).open(KEY, '');
  await assert.rejects(files(path).open(KEY, ''), {
    code: 'in-use',
    message: new RegExp(`the process ${process.pid} has the document in .* open`),
  });
  const other = await files(path).open(`${KEY}x`, '');
  await other.close();
  const lock = readFileSync(`${only(path)}.lock`);
  await stored.close();
  // The lock of a former process with the number of this one, and of a process that has ended.
  for (const holder of [
    { ...JSON.parse(lock.toString()), started: 'another boot 1', id: 'x' },
    { pid: 2 ** 22 + 1, started: '', id: 'y' },
  ]) {
    writeFileSync(`${only(path)}.lock`, JSON.stringify(holder));
    const again = await files(path).open(KEY, '');
    await again.close();
  }
  writeFileSync(`${only(path)}.lock`, '');
  await (await files(path).open(KEY, '')).close();
  assert.ok(!readdirSync(path).some((name) => name.includes('.lock')));
});

const WRITER = `
  import { files } from ${JSON.stringify(new URL('../../src/client/node.js', import.meta.url))};
  const stored = await files(process.argv[1]).open(${JSON.stringify(KEY)}, '');
  let { snapshot, updates } = await stored.read();
  const known = snapshot ? JSON.parse(Buffer.from(snapshot)) : [];
  known.push(...updates.map((update) => Number(Buffer.from(update))));
  for (let n = Number(process.argv[2]); ; n++) {
    await stored.append(Buffer.from(String(n)));
    known.push(n);
    console.log(n);
    if (n % 20 === 19) await stored.compact(() => Buffer.from(JSON.stringify(known)));
    if (n % 7 === 6) await stored.note({ incarnation: String(n) });
  }
`;

test('what was stored survives kill -9, while appending, compacting and noting', async (t) => {
  const path = folder(t);
  let last = -1;
  for (let round = 0; round < 20; round++) {
    const args = ['--input-type=module', '-e', WRITER, path, String(last + 1)];
    const writer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    writer.stdout.on('data', (text) => (printed += text));
    const ended = new Promise((resolve) => writer.once('close', resolve));
    await until(
      () => printed.split('\n').length > 2 + ((round * 7) % 30) || writer.exitCode !== null,
      'the writer writes',
    );
    assert.equal(writer.exitCode, null);
    if (round === 0) await assert.rejects(files(path).open(KEY, ''), { message: new RegExp(`process ${writer.pid} `) });
    writer.kill('SIGKILL');
    await ended;
    const acknowledged = Number(printed.trimEnd().split('\n').at(-1));
    const stored = await files(path).open(KEY, '');
    const { snapshot, updates } = await stored.read();
    const numbers = [
      ...(snapshot ? JSON.parse(Buffer.from(snapshot).toString()) : []),
      ...updates.map((update) => Number(Buffer.from(update).toString())),
    ];
    await stored.close();
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i),
    );
    assert.ok(numbers.length > acknowledged, `${acknowledged} was acknowledged, and ${numbers.length - 1} is the last`);
    last = numbers.length - 1;
  }
});

test('a full disk fails with a code, and loses nothing', { skip: process.platform !== 'linux' }, async (t) => {
  const path = folder(t);
  // The maximum size of files stands for a full disk: writing fails in the middle of a record.
  const script = `
    import { files } from ${JSON.stringify(new URL('../../src/client/node.js', import.meta.url))};
    process.on('SIGXFSZ', () => {});
    const stored = await files(process.argv[1]).open(${JSON.stringify(KEY)}, '');
    let count = 0;
    try {
      for (;; count++) await stored.append(new Uint8Array(1000).fill(count));
    } catch (error) {
      console.log(error.code, count);
    }
    await stored.append(new Uint8Array(10));
    await stored.close();
  `;
  const command = 'ulimit -f 16; exec "$0" --input-type=module -e "$1" "$2"';
  const writer = spawn('bash', ['-c', command, process.execPath, script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  writer.stdout.on('data', (text) => (printed += text));
  await new Promise((resolve) => writer.once('close', resolve));
  const [, count] = printed.match(/^full (\d+)\n$/) ?? [];
  assert.ok(Number(count) > 5, printed);
  const stored = await files(path).open(KEY, '');
  const { updates } = await stored.read();
  assert.deepEqual(
    updates.map(({ length }) => length),
    [...Array(Number(count)).fill(1000), 10],
  );
  await stored.close();
});

test('a copy of a folder has the same name', async (t) => {
  const path = folder(t);
  const copy = folder(t);
  const stored = await files(path).open(KEY, '');
  await stored.append(bytes('first'));
  await stored.close();
  cpSync(path, copy, { recursive: true });
  const [one, two] = [await files(path).open(KEY, ''), await files(copy).open(KEY, '')];
  assert.equal(one.peer, two.peer);
  assert.notEqual(await two.rename(), one.peer);
  await Promise.all([one.close(), two.close()]);
  assert.ok(statSync(join(only(copy), 'log-0')).size > 0);
});

test('arguments are checked', () => {
  assert.throws(() => files(/** @type {any} */ (1)), /folder must be/);
  assert.throws(() => files('x', /** @type {any} */ ({ repairs: true })), /repairs/);
  assert.doesNotThrow(() => files(new URL('file:///tmp/x')));
});
