// The lifetime of engines and documents: sharing, sources, disposal, and the state after a trap.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { open } from '../src/node.js';
import { opener } from '../src/engine.js';

const bytes = await readFile(new URL('../dist/converge.core.wasm', import.meta.url));

test('open() returns a shared engine, open(source) a separate one', async () => {
  const [shared, again] = await Promise.all([open(), open()]);
  assert.equal(shared, again);
  const module = await WebAssembly.compile(bytes);
  const own = [
    await open(module),
    await open(bytes),
    await open(new Uint8Array(bytes).buffer),
    await open(readFile(new URL('../dist/converge.core.wasm', import.meta.url))),
  ];
  assert.equal(new Set([shared, ...own]).size, 5);
  for (const engine of own) assert.equal(engine.version(), shared.version());
});

test('open(fetch(url)) works with and without the right content type', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/nix') {
      response.writeHead(404).end();
    } else if (request.url === '/page') {
      response.writeHead(200, { 'content-type': 'text/html' }).end('\n<!DOCTYPE html><title>A page</title>');
    } else {
      const body = request.url?.startsWith('/short') ? bytes.subarray(0, 1000) : bytes;
      response.writeHead(200, request.url?.endsWith('/typed') ? { 'content-type': 'application/wasm' } : {}).end(body);
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  try {
    for (const path of ['typed', 'untyped']) {
      const engine = await open(fetch(`http://127.0.0.1:${port}/${path}`));
      assert.equal(engine.create('ann').peer(), 'ann');
    }
    for (const [path, message] of /** @type {const} */ ([
      ['nix', /could not be fetched from http:.*\/nix: 404 Not Found; import '@converge\/sync\/inline'/],
      [
        'page',
        /got HTML instead of the WebAssembly module from http:.*\/page: the bundler or the server did not copy it/,
      ],
      ['short', /the WebAssembly module from http:.*\/short could not be compiled \(CompileError/],
      ['short/typed', /the WebAssembly module from http:.*\/short\/typed could not be compiled \(CompileError/],
    ])) {
      await assert.rejects(open(fetch(`http://127.0.0.1:${port}/${path}`)), { name: 'InvalidArgumentError', message });
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('open(module) compiles nothing, as some workers require', async () => {
  const module = await WebAssembly.compile(bytes);
  const { Module, compile } = WebAssembly;
  const disallowed = () => {
    throw new Error('disallowed');
  };
  WebAssembly.Module = new Proxy(Module, { construct: disallowed });
  WebAssembly.compile = disallowed;
  try {
    const doc = (await open(module)).create('ann');
    doc.insert('t', 'r', {});
    doc.dispose();
  } finally {
    Object.assign(WebAssembly, { Module, compile });
  }
});

test('other sources than the module are rejected', async () => {
  const empty = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  // A function without parameters, imported as `f` from `m`.
  const importing = new Uint8Array([...empty, 1, 4, 1, 0x60, 0, 0, 2, 7, 1, 1, 0x6d, 1, 0x66, 0, 0]);
  /** @type {[source: any, message: RegExp][]} */
  const sources = [
    ['converge.wasm', /takes a module, its bytes or a response with them, not "converge.wasm"; pass fetch/],
    [new URL('file:///converge.wasm'), /not a URL; pass fetch/],
    [null, /not null$/],
    [new Uint8Array([1, 2, 3]), /the bytes are not a WebAssembly module: they begin with 01 02 03; import /],
    [new Uint8Array(), /they begin with nothing/],
    [bytes.subarray(0, 1000), /the WebAssembly module could not be compiled \(CompileError/],
    [importing, /does not belong to this version of the package \(TypeError/],
    [empty, /does not belong to this version of the package/],
  ];
  for (const [source, message] of sources) {
    await assert.rejects(open(source), { name: 'InvalidArgumentError', message });
  }
});

test('open() retries if the module could not be read', async () => {
  let tries = 0;
  const flaky = opener(async () => {
    if (tries++ === 0) throw new Error('offline');
    return bytes;
  });
  await assert.rejects(flaky(), {
    name: 'InvalidArgumentError',
    message: /^the package's WebAssembly module could not be read \(Error: offline\); import '@converge\/sync\/inline'/,
  });
  assert.equal(await flaky(), await flaky());
  assert.equal(tries, 2);
});

test('if the module cannot be read, the error names its URL', async () => {
  const offline = async () => {
    throw new TypeError('Failed to fetch');
  };
  const message = /could not be read from https:\/\/example\.org\/converge\.wasm \(TypeError: Failed to fetch\)/;
  await assert.rejects(opener(offline, () => new URL('https://example.org/converge.wasm'))(), { message });
  // The value of `import.meta.url` in the output of bundlers that generate CommonJS.
  const nowhere = () => new URL('converge.wasm', undefined);
  await assert.rejects(opener(async () => readFile(nowhere()), nowhere)(), {
    message: /could not be read \(TypeError: Invalid URL\); import/,
  });
});

test('an error of the platform is not reported as an error of the module', async () => {
  const { TextDecoder } = globalThis;
  Reflect.deleteProperty(globalThis, 'TextDecoder');
  try {
    await assert.rejects(open(bytes), { name: 'ReferenceError', message: /TextDecoder/ });
  } finally {
    globalThis.TextDecoder = TextDecoder;
  }
});

test('calls on a disposed document fail, and it can be disposed again', async () => {
  const engine = await open();
  const doc = engine.create('ann');
  const { raw } = doc;
  doc[Symbol.dispose]();
  doc.dispose();
  raw[Symbol.dispose]();
  for (const call of [
    () => doc.peer(),
    () => doc.insert('t', 'r', {}),
    () => doc.scan('t'),
    () => raw.heads(),
    () => doc.watch(),
    () => doc.save(),
    () => raw.save(),
    () => doc.forkAt([]),
    () => raw.forkAt([], 'ben'),
  ]) {
    assert.throws(call, { name: 'DisposedError', message: 'this document was disposed and cannot be called any more' });
  }
  assert.equal(engine.create('ann').peer(), 'ann');
});

test('a watcher works after its document is disposed, until the watcher is disposed too', async () => {
  const engine = await open();
  const doc = engine.create('ann');
  doc.insert('t', 'r', {});
  const watcher = doc.watch([], { fromStart: true });
  doc.dispose();
  assert.equal(watcher.take().ops.length, 1);
  watcher.dispose();
  watcher[Symbol.dispose]();
  assert.throws(() => watcher.take(), { name: 'DisposedError', message: /this watcher was disposed/ });
  assert.throws(() => [...watcher], { name: 'DisposedError' });
});

test('a fork works after the original document is disposed', async () => {
  const engine = await open();
  const doc = engine.create('ann');
  doc.insert('t', 'r', { x: 1 });
  const [fork, rawFork] = [doc.forkAt(doc.heads(), 'fork'), doc.raw.forkAt(doc.heads(), 'raw')];
  const loaded = engine.load(doc.save(), { peer: 'loaded' });
  doc.dispose();
  for (const other of [fork, rawFork, loaded]) assert.deepEqual(other.version(), [{ peer: 'ann', count: 1 }]);
  rawFork[Symbol.dispose]();
  assert.throws(() => rawFork.peer(), { name: 'DisposedError', message: /^this document was disposed/ });
  for (const other of [fork, loaded]) {
    assert.deepEqual(other.update('t', 'r', { x: 2 }), { peer: other.peer(), counter: 0 });
    other.dispose();
    assert.throws(() => other.save(), { name: 'DisposedError', message: /^this document was disposed/ });
  }
});

test('disposal frees the memory', async () => {
  const engine = await open(bytes);
  const fill = () => {
    const doc = engine.create('ann');
    doc.insert('t', 'r', { c: new Uint8Array(2 ** 20) });
    const loaded = engine.load(doc.save());
    const fork = doc.forkAt(doc.heads());
    for (const each of [doc, loaded, fork]) each.dispose();
  };
  fill();
  const after = engine.memoryBytes;
  assert.ok(after > 2 ** 20);
  for (let i = 0; i < 50; i++) fill();
  assert.ok(engine.memoryBytes <= after * 1.5, `${engine.memoryBytes} after 50 more documents, ${after} after one`);
});

test('a write that does not fit into the memory is rejected, and the document still works', async () => {
  const small = await open(withMemory(bytes, { max: 160 }));
  const doc = small.create('ann');
  let rows = 0;
  const fill = () => {
    for (; ; rows++) doc.insert('t', `${rows}`, { c: new Uint8Array(2 ** 16) });
  };
  const full = {
    name: 'LimitExceededError',
    message: /^memory-bytes: the instance would need \d+ bytes, which is more than it may use$/,
  };
  assert.throws(fill, full);
  assert.ok(rows > 16, `${rows} blobs of 64 KiB`);
  const digest = doc.digestHex();
  for (let i = 0; i < 100; i++) assert.throws(fill, full);
  assert.equal(doc.digestHex(), digest);
  assert.equal(doc.scan('t', { limit: 4 }).rows.length, 4);
});

test('an engine that runs out of memory is gone; others still work', async () => {
  const small = await open(withMemory(bytes, { max: 160 }));
  const bystander = (await open()).create('ann');
  const doc = small.create('ann');
  const watcher = doc.watch();
  doc.insert('t', 'r', { x: 1 });
  const fill = () => {
    doc.insert('t', 'r', { c: new Uint8Array(12 * 2 ** 20) });
  };
  assert.throws(fill, { name: 'GoneError', message: /stopped in the middle of a call .* open\(\) another one/ });
  assert.equal(small.gone, true);
  const gone = { name: 'GoneError', message: /its documents are gone/ };
  for (const call of [
    () => doc.get('t', 'r'),
    () => doc.raw.version(),
    () => watcher.take(),
    () => doc.save(),
    () => doc.forkAt([]),
    () => small.create('ben'),
    () => small.load(bystander.save()),
    () => small.peek(bystander.save(), 't', 'r'),
    () => small.version(),
    () => small.limits(),
  ]) {
    assert.throws(call, gone);
  }
  watcher.dispose();
  doc.dispose();
  assert.throws(() => doc.peer(), { name: 'DisposedError' });
  assert.equal(bystander.peer(), 'ann');
});

test('an engine works beyond 2 GiB of memory', async () => {
  const engine = await open(withMemory(bytes, { min: 2 ** 15 }));
  const doc = engine.create('ann');
  doc.insert('t', 'r', { text: 'x'.repeat(2 ** 20), blob: new Uint8Array(2 ** 20) });
  assert.ok(engine.memoryBytes > 2 ** 31);
  const loaded = engine.load(doc.save());
  assert.equal(loaded.digestHex(), doc.digestHex());
  assert.deepEqual(loaded.diff([], loaded.heads()), [
    { op: 'insert', table: 't', row: 'r', cells: loaded.get('t', 'r') },
  ]);
});

test('if the shared engine is gone, open() creates another', async () => {
  let opened = 0;
  const openSmall = opener(async () => (opened++, withMemory(bytes, { max: 160 })));
  const engine = await openSmall();
  assert.throws(() => engine.create('ann').insert('t', 'r', { c: new Uint8Array(2 ** 24) }), { name: 'GoneError' });
  const next = await openSmall();
  assert.notEqual(next, engine);
  assert.equal(next.create('ann').peer(), 'ann');
  assert.equal(opened, 2);
});

test('an engine is gone after a stack overflow inside a call', async () => {
  const engine = await open(bytes);
  const doc = engine.create('ann');
  /** @returns {unknown} */
  const deep = () => {
    try {
      return deep();
    } catch {
      return doc.insert('t', 'r', {});
    }
  };
  assert.throws(deep, { name: 'GoneError' });
  assert.equal(engine.gone, true);
});

test('the package works without FinalizationRegistry, as in workers with an old compatibility date', () => {
  const script = `
    delete globalThis.FinalizationRegistry;
    const { open } = await import(${JSON.stringify(new URL('../src/node.js', import.meta.url).href)});
    const engine = await open();
    const [doc, store] = [engine.create('ann'), engine.createStore('ann')];
    const watcher = doc.watch();
    doc.transact((transaction) => transaction.insert('t', 'r', { x: 1 }));
    const session = engine.openSession(doc, store, { document: 'd' });
    const loaded = engine.load(doc.save());
    console.log(watcher.take().ops.length, [...session.messages()].length, loaded.get('t', 'r').x);
    for (const each of [session, watcher, store, doc, loaded]) each.dispose();
    console.log(engine.create('ben').peer());
  `;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(out, '1 1 1\nben\n');
});

test('the garbage collector frees unreachable documents, and does nothing if the engine is gone', () => {
  const index = new URL('../src/node.js', import.meta.url).href;
  const script = `
    import { open } from ${JSON.stringify(index)};
    import { readFile } from 'node:fs/promises';
    const bytes = await readFile(${JSON.stringify(new URL('../dist/converge.core.wasm', import.meta.url).pathname)});
    const forget = (engine) => {
      for (let i = 0; i < 10; i++) {
        const doc = engine.create('ann');
        doc.insert('t', 'r', { c: new Uint8Array(2 ** 20) });
        engine.load(doc.save());
        doc.forkAt(doc.heads());
      }
    };
    const collect = async () => {
      for (let i = 0; i < 5; i++) {
        globalThis.gc();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    const engine = await open(bytes);
    forget(engine);
    const once = engine.memoryBytes;
    for (let i = 0; i < 5; i++) {
      await collect();
      forget(engine);
    }
    console.log(engine.memoryBytes <= once * 2 ? 'freed' : 'kept: ' + engine.memoryBytes + ' after ' + once);
    const small = await open((${withMemory})(bytes, { max: 160 }));
    try { forget(small) } catch (error) { console.log(error.name) }
    try { small.create('ann').insert('t', 'r', { c: new Uint8Array(2 ** 24) }) } catch (error) { console.log(error.name) }
    await collect();
    console.log('alive');
  `;
  const out = execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  assert.equal(out, 'freed\nLimitExceededError\nGoneError\nalive\n');
});

/**
 * Changes the bounds of the module's memory, in pages of 64 KiB: to a small maximum, so that it
 * runs out of memory soon, or to a large minimum, so that addresses are large. A module is a header
 * of eight bytes and sections, each an id, the length as LEB128 and the content.
 *
 * @param {Uint8Array} module
 * @param {{ min?: number, max?: number }} pages
 * @returns {Uint8Array<ArrayBuffer>}
 */
function withMemory(module, { min, max = 2 ** 16 }) {
  const MEMORY = 5;
  let at = 8;
  const read = () => {
    let value = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = module[at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      more = byte >= 0x80;
    }
    return value;
  };
  const written = (/** @type {number} */ value) => {
    const digits = [];
    for (; value >= 0x80; value >>>= 7) digits.push((value & 0x7f) | 0x80);
    return [...digits, value];
  };
  const parts = [module.subarray(0, at)];
  while (at < module.length) {
    const begin = at;
    const id = read();
    const size = read();
    const end = at + size;
    if (id === MEMORY) {
      const [count, , packaged] = [read(), read(), read()];
      // The flag 1 means that a maximum follows.
      const content = [...written(count), 1, ...written(min ?? packaged), ...written(max)];
      parts.push(Uint8Array.from([MEMORY, ...written(content.length), ...content]));
    } else {
      parts.push(module.subarray(begin, end));
    }
    at = end;
  }
  return new Uint8Array(Buffer.concat(parts));
}
