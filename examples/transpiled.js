// Transpiles components in `target` with jco, for the tests of the examples in Node.js.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { transpile } from '@bytecodealliance/jco-transpile';

export const target = new URL('../target/', import.meta.url);

/**
 * Transpiles a component, such as `board.wasm`.
 *
 * @param {string} component
 * @param {{ asByCli?: boolean }} [options] `asByCli`: transpile like `jco transpile --instantiation
 *   sync`, which wraps the errors of calls in `ComponentError`; by default the library does not
 */
export async function transpiled(component, { asByCli = false } = {}) {
  const name = component.replaceAll('/', '-').replace('.wasm', '');
  const made = new URL(`transpiled/${name}${asByCli ? '-by-cli' : ''}/`, target);
  mkdirSync(made, { recursive: true });
  const { files, imports } = await transpile(fileURLToPath(new URL(component, target)), {
    name,
    instantiation: 'sync',
    strict: true,
    base64Cutoff: 0,
    emitTypescriptDeclarations: false,
    // With this option alone, jco 1.35 writes the same bytes as its CLI.
    noComponentErrorWrapping: !asByCli,
  });
  for (const [file, bytes] of Object.entries(files)) {
    writeFileSync(new URL(file, made), bytes);
  }
  patch(new URL(`${name}.js`, made));

  const { instantiate } = await import(new URL(`${name}.js`, made).href);
  /** @type {Map<string, WebAssembly.Module>} */
  const modules = new Map();
  const getCoreModule = (/** @type {string} */ file) => {
    const module = modules.get(file) ?? new WebAssembly.Module(readFileSync(new URL(file, made)));
    modules.set(file, module);
    return module;
  };
  return { imports, instantiate, getCoreModule, start: (given = {}) => instantiate(getCoreModule, given) };
}

/**
 * Patches the glue code of jco 1.35, and fails for other versions. The glue code removes a byte
 * order mark at the start of a text. On platforms without `WebAssembly.promising` it throws and
 * catches an error for each function and instance, which takes 1.6 ms on Node.js 20.
 *
 * @param {URL} file
 */
function patch(file) {
  const glue = readFileSync(file, 'utf8');
  assert.equal(glue.split('new TextDecoder()').length, 2);
  assert.match(glue, /WebAssembly\.promising\(/);
  const patched = glue
    .replace('new TextDecoder()', "new TextDecoder('utf-8', { ignoreBOM: true })")
    .replaceAll('WebAssembly.promising(', '(WebAssembly.promising ?? ((f) => f))(');
  writeFileSync(file, patched);
}
