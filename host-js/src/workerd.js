// The package on Cloudflare Workers, which compile WebAssembly modules when they are deployed, not at run time.

import module from '../dist/converge.core.wasm';
import { opener } from './engine.js';

export * from './index.js';

/**
 * Returns the engine that all callers without an argument share. `open(source)` returns one with
 * its own memory, created from a `WebAssembly.Module`.
 */
export const open = opener(() => module);
