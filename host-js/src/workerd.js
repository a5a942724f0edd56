// The package on Cloudflare Workers, which compile WebAssembly when they are deployed and not while they run.

import module from '../dist/converge.core.wasm';
import { opener } from './engine.js';

export * from './index.js';

/**
 * Returns the engine that all callers without an argument share. `open(source)` returns one with its own memory, made of a
 * `WebAssembly.Module`.
 */
export const open = opener(() => module);
