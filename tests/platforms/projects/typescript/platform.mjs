// Compiles the code of README.md with the annotations that a user of TypeScript adds, and the
// declarations that it needs.

import assert from 'node:assert/strict';

const VERSIONS = ['typescript-5', 'typescript-7'];
const COMPILER = { target: 'esnext', lib: ['esnext', 'dom'], strict: true, noEmit: true, types: [] };

/** Replacements in the README's code: plain JavaScript, and the annotated TypeScript. */
const ANNOTATIONS = [
  [
    'function sync(doc, store, socket, onReceived, options = {})',
    `type OnReceived = (received: api.Received) => void;
    function sync(
      doc: api.Doc,
      store: api.Store,
      socket: WebSocket,
      onReceived: OnReceived,
      options: Partial<api.SessionOptions> = {},
    )`,
  ],
  [
    'function connect(url, doc, store, onReceived)',
    'function connect(url: string, doc: api.Doc, store: api.Store, onReceived: OnReceived)',
  ],
  ['const fail = (error) =>', 'const fail = (error: unknown) =>'],
  ['sides = new Set()', 'sides = new Set<ReturnType<typeof sync>>()'],
  [
    'function serve(doc, store, socket, peer)',
    'function serve(doc: api.Doc, store: api.Store, socket: WebSocket, peer: string)',
  ],
  ['function mergeSaved(doc, saved)', 'function mergeSaved(doc: api.Doc, saved: Uint8Array)'],
  ['db = await new Promise(', 'db = await new Promise<IDBDatabase>('],
  ['put = (name, bytes) => new Promise(', 'put = (name: string, bytes: BufferSource) => new Promise<void>('],
  ['get = (name) => new Promise(', 'get = (name: string) => new Promise<Uint8Array | undefined>('],
];
// The declarations that the code needs.
const PROLOGUE = `
import type * as api from '@converge/sync';
declare const modules: { get(file: string): WebAssembly.Module };
`;

async function writeReadme(project) {
  const readme = await project.read('node_modules/@converge/sync/README.md');
  const blocks = [...readme.matchAll(/^```js\n(.*?)^```/gms)].map((match) => match[1]);
  assert.ok(blocks.length > 5, 'README.md has code');
  // The block of the client is a program of its own.
  const isClient = (block) => block.includes("'@converge/sync/client'");
  const [first, ...others] = blocks.filter((block) => !isClient(block));
  const code = [PROLOGUE, first, 'const doc = ann;', ...others].join('\n');
  const annotated = ANNOTATIONS.reduce((text, [plain, typed]) => {
    assert.ok(text.includes(plain), `README.md has no ${plain}`);
    return text.replace(plain, typed);
  }, code);
  await project.write('readme-client.ts', blocks.filter(isClient).join('\n'));
  await project.write('readme.ts', `${annotated}\n// A typical use of saved bytes.\nnew Blob([doc.save()]);\n`);
}

/** Compiles files with every version. */
async function compile(project, include, options) {
  await project.write('tsconfig.json', JSON.stringify({ compilerOptions: { ...COMPILER, ...options }, include }));
  for (const version of VERSIONS) {
    await project.run('node', `node_modules/${version}/bin/tsc`, '--project', '.');
  }
}

export default {
  title: 'TypeScript',
  isCheap: true,
  version: async (project) =>
    (await Promise.all(VERSIONS.map((version) => project.read(`node_modules/${version}/package.json`))))
      .map((manifest) => JSON.parse(manifest).version)
      .join(', '),
  checks: {
    'README.md, nodenext': {
      async test(project) {
        await writeReadme(project);
        await compile(project, ['*.ts'], { module: 'nodenext' });
      },
    },
    'README.md, bundler': {
      async test(project) {
        await writeReadme(project);
        await compile(project, ['*.ts'], { module: 'esnext', moduleResolution: 'bundler' });
      },
    },
    'CommonJS, node16': { test: (project) => compile(project, ['*.cts'], { module: 'node16' }) },
  },
};
