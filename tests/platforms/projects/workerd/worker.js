import * as sync from '@converge/sync';
import { connect } from '@converge/sync/client';
import * as inline from '@converge/sync/inline';
import module from '@converge/sync/converge.core.wasm';
import { openSocket } from '@converge/sync/websocket';
import { clientSuite } from './client-suite.js';
import { suite } from './suite.js';

export default {
  async fetch({ url }) {
    try {
      const server = new URL(url).searchParams.get('server');
      if (server) await clientSuite({ connect, openSocket, engine: await sync.open() }, undefined, server);
      const digests = [await suite(sync), await suite(inline), await suite({ ...sync, open: () => sync.open(module) })];
      return new Response(`converge ${[...new Set(digests)].join(' and ')}`);
    } catch (error) {
      return new Response(`failed: ${error.stack}`, { status: 500 });
    }
  },
};
