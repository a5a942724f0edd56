// Makes dist/wit/, the types of the contract with its documentation, and the types of what else is in dist/. Needs the contract alone,
// so that the types of the package can be checked where no component is built: `node scripts/contract-types.js`.

import { generateHostTypes } from '@bytecodealliance/jco-transpile';
import { fileURLToPath } from 'node:url';
import { write } from './write.js';

const contract = fileURLToPath(new URL('../../wit', import.meta.url));

const GLUE_TYPES = `export { instantiate } from './wit/converge.js';
/** How many destructors of resources the component has. */
export declare const destructors: number;
`;
const PACKED_TYPES = `/** The core module: base64 of gzip. */
export declare const packed: string;
`;
const MODULE_TYPES = `/** The core module, where the platform or the bundler compiles what is imported. */
declare const module: WebAssembly.Module;
export default module;
`;

export async function writeContractTypes() {
  const files = await generateHostTypes(contract, {
    name: 'converge',
    instantiation: { tag: 'sync' },
    worldName: 'converge',
  });
  for (const [name, text] of Object.entries(files)) {
    await write(`dist/wit/${name}`, text);
  }
  await write('dist/glue.d.ts', GLUE_TYPES);
  await write('dist/packed.d.ts', PACKED_TYPES);
  await write('dist/converge.core.d.wasm.ts', MODULE_TYPES);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeContractTypes();
}
