// Builds people.js as a component. Usage: node build.js [FILE] (default: ../../../target/people.wasm)

import { componentize } from '@bytecodealliance/componentize-js';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const file = process.argv[2] ?? fileURLToPath(new URL('../../../target/people.wasm', import.meta.url));
const { component } = await componentize({
  sourcePath: fileURLToPath(new URL('people.js', import.meta.url)),
  witPath: fileURLToPath(new URL('../../../wit', import.meta.url)),
  worldName: 'mutator',
  // Mutators have no network, so the component must not import these interfaces.
  disableFeatures: ['http', 'fetch-event'],
});
await mkdir(dirname(file), { recursive: true });
await writeFile(file, component);
console.log(`${file}: ${component.length} bytes`);
