// What jco makes of the components below target, for the examples' tests in Node.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { transpile } from '../host-js/node_modules/@bytecodealliance/jco-transpile/dist/index.js';

export const target = new URL('../target/', import.meta.url);

/**
 * Transpiles a component, such as `board.wasm`.
 *
 * @param {string} component
 */
export async function transpiled(component) {
  const name = component.replaceAll('/', '-').replace('.wasm', '');
  const made = new URL(`transpiled/${name}/`, target);
  mkdirSync(made, { recursive: true });
  const { files, imports } = await transpile(fileURLToPath(new URL(component, target)), {
    name,
    instantiation: 'sync',
    strict: true,
    base64Cutoff: 0,
    emitTypescriptDeclarations: false,
  });
  for (const [file, bytes] of Object.entries(files)) {
    writeFileSync(new URL(file, made), bytes);
  }
  keepByteOrderMarks(new URL(`${name}.js`, made));

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
 * The glue of jco 1.35 drops a byte order mark at the start of a text. Fails where it does not any more.
 *
 * @param {URL} glue
 */
function keepByteOrderMarks(glue) {
  const parts = readFileSync(glue, 'utf8').split('new TextDecoder()');
  assert.equal(parts.length, 2);
  writeFileSync(glue, parts.join("new TextDecoder('utf-8', { ignoreBOM: true })"));
}
