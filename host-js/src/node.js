// The package on Node, Bun and Deno: the module comes from the file system.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { opener } from './engine.js';

export * from './index.js';

const locate = () => new URL('../dist/converge.core.wasm', import.meta.url);

/**
 * Returns the engine that all callers without an argument share. `open(source)` returns one with
 * its own memory, created from a `WebAssembly.Module`, its bytes, or a response with them such as
 * `fetch(url)`.
 */
export const open = opener(() => readFile(fileURLToPath(locate().href)), locate);
