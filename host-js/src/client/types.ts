// The types that the client exports, in TypeScript so that their documentation is in the declaration files.

import type { Doc } from '../doc.js';
import type { Engine } from '../engine.js';
import type { Store } from '../store.js';
import type { Op, Received } from '../types.js';
import type { ClientError } from './errors.js';
import type { ClientStorage } from './storage.js';

/**
 * Where the connection is.
 *
 * - `offline`: there is none; the client tries again by itself.
 * - `connecting`: the socket opens, or the server checks the token.
 * - `online`: the server has accepted the client.
 * - `stopped`: the client does not try again by itself; `error` says why.
 */
export type ConnectionState = 'offline' | 'connecting' | 'online' | 'stopped';

/**
 * What happened, as the `reason` of a `ClientError`.
 *
 * From the server, as docs/server.md names them: `websocket`, `text`, `too-large`, `malformed`,
 * `token`, `refused` and `not-found` stop the client, as `deleted` does; after `restart`,
 * `unavailable`, `slow`, `conflict`, `full` and `too-many` it connects again.
 *
 * From the client:
 *
 * - `connection`: the connection failed, was lost, or the server did not answer.
 * - `session`: a message could not be merged. The client connects again.
 * - `storage`: writes could not be stored; `code` is that of the `StorageError`. The
 *   client tries again, and sends nothing that is not stored.
 * - `replaced`: the server has another document under this name. Call `reset`.
 * - `reset`: another replica with the same storage called `reset`. Call `reset` here too.
 * - `destroyed`: another replica with the same storage called `destroy`.
 * - `engine`: the engine stopped. Connect again with a new engine.
 * - `closed`: the client was closed.
 * - `damaged`: stored data could not be read.
 */
export type Reason =
  | 'websocket'
  | 'text'
  | 'too-large'
  | 'restart'
  | 'unavailable'
  | 'malformed'
  | 'token'
  | 'refused'
  | 'not-found'
  | 'slow'
  | 'conflict'
  | 'deleted'
  | 'full'
  | 'too-many'
  | 'connection'
  | 'session'
  | 'storage'
  | 'replaced'
  | 'reset'
  | 'destroyed'
  | 'engine'
  | 'closed'
  | 'damaged';

/** The state of a client. An object never changes; a change makes a new one. */
export interface Status {
  readonly connection: ConnectionState;
  /** The number of known events that the server has not acknowledged. */
  readonly unsent: number;
  /** The number of events that the server has announced and that have not arrived. */
  readonly awaited: number;
  /** Whether everything in the document survives a loss of power; false without a storage. */
  readonly savedHere: boolean;
  /** Whether the server has acknowledged everything in the document. */
  readonly savedThere: boolean;
  /** Whether the server accepts no events with this token. What is written stays unsent. */
  readonly readOnly: boolean;
  /**
   * Whether another copy of the storage, such as a restored backup, wrote under this replica's
   * name. Both histories are kept. The replica gets another name at its next start.
   */
  readonly forked: boolean;
  /**
   * The copy of the damaged data, if the storage was damaged and parts of it were left out at the
   * start: the path of a file. `undefined` if nothing was left out.
   */
  readonly repaired: string | undefined;
  /** What is wrong now, or `undefined`. */
  readonly error: ClientError | undefined;
}

/** A token, or a function that returns a fresh one. */
export type Token = string | (() => string | Promise<string>);

export interface ConnectOptions {
  /**
   * The token, or a function that returns one. The function is called for each connection, and
   * before a token expires. Not needed if the server has no keys.
   */
  token?: Token | undefined;
  /** Where the document is kept. Without a storage it is in memory only. */
  storage?: ClientStorage | undefined;
  /** How the peer name starts, if tokens have the claim `peers`; empty by default. */
  peerPrefix?: string | undefined;
  /** The engine; that of `open()` of the package by default. */
  engine?: Engine | undefined;
  /** What the storage calls the document; its URL by default. Set it if the server can move. */
  key?: string | undefined;
  /** Start without a connection, until `resume` is called; false by default. */
  paused?: boolean | undefined;
}

export interface SocketOptions {
  engine: Engine;
  doc: Doc;
  store: Store;
  token?: Token | undefined;
  /** The incarnation that the document was synchronized with before, if there was one. */
  incarnation?: string | undefined;
  /**
   * Stores everything that is in the document at the time of the call. Nothing that shows it is
   * sent before the promise resolves. If it rejects, the connection stops with the reason
   * `storage`.
   */
  keep?: (() => Promise<void>) | undefined;
  /**
   * Is called with the incarnation of the server's document before anything of it arrives, and must
   * store it next to the document.
   */
  onIncarnation?: ((incarnation: string) => void | Promise<void>) | undefined;
  /** Is called with what each message changed. */
  onReceived?: ((received: Received) => void) | undefined;
  /** Is called after each change of the state. */
  onState?: ((state: ConnectionState, error: ClientError | undefined) => void) | undefined;
}

/** The operations of one event. */
export type Commit = Op[];
