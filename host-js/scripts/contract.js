// Generates the files that depend only on the contract, so that the package's types can be checked
// without building the component:
//
//   node scripts/contract.js
//
//   dist/wit/          the contract's types, with its documentation
//   dist/contract.js   the contract with checked arguments (checked.js)
//   dist/*.d.ts        the types of the other files in dist/

import { generateHostTypes } from '@bytecodealliance/jco-transpile';
import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { generate } from './checked.js';
import { parse } from './wit.js';
import { write } from './write.js';

const WORLD = 'converge';
const contract = fileURLToPath(new URL('../../wit', import.meta.url));

const CONTRACT_TYPES = `import type { Instance } from '../src/instance.js';
import type { Contract } from '../src/types.js';
export declare function contract(instance: Instance): Contract;
`;
const GLUE_TYPES = `import type { Converge } from './wit/converge.js';
export declare function instantiate(
  getCoreModule: (path: string) => WebAssembly.Module,
  imports: {},
  instantiateCore: (module: WebAssembly.Module, imports: WebAssembly.Imports) => WebAssembly.Instance,
): Converge;
/** The number of destructors of resources that the component has. */
export declare const destructors: number;
`;
const PACKED_TYPES = `/** The core module: base64 of gzip. */
export declare const packed: string;
`;
const MODULE_TYPES = `/** The core module, on platforms and with bundlers that compile imported modules. */
declare const module: WebAssembly.Module;
export default module;
`;

export async function writeContract() {
  const types = await generateHostTypes(contract, {
    name: WORLD,
    instantiation: { tag: 'sync' },
    worldName: WORLD,
  });
  for (const [name, content] of Object.entries(types)) {
    await write(`dist/wit/${name}`, patchTypes(new TextDecoder().decode(content)));
  }
  await write('dist/glue.d.ts', GLUE_TYPES);
  await write('dist/packed.d.ts', PACKED_TYPES);
  await write('dist/converge.core.d.wasm.ts', MODULE_TYPES);

  const files = (await readdir(contract)).filter((name) => name.endsWith('.wit')).sort();
  const texts = await Promise.all(files.map((name) => readFile(`${contract}/${name}`, 'utf8')));
  const code = generate(parse(texts), WORLD);
  await write('dist/contract.js', await format(code, { parser: 'babel', printWidth: 120, singleQuote: true }));
  await write('dist/contract.d.ts', CONTRACT_TYPES);
}

/**
 * Adds properties of the package's objects to jco's types:
 *
 * - Resources are disposable. Issue 891 of jco, Add `implements Disposable` in TypeScript
 *   definition for Resources.
 * - Returned bytes are in an `ArrayBuffer`, as `fetch`, `Blob` and `WebSocket` require. To report:
 *   "The glue returns a `list<u8>` as a copy in an ArrayBuffer, but since TypeScript 5.7 the
 *   declared type Uint8Array includes those in a SharedArrayBuffer. Results could be declared as
 *   Uint8Array<ArrayBuffer>."
 *
 * Removes `instantiate`, because programs do not call it and its declaration needs the library
 * `dom`.
 *
 * @param {string} types
 */
function patchTypes(types) {
  const patched = types
    .replaceAll(
      'private constructor();',
      'private constructor();\n  /** Frees the resource. */\n  [Symbol.dispose](): void;',
    )
    .replaceAll(/(\): Uint8Array)( \| undefined)?;/g, '$1<ArrayBuffer>$2;')
    .replace(/\n\/\*\*\n\* Instantiates this component[^]*\): Converge;\n/, '');
  if (patched.includes('WebAssembly.')) {
    throw new Error('jco declares instantiate() in an unknown form');
  }
  return patched.includes('Symbol.dispose') ? `/// <reference lib="esnext.disposable" />\n${patched}` : patched;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeContract();
}
