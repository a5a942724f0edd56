import * as sync from '@converge/sync';
import * as inline from '@converge/sync/inline';
import module from '@converge/sync/converge.core.wasm';
import { suite } from './suite.js';

export default {
  async fetch() {
    try {
      const digests = [await suite(sync), await suite(inline), await suite({ ...sync, open: () => sync.open(module) })];
      return new Response(`converge ${[...new Set(digests)].join(' and ')}`);
    } catch (error) {
      return new Response(`failed: ${error.stack}`, { status: 500 });
    }
  },
};
