// The package in browsers and workers: it fetches the module from the folder `dist` of the package.

import { opener } from './engine.js';

export * from './index.js';

const locate = () => new URL('../dist/converge.core.wasm', import.meta.url);

/**
 * Returns the engine that all callers without an argument share. `open(source)` returns one with
 * its own memory, created from a `WebAssembly.Module`, its bytes, or a response with them such as
 * `fetch(url)`.
 */
export const open = opener(() => fetch(locate()), locate);
