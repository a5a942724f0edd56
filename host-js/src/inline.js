// The package with the module embedded, for bundlers that do not copy the module and for single-file programs.

import { packed } from '../dist/packed.js';
import { opener } from './engine.js';

export * from './index.js';

/**
 * Returns the engine that all callers without an argument share. `open(source)` returns one with
 * its own memory, created from a `WebAssembly.Module`, its bytes, or a response with them such as
 * `fetch(url)`.
 */
export const open = opener(() => {
  const binary = atob(packed);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  const { body } = new Response(bytes);
  return new Response(/** @type {NonNullable<typeof body>} */ (body).pipeThrough(new DecompressionStream('gzip')));
});
