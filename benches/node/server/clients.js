// Clients of the two Yjs servers, behind one interface.

import { HocuspocusProvider } from '@hocuspocus/provider';
import * as decoding from 'lib0/decoding';
import WebSocket from 'ws';
import { Awareness } from 'y-protocols/awareness';
import { messageYjsUpdate } from 'y-protocols/sync';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';

/** @typedef {{ text: string, number: number }} Entry */
/** @typedef {(peer: number, first: number, count: number) => void} OnUpdate */
/** @typedef {{ number: number }} Unsynced */

/**
 * A client of one document that is synchronized with the server.
 *
 * @typedef {object} Client
 * @property {Y.Map<Entry>} entries
 * @property {(call: () => void) => void} onAcknowledged calls `call` when an own entry is
 *   acknowledged, in order, as `ACKNOWLEDGED` states
 * @property {(call: OnUpdate) => void} onUpdate calls `call` when entries of `peer` arrive, with
 *   the index of the first one
 * @property {() => void} close
 */
/** @typedef {(address: string, name: string, merges: boolean) => Promise<Client>} Connect */

/**
 * What the acknowledgement of an entry means. Neither server acknowledges that it stored an entry.
 *
 * - `applied`: hocuspocus has applied the update to its document in memory, and says so.
 * - `echoed`: y-websocket has no acknowledgements. It has applied the update, and sent it to all
 *   clients of the document, including the writer.
 *
 * @type {Record<string, string>}
 */
export const ACKNOWLEDGED = { hocuspocus: 'applied', 'y-websocket': 'echoed' };

/** @type {Record<string, Connect>} */
const CLIENTS = { hocuspocus: ofHocuspocus, 'y-websocket': ofYWebsocket };

/**
 * Connects a client, and waits until it is synchronized. Unless it `merges`, later updates are
 * counted, but not merged.
 *
 * Clients have no presence: it would be sent to all clients of the document when a client connects,
 * and every 15 seconds.
 *
 * @param {string} server
 * @param {string} address
 * @param {string} name the name of the document
 * @param {boolean} [merges]
 */
export async function connect(server, address, name, merges = true) {
  const open = CLIENTS[server];
  if (!open) throw new Error(`unknown server ${server}`);
  return open(address, name, merges);
}

/**
 * Writes an entry with a random key, in a transaction of its own.
 *
 * @param {Client} client
 * @param {number} number
 */
export function write({ entries }, number) {
  const random = () => Math.random().toString(36).slice(2, 12).padEnd(10, '0');
  entries.set(random() + random(), { text: random() + random(), number });
}

/** @type {Connect} */
async function ofHocuspocus(address, name, merges) {
  const document = new Y.Doc();
  const options = { url: `ws://${address}`, WebSocketPolyfill: WebSocket };
  const provider = new HocuspocusProvider({ ...options, name, document, awareness: null });
  let isClosed = false;
  provider.on('close', () => isClosed || fail());
  // The number is 0 when the server has sent its state and acknowledged that of this client.
  await new Promise((resolve) => {
    provider.on('unsyncedChanges', (/** @type {Unsynced} */ { number }) => number === 0 && resolve(null));
  });
  /** @type {OnUpdate[]} */
  const calls = [];
  const onMessage = provider.onMessage.bind(provider);
  provider.onMessage = (event) => {
    const decoder = decoding.createDecoder(new Uint8Array(event.data));
    decoding.readVarString(decoder);
    const isUpdate = decoding.readVarUint(decoder) === 0 && decoding.readVarUint(decoder) === messageYjsUpdate;
    if (isUpdate) readHeader(decoder, calls);
    if (merges || !isUpdate) onMessage(event);
  };
  return {
    entries: document.getMap('entries'),
    onAcknowledged(call) {
      let unsynced = 0;
      provider.on('unsyncedChanges', (/** @type {Unsynced} */ { number }) => {
        const isAcknowledged = number < unsynced;
        unsynced = number;
        if (isAcknowledged) call();
      });
    },
    onUpdate: (call) => void calls.push(call),
    close() {
      isClosed = true;
      provider.destroy();
      document.destroy();
    },
  };
}

/** @type {Connect} */
async function ofYWebsocket(address, name, merges) {
  const document = new Y.Doc();
  const awareness = new Awareness(document);
  awareness.setLocalState(null);
  const WebSocketPolyfill = /** @type {typeof globalThis.WebSocket} */ (/** @type {unknown} */ (WebSocket));
  const options = { awareness, WebSocketPolyfill, disableBc: true };
  const provider = new WebsocketProvider(`ws://${address}`, name, document, options);
  let isClosed = false;
  provider.on('connection-close', () => isClosed || fail());
  await new Promise((resolve) => provider.once('sync', resolve));
  /** @type {OnUpdate[]} */
  const calls = [];
  const [onSync] = provider.messageHandlers;
  provider.messageHandlers[0] = (encoder, decoder, ...more) => {
    const start = decoder.pos;
    const isUpdate = decoding.readVarUint(decoder) === messageYjsUpdate;
    if (isUpdate) readHeader(decoder, calls);
    decoder.pos = start;
    if (merges || !isUpdate) onSync?.(encoder, decoder, ...more);
  };
  return {
    entries: document.getMap('entries'),
    onAcknowledged(call) {
      calls.push((peer, _first, count) => {
        for (let i = 0; peer === document.clientID && i < count; i++) call();
      });
    },
    onUpdate: (call) => void calls.push(call),
    close() {
      isClosed = true;
      provider.destroy();
      document.destroy();
    },
  };
}

/**
 * Reads the header of an update: its size, the number of its peers, and for the first of them the
 * number of entries, its id, and the index of the first entry.
 *
 * @param {decoding.Decoder} decoder
 * @param {OnUpdate[]} calls
 */
function readHeader(decoder, calls) {
  const number = () => decoding.readVarUint(decoder);
  const [, , count, peer, first] = [number(), number(), number(), number(), number()];
  for (const call of calls) call(peer, first, count);
}

function fail() {
  throw new Error('a connection was closed');
}
