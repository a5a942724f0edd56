// The package in browsers and workers: the module is fetched from beside the package.

import { opener } from './engine.js';

export * from './index.js';
export const open = opener(() => fetch(new URL('../dist/converge.core.wasm', import.meta.url)));
