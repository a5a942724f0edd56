// Makes dist/ and types/ from the component, the contract and src/:
//
//   node scripts/build.js [COMPONENT]       (default: ../target/converge.wasm)
//
//   dist/glue.js              the glue that jco generates, patched (patch.js) and minified
//   dist/converge.core.wasm   the component's core module
//   dist/wit/                 the contract's types, with its documentation
//   dist/converge.min.js      the whole package for browsers in one file
//   types/                    the types of src/

import { transpile } from '@bytecodealliance/jco-transpile';
import { build } from 'esbuild';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { minify } from 'terser';
import { writeContractTypes } from './contract-types.js';
import { patch } from './patch.js';
import { root, write } from './write.js';

const MAIN = 'converge.core.wasm';
const FORWARD = 'converge.core2.wasm';
const FILL = 'converge.core3.wasm';
const component = process.argv[2] ?? fileURLToPath(new URL('../../target/converge.wasm', import.meta.url));

await rm(`${root}dist`, { recursive: true, force: true });
await rm(`${root}types`, { recursive: true, force: true });
await writeGlue();
await writeContractTypes();
writeTypes();
await writeBundle();

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
    throw new Error(`jco makes other files than src/instance.js knows: ${Object.keys(files).join(', ')}`);
  }
  await write(`dist/${MAIN}`, main);
  const destructors = `export const destructors = ${countDestructors(forward, fill)};`;
  const { code = '' } = await minify(`${patch(new TextDecoder().decode(glue))}\n${destructors}\n`, {
    module: true,
    ecma: 2020,
    // No getter of the glue does anything: whole classes that nothing calls can go.
    compress: { passes: 3, pure_getters: true },
    format: { comments: false },
  });
  await write('dist/glue.js', code);
}

/**
 * Checks that the component's small modules do what src/instance.js does in their place: the one forwards so many
 * functions, `0` and on, through a table, and the other fills the table.
 *
 * @param {Uint8Array} forward
 * @param {Uint8Array} fill
 * @returns {number} how many
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
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '--project', 'tsconfig.types.json'], {
    cwd: root,
    stdio: 'inherit',
  });
}

async function writeBundle() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/browser.js'],
    bundle: true,
    format: 'esm',
    minify: true,
    target: 'es2022',
    logLevel: 'warning',
    write: false,
  });
  const parts = outputFiles[0]?.text.split(`../dist/${MAIN}`) ?? [];
  assert.equal(parts.length, 2, 'the bundle names the module once');
  // One file that is put somewhere looks for the other beside it.
  await write('dist/converge.min.js', parts.join(`./${MAIN}`));
}
