// The package as users install it: the code of its README, its types, and the modules that its
// entry points load. `tests/platforms` runs it on other platforms.

import { build } from 'esbuild';
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));

const project = await mkdtemp(join(tmpdir(), 'converge-'));
after(() => rm(project, { recursive: true }));
await mkdir(join(project, 'node_modules/@converge'), { recursive: true });
await symlink(root, join(project, 'node_modules/@converge/sync'), 'dir');
await writeFile(join(project, 'package.json'), '{ "type": "module" }');

test('the code of README.md', async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^```js\n(.*?)^```/gms)].map((match) => match[1] ?? '');
  const [, shown] = /^(?:ben\.get\(.*\); +\/\/ )(\{.*\})$/m.exec(blocks[0] ?? '') ?? [];
  const [exchanging, writing, history, splicing, viewing, undoing, counting, distinguishing, mutating, , ...others] =
    blocks;
  const [files, browsers, sending, compacting, presence, talking, serving] = others;
  assert.ok(shown !== undefined && blocks.length === 17);
  // Replaces a transpiled component; `examples/mutators` has real ones.
  await mkdir(join(project, 'board'));
  await writeFile(
    join(project, 'board', 'board.js'),
    `const apply = (lent, { arguments: [{ val: row }, value] }) => lent.insert('tasks', row, [{ column: 'title', value }]);
    export const instantiate = () => ({ mutators: { names: () => ['add'], apply } });`,
  );
  await writeFile(
    join(project, 'readme.js'),
    [
      // Imports an implementation of IndexedDB, which Node lacks.
      `import ${JSON.stringify(import.meta.resolve('fake-indexeddb/auto'))};`,
      exchanging,
      "console.log({ ...ben.get('people', 'p1') });",
      'const doc = ann;',
      writing,
      'console.log([...watcher]);',
      history,
      'console.log(doc.diff(before, draft.heads()), draft.heads().length, doc.diff(before, doc.heads()).length);',
      splicing,
      "console.log({ ...ben.get('notes', 'n1') });",
      viewing,
      'console.log(shown, view.read());',
      undoing,
      "console.log(ann.get('notes', 'n1').body, undo.undo().place, stacks.undo.length);",
      counting,
      "console.log({ ...ben.get('polls', 'lunch') });",
      'ann.mergeUpdate(ben.updateSince(ann.summary()));',
      distinguishing,
      'const modules = new Map();',
      mutating,
      "console.log(board.names, { ...doc.get('tasks', 't1') });",
      files,
      'console.log(again.digestHex() === doc.digestHex(), again.peer());',
      browsers,
      "console.log(mine.digestHex() === doc.digestHex(), mine.peer(), await get('nix'));",
      sending,
      'console.log(ben.digestHex() === doc.digestHex());',
      compacting,
      "ben.insert('people', 'p3', {});",
      "doc.insert('people', 'p4', {});",
      'doc.compact([doc.summary()]);',
      'mergeSaved(ben, doc.save());',
      'mergeSaved(doc, ben.save());',
      "console.log({ ...ben.get('people', 'p3') }, ben.digestHex() === doc.digestHex());",
      presence,
      "console.log(store.get('cursors', 'ann').value);",
      talking,
      serving,
      // Two connected sockets.
      'const [one, two] = [{}, {}];',
      'const wire = (to) => (data) => setImmediate(() => to.onmessage({ data: data.buffer }));',
      '[one, two].forEach((end) => Object.assign(end, { OPEN: 1, readyState: 1 }));',
      '[one.send, two.send] = [wire(two), wire(one)];',
      'const server = engine.create(), entries = engine.createStore();',
      "server.insert('people', 'p5', {});",
      'sync(doc, store, one, () => {});',
      'const { session } = sync(server, entries, two, ({ ephemeral }) => ephemeral.forEach(({ key }) => console.log(key)));',
      'while (!session.progress().inSync) await new Promise((resolve) => setImmediate(resolve));',
      'console.log(server.digestHex() === doc.digestHex());',
    ].join('\n'),
  );
  const printed = execFileSync(process.execPath, ['readme.js'], { cwd: project, encoding: 'utf8' });
  assert.equal(
    printed,
    `${shown}\n[]\n[] 1 1\n{ body: 'Buy oat milk and tea' }\nBuy oat milk! and tea Buy oat milk! and tea\nDrink oat milk! and tea { table: 'notes', row: 'n1', column: 'body', start: 0, end: 3 } 1\n{ title: 'Lunch?', votes: 2 }\n[ 'add' ] { title: 'Minutes' }\ntrue ann\ntrue ann undefined\ntrue\n{} true\npeople/p1\nann\ntrue\n`,
  );
});

test('the code of README.md for clients', async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const [code] = readme.match(/^import { connect } .*?(?=^```)/ms) ?? [];
  const program = `${code}
    await shared.close();
    console.log(shared.doc.get('tasks', 't1').title, shared.status.savedHere);`;
  await writeFile(join(project, 'client.js'), program);
  const printed = execFileSync(process.execPath, ['client.js'], { cwd: project, encoding: 'utf8' });
  assert.equal(printed, 'Buy milk true\n');
});

test('the entry points for files are not available in browsers', async () => {
  for (const entry of ['files', 'node']) {
    await writeFile(join(project, 'page.js'), `import '@converge/sync/${entry}';`);
    const browser = ['--conditions=browser', 'page.js'];
    const { stderr } = spawnSync(process.execPath, browser, { cwd: project, encoding: 'utf8' });
    assert.match(stderr, /ERR_PACKAGE_PATH_NOT_EXPORTED/);
  }
});

test('the main entry point imports no other package, and only the client does', async () => {
  const imported = async (/** @type {string} */ entry) => {
    const { metafile } = await build({
      entryPoints: [join(root, entry)],
      bundle: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      external: ['*.wasm'],
      metafile: true,
      write: false,
      logLevel: 'silent',
    });
    const paths = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
    return [...new Set(paths)].filter((path) => !path.startsWith('node:') && !path.endsWith('.wasm')).sort();
  };
  for (const entry of ['node', 'browser', 'inline', 'workerd', 'files', 'mutators']) {
    assert.deepEqual(await imported(`src/${entry}.js`), [], entry);
  }
  assert.deepEqual(await imported('src/client/index.js'), ['@converge/sync', 'partysocket/ws', 'ws']);
  assert.deepEqual(await imported('src/client/websocket.js'), ['partysocket/ws', 'ws']);
  assert.deepEqual(await imported('src/client/indexeddb.js'), ['idb']);
  assert.deepEqual(await imported('src/client/node.js'), []);
});

test('no module that browsers load imports a module of Node', async () => {
  for (const file of [
    'src/browser.js',
    'src/inline.js',
    'src/workerd.js',
    'src/engine.js',
    'src/doc.js',
    'src/peer.js',
    'src/instance.js',
    'dist/glue.js',
    'dist/packed.js',
    'dist/converge.min.js',
  ]) {
    assert.doesNotMatch(await readFile(join(root, file), 'utf8'), /\bnode:|\bprocess\b|\brequire\(/, file);
  }
});

test('the types work with the oldest and the newest TypeScript, with and without the library dom', async () => {
  await writeFile(
    join(project, 'typed.ts'),
    `
import { open, real, CompactedError, NoSuchRowError, UndoManager } from '@converge/sync';
import type { Acceptance, Cells, Doc, Entry, LoadOptions, NewCells, Op, Received, SessionOptions } from '@converge/sync';
import type { Place, TextChange, TextView, UndoStacks } from '@converge/sync';
import { loadFile, saveFile } from '@converge/sync/files';
import { open as openBundle } from '@converge/sync/converge.min.js';
import type { ConvergeSyncDurable } from './wit.js';

const use = (...values: unknown[]) => values;

const engine = await open();
using doc: Doc = engine.create('ann');
const event: { peer: string, counter: number } = doc.insert('people', 'p1', { name: 'Alice', share: real(1), id: 1n });
const cells: Cells | undefined = doc.get('people', 'p1');
using watcher = doc.watch(['people'], { fromStart: true });
const ops: Op[] = watcher.take(10).ops;
doc.commit(ops);
for (const { id, cells } of doc.rows('people', { range: { between: ['a', 'b'] } })) use(id.length, cells.name);
try {
  doc.update('people', 'nix', {});
} catch (error) {
  if (error instanceof NoSuchRowError) use(error.payload.table.length, event, cells);
}
const runs: ConvergeSyncDurable.EventRun[] = doc.eventsSince().runs;
(await openBundle()).create().mergeEvents(runs);
const saved: Uint8Array = doc.save();
const options: LoadOptions = { peer: 'ben' };
using loaded = engine.load(saved, options);
const committed: { counter: number } | undefined = doc.transact((transaction) => {
  transaction.update('people', 'p1', { age: 1 });
});
use(committed?.counter);
const peeked: Cells | undefined = engine.peek(saved, 'people', 'p1');
use(peeked?.name);
using fork = loaded.forkAt(doc.heads());
const changed: Op[] = fork.diff([], doc.heads());
doc.commit(changed);
try {
  const missing: { peer: string, counter: number }[] = doc.mergeUpdate(fork.updateSince()).missing;
  const dropped: number = doc.compact([doc.summary()]).eventsDropped + missing.length;
} catch (error) {
  if (error instanceof CompactedError) use(error.horizon[0]?.count, error.payload);
}
await saveFile(doc.raw, 'notes');
using again = await loadFile(engine, 'notes', options);
const rebased: ConvergeSyncDurable.MergeReport = again.raw.rebase(saved);
using store = engine.createStore('ann', { timeToLive: 1_000 });
const entry: Entry = store.set('cursors', 'ann', 1n);
const accept: Acceptance = { documents: false };
const talk: SessionOptions = { document: 'people', nonce: 1n, accept, writers: ['ann/*'] };
for (const run of engine.openUpdate(doc.updateSince(loaded.summary()))) use(run.lamport ?? run.salt);
use(engine.inspect(saved).content === 'document', doc.forks()[0]?.branches, doc.permanentId(event).peer);
doc.unset('people', 'p1', ['name']);
const spliced: { peer: string } = doc.splice('people', 'p1', 'notes', 0, 0, 'Hello');
doc.commit([{ op: 'splice', table: 'people', row: 'p1', column: 'notes', at: 5, remove: 0, insert: '!' }]);
doc.transact((transaction) => transaction.splice('people', 'p1', 'notes', 0, 1, 'J'));
const added: { counter: number } = doc.add('people', 'p1', 'visits', 1);
doc.commit([{ op: 'add', table: 'people', row: 'p1', column: 'visits', amount: 2n ** 60n }]);
doc.transact((transaction) => transaction.add('people', 'p1', 'visits', -1n));
doc.distinguish(1n);
using undo = new UndoManager(doc, { pauseMs: 300 });
using view: TextView = doc.openText('people', 'p1', 'notes');
const edited: { peer: string, counter: number } = view.edit([{ at: 0, remove: 1 }, { at: 0, insert: 'H' }]);
const changes: TextChange[] = view.take() ?? [];
const anchor: Uint8Array<ArrayBuffer> = view.anchor(1, 'before');
const place: Place | undefined = undo.undo()?.place;
const stacks: UndoStacks = undo.toJSON();
const inverse: Op[] = doc.inverseOf([edited]);
using bytes = engine.raw.texts.View.open(doc.raw, 'people', 'p1', 'notes', 'utf8');
use(view.position(anchor)?.toFixed(), changes[0]?.insert, place?.start, inverse, stacks.undo[0]?.[0]?.peer, bytes.length());
use(added.counter, spliced.peer);
const share: number = Number(cells?.share);
using session = engine.openSession(doc, store, talk);
for (const message of session.messages()) {
  const { refused, ephemeral }: Received = session.receive(message);
  use(refused, ephemeral[0]?.key, entry.timestamp, session.progress().inSync);
}
interface Task { title: string, votes: bigint, done?: boolean }
const task: Task = { title: 'Minutes', votes: 1n };
doc.insert('tasks', 't1', task);
doc.transact((to) => to.update('tasks', 't1', task));
doc.commit([{ op: 'insert', table: 'tasks', row: 't2', cells: { ...task } }]);
export const insertAny = <T extends NewCells<T>>(cells: T) => doc.insert('any', 'r', cells);
using raw = engine.raw.durable.Doc.load('ann', saved);
raw.insert('people', 'p1', doc.raw.get('people', 'p1') ?? []);
// @ts-expect-error a session needs the name of its document
engine.openSession(doc, store, {});
// @ts-expect-error a store is not a document
engine.openSession(store, store, talk);
// @ts-expect-error a peer is an option
engine.load(saved, 'ben');
// @ts-expect-error heads are not summaries
doc.compact(doc.heads());
// @ts-expect-error a version is not a summary
doc.updateSince(doc.version());
// @ts-expect-error a value can be a Real, which is not a primitive
export const exact: number | bigint | string | boolean | null | Uint8Array | undefined = cells?.share;
// @ts-expect-error the objects of an engine are made by its functions
new Doc(doc.raw);
// @ts-expect-error a path is not a module
await open('converge.core.wasm');
// @ts-expect-error cells are not a number
doc.insert('people', 'p1', 1);
// @ts-expect-error cells are not an array
doc.insert('people', 'p1', ['Alice']);
// @ts-expect-error undefined is not a value
doc.insert('people', 'p1', { name: undefined });
// @ts-expect-error dates are not values
doc.insert('people', 'p1', { born: new Date() });
// @ts-expect-error a misspelled option
doc.scan('people', { decending: true });
// @ts-expect-error a side is 'before' or 'after'
view.anchor(1, 'left');
// @ts-expect-error a change has a position
view.edit({ insert: 'x' });
// @ts-expect-error raw values have tags
doc.raw.insert('people', 'p1', [{ column: 'name', value: 'Alice' }]);
`,
  );
  await writeFile(
    join(project, 'wit.ts'),
    `
import type { Converge } from '@converge/sync/wit';
export type { Converge };
export type * as ConvergeSyncDurable from '@converge/sync/wit/durable';
`,
  );
  // Functions of browsers accept bytes only in an ArrayBuffer.
  await writeFile(
    join(project, 'browser.ts'),
    `
import { open } from '@converge/sync';
import { saveFile } from '@converge/sync/files';

const socket = new WebSocket('wss://localhost');
const engine = await open(await WebAssembly.compile(new Uint8Array()));
const [doc, store] = [engine.create(), engine.createStore()];
const session = engine.openSession(doc, store, { document: 'notes' });
session.flush((message) => socket.send(message));
for (const message of session.messages()) socket.send(message);
socket.onmessage = ({ data }) => session.receive(data as ArrayBuffer);
new Blob([doc.save(), doc.raw.summary(), engine.summaryOf([]), store.snapshot(), store.takeUpdate() ?? '']);
await fetch('/notes', { method: 'PUT', body: doc.updateSince() });
const photo = doc.get('people', 'p1')?.photo;
if (photo instanceof Uint8Array) await crypto.subtle.digest('SHA-256', photo);
const shared = new Uint8Array(new SharedArrayBuffer(1));
doc.insert('people', 'p1', { photo: shared });
doc.mergeUpdate(shared);
await open(fetch('/converge.core.wasm'));
await saveFile(doc, new URL('file:///notes'));
`,
  );
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  await writeFile(join(project, 'readme.ts'), /^```ts\n(.*?)^```/ms.exec(readme)?.[1] ?? assert.fail('no TypeScript'));
  const common = { module: 'nodenext', strict: true, noEmit: true, types: [], preserveSymlinks: true };
  for (const [compiler, files, options] of /** @type {[string, string[], object][]} */ ([
    ['typescript', ['typed.ts', 'browser.ts', 'readme.ts'], { target: 'esnext', lib: ['esnext', 'dom'] }],
    ['typescript', ['typed.ts', 'readme.ts'], { target: 'es2022', lib: ['es2022'], exactOptionalPropertyTypes: true }],
    ['typescript-5.7', ['typed.ts', 'browser.ts', 'readme.ts'], { target: 'es2022', lib: ['es2022', 'dom'] }],
    ['typescript-5.7', ['typed.ts', 'readme.ts'], { target: 'es2022', lib: ['es2022'] }],
  ])) {
    const config = JSON.stringify({ compilerOptions: { ...common, ...options }, files });
    await writeFile(join(project, 'tsconfig.json'), config);
    const { stdout } = await promisify(execFile)(process.execPath, [
      fileURLToPath(new URL('bin/tsc', import.meta.resolve(`${compiler}/package.json`))),
      '--project',
      project,
    ]).catch((failed) => failed);
    assert.equal(stdout, '', `${compiler}, ${config}`);
  }
});

test('every public function has its documentation in the declaration files', async () => {
  const comment = /\/\*\*(?:(?!\*\/)[^])*\*\/\s*/.source;
  for (const [file, names] of Object.entries({
    doc: ['Doc', 'UpdateReader', 'Watcher'],
    engine: ['Engine'],
    files: ['loadFile', 'saveFile'],
    mutators: ['Mutators'],
    peer: ['randomPeer'],
    session: ['Session'],
    store: ['Store'],
    'texts/undo': ['UndoManager'],
    'texts/view': ['TextView'],
    transaction: ['Transaction'],
    types: ['Open'],
    values: ['real'],
  })) {
    const types = await readFile(join(root, 'types', `${file}.d.ts`), 'utf8');
    for (const name of names) {
      const isFunction = /^[a-z]/.test(name);
      const declaration = isFunction ? `function ${name}` : `(?:class|interface) ${name} {[^]*?^}`;
      const [text] = new RegExp(`${comment}^export (?:declare )?${declaration}`, 'm').exec(types) ?? assert.fail(name);
      const functions = text.replace(new RegExp(`(?:${comment})?constructor.*`), '');
      assert.doesNotMatch(functions, /[^/\s]\n {4}(?:get )?[\w(]/, `a function of ${name} has no documentation`);
      assert.doesNotMatch(functions, /\/\*\*[\s*]*@/, `the documentation of ${name} starts with a tag`);
    }
  }
});
