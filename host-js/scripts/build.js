// Builds dist/ and types/ from the component, the contract and src/:
//
//   node scripts/build.js [COMPONENT]       (default: ../target/converge.wasm)
//
//   dist/glue.js              the glue that jco generates, patched (patch.js) and minified
//   dist/converge.core.wasm   the component's core module
//   dist/packed.js            the core module as text, for `@converge/sync/inline`
//   dist/contract.js          the contract with checked arguments
//   dist/wit/                 the contract's types, with its documentation
//   dist/converge.min.js      the whole package for browsers in one file
//   dist/converge.cjs         the whole package for Node's `require`, and for Jest
//   types/                    the types of src/, for ES modules and for CommonJS
//   LICENSE                   the license of the project, for the tarball

import { transpile } from '@bytecodealliance/jco-transpile';
import { build } from 'esbuild';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFile, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { minify } from 'terser';
import { bundle, joined } from './bundle.js';
import { writeCommonjsTypes } from './commonjs-types.js';
import { writeContract } from './contract.js';
import { patch } from './patch.js';
import { root, write } from './write.js';

const MAIN = 'converge.core.wasm';
const FORWARD = 'converge.core2.wasm';
const FILL = 'converge.core3.wasm';
const component = process.argv[2] ?? fileURLToPath(new URL('../../target/converge.wasm', import.meta.url));

await rm(`${root}dist`, { recursive: true, force: true });
await rm(`${root}types`, { recursive: true, force: true });
await writeGlue();
await writeContract();
writeTypes();
await writeBundle();
await writeCommonjs();
await writeCommonjsTypes();
await copyFile(`${root}../LICENSE`, `${root}LICENSE`);

async function writeGlue() {
  const { files, imports } = await transpile(component, {
    name: 'converge',
    instantiation: 'sync',
    strict: true,
    base64Cutoff: 0,
    emitTypescriptDeclarations: false,
  });
  if (imports.length > 0) {
    throw new Error(`the component must import nothing, but it imports ${imports.join(', ')}`);
  }
  const { [MAIN]: main, [FORWARD]: forward, [FILL]: fill, 'converge.js': glue, ...others } = files;
  if (!main || !forward || !fill || !glue || Object.keys(others).length > 0) {
    throw new Error(`jco generates files that src/instance.js does not support: ${Object.keys(files).join(', ')}`);
  }
  await write(`dist/${MAIN}`, main);
  const destructors = `export const destructors = ${countDestructors(forward, fill)};`;
  const { code = '' } = await minify(`${patch(new TextDecoder().decode(glue))}\n${destructors}\n`, {
    module: true,
    ecma: 2020,
    // Getters of the glue have no side effects, so unused classes can be removed.
    compress: { passes: 3, pure_getters: true },
    format: { comments: false },
  });
  await write('dist/glue.js', code);
  const packed = gzipSync(main, { level: 9 }).toString('base64');
  await write('dist/packed.js', `export const packed = '${packed}';\n`);
}

/**
 * Checks that src/instance.js can replace the component's small modules: one must forward the
 * functions `0`, `1` and so on through a table, and the other must fill the table.
 *
 * @param {Uint8Array} forward
 * @param {Uint8Array} fill
 * @returns {number} the number of these functions
 */
function countDestructors(forward, fill) {
  const forwards = new WebAssembly.Module(new Uint8Array(forward));
  const fills = new WebAssembly.Module(new Uint8Array(fill));
  const count = WebAssembly.Module.exports(forwards).length - 1;
  const numbers = Array.from({ length: count }, (_, i) => String(i));
  assert.deepEqual(WebAssembly.Module.imports(forwards), []);
  assert.deepEqual(WebAssembly.Module.exports(forwards), [
    ...numbers.map((name) => ({ name, kind: 'function' })),
    { name: '$imports', kind: 'table' },
  ]);
  assert.deepEqual(WebAssembly.Module.imports(fills), [
    ...numbers.map((name) => ({ module: 'actual', name, kind: 'function' })),
    { module: 'shim', name: '$imports', kind: 'table' },
  ]);
  assert.deepEqual(WebAssembly.Module.exports(fills), []);
  return count;
}

function writeTypes() {
  const compiler = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')));
  execFileSync(process.execPath, [compiler, '--project', 'tsconfig.types.json'], {
    cwd: root,
    stdio: 'inherit',
  });
}

async function writeBundle() {
  const parts = (await bundle('browser')).split(`../dist/${MAIN}`);
  assert.equal(parts.length, 2, 'the bundle names the module once');
  // The bundle looks for the module next to itself.
  await write('dist/converge.min.js', parts.join(`./${MAIN}`));
}

/** All entry points share one file, so that they share the classes of errors and documents. */
async function writeCommonjs() {
  await build({
    absWorkingDir: root,
    stdin: joined(['node', 'files', 'mutators']),
    outfile: 'dist/converge.cjs',
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    minifyWhitespace: true,
    banner: { js: "const converge_url = require('node:url').pathToFileURL(__filename).href;" },
    define: { 'import.meta.url': 'converge_url' },
    inject: ['scripts/encodings.js'],
    logLevel: 'warning',
  });
  console.log('dist/converge.cjs');
}
