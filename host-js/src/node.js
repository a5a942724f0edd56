// The package on Node, Bun and Deno: the module comes from the file system.

import { readFile } from 'node:fs/promises';
import { opener } from './engine.js';

export * from './index.js';
export const open = opener(() => readFile(new URL('../dist/converge.core.wasm', import.meta.url)));
