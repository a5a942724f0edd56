// A connection to the server: opens WebSockets one after the other, shows the token, and carries messages of sessions.
// Knows nothing about documents. partysocket runs the attempts; the delays are decided here, because the server names some
// of them, and because they must end early when the network is back.

import ReconnectingWebSocket from 'partysocket/ws';
import { ClientError, messageOf } from './errors.js';
import { SUBPROTOCOL, decodeFrame, isFrame, pingFrame, tokenFrame } from './frames.js';
import { Pause } from './pause.js';
import { isRefusal, refusalOf } from './refusals.js';
import { current, expiryOf } from './token.js';

/** @import { ServerFrame } from './frames.js' */
/** @import { Refusal } from './refusals.js' */
/** @import { ConnectionState, Token } from './types.js' */

/** @typedef {Extract<ServerFrame, { kind: 'welcome' }>} Welcome */

/**
 * What a connection calls.
 *
 * @typedef {object} Handlers
 * @property {(welcome: Welcome) => void} onWelcome the server accepted the token; messages can follow
 * @property {(message: Uint8Array<ArrayBuffer>) => void} onMessage a message of the session arrived
 * @property {() => void} onLost the connection that was welcomed has ended
 * @property {(state: ConnectionState, error: ClientError | undefined) => void} onState
 * @property {() => Promise<void>} [onConflict] rebases the document; the connection opens again
 *   afterwards
 */

/** The delay before the second attempt. It doubles with each attempt up to the maximum. */
const MIN_RETRY_MS = 250;
const MAX_RETRY_MS = 15_000;
/** How long a socket can take to open, and a server to welcome. */
const OPEN_MS = 10_000;
/** The client pings this many times within the silence timeout of the server. */
const PINGS = 3;
/** How long a server can take to answer a ping, at most. */
const MAX_PONG_MS = 10_000;
/** How long a function that returns a token can take. */
const TOKEN_MS = 30_000;
/** How many tokens in succession the server can refuse before the client stops. */
const MAX_REFUSED_TOKENS = 2;
/** A token is renewed when this part of its time has passed. */
const RENEW_AFTER = 0.8;
/** The delay before a failed renewal is tried again, at least. */
const MIN_RENEW_MS = 1_000;
/** The maximum delay of a timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** No message is sent while more bytes wait in the socket. */
const MAX_BUFFERED_BYTES = 256 * 1024;

/** Why a wait for a token ended early. */
const STOPPED = new Error('the connection was stopped');

export class Connection {
  #url;
  #token;
  #handlers;
  #pause = new Pause();
  /** @type {ReconnectingWebSocket | undefined} */
  #socket;
  /** @type {ConnectionState} */
  #state = 'offline';
  /**
   * The state that `onState` was called with last. `#ended` changes the state without a call.
   *
   * @type {ConnectionState}
   */
  #reported = 'offline';
  /** @type {ClientError | undefined} */
  #error;
  #isPaused = true;
  #isClosed = false;
  #isOpen = false;
  /** The number of attempts since messages were last exchanged. */
  #attempts = 0;
  #refusedTokens = 0;
  /** @type {number | undefined} */
  #retryMs;
  /** @type {Promise<void> | undefined} */
  #rebasing;
  /** The token that the present socket shows. */
  #shown = '';
  /**
   * Ends the wait for a token.
   *
   * @type {((error: Error) => void) | undefined}
   */
  #endWait;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #welcomeTimer;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pingTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pongTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #renewTimer;
  #pongMs = MAX_PONG_MS;

  /**
   * @param {string} url
   * @param {Token | undefined} token
   * @param {Handlers} handlers
   */
  constructor(url, token, handlers) {
    this.#url = url;
    this.#token = token;
    this.#handlers = handlers;
  }

  get state() {
    return this.#state;
  }

  get error() {
    return this.#error;
  }

  /** The token that the server has got last. */
  get token() {
    return this.#shown;
  }

  /** The number of bytes that wait in the socket; NaN on platforms whose sockets do not count. */
  get bufferedBytes() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Whether the socket can take a message now. */
  get hasRoom() {
    return this.#state === 'online' && !(this.bufferedBytes > MAX_BUFFERED_BYTES);
  }

  /** Connects, and connects again whenever the connection is lost. Also after a stop. */
  start() {
    if (this.#isClosed || !this.#isPaused) return;
    this.#isPaused = false;
    this.#attempts = 0;
    this.#refusedTokens = 0;
    this.#retryMs = undefined;
    this.#setState('offline', undefined);
    globalThis.addEventListener?.('online', this.#wake);
    globalThis.addEventListener?.('offline', this.#wentOffline);
    globalThis.document?.addEventListener('visibilitychange', this.#wake);
    if (this.#socket === undefined) this.#open();
    else this.#socket.reconnect();
  }

  /**
   * Closes the socket and does not connect again before `start`.
   *
   * @param {ClientError} [error] why it stops; without it, the connection is only paused
   */
  stop(error) {
    this.#isPaused = true;
    globalThis.removeEventListener?.('online', this.#wake);
    globalThis.removeEventListener?.('offline', this.#wentOffline);
    globalThis.document?.removeEventListener('visibilitychange', this.#wake);
    this.#ended();
    this.#socket?.close();
    this.#pause.wake();
    this.#endWait?.(STOPPED);
    this.#setState(error === undefined ? 'offline' : 'stopped', error);
  }

  /**
   * Stops permanently.
   *
   * @param {ClientError} [error]
   */
  close(error) {
    this.stop(error);
    this.#isClosed = true;
  }

  /**
   * Sends a message of the session. Does nothing if the connection was lost meanwhile.
   *
   * @param {Uint8Array<ArrayBuffer>} message
   */
  send(message) {
    if (this.#state === 'online') this.#socket?.send(message);
  }

  /**
   * Ends the present socket, and connects again.
   *
   * @param {ClientError} error
   * @param {'retry' | 'rebase'} [answer]
   */
  restart(error, answer = 'retry') {
    if (this.#isPaused || this.#socket === undefined) return;
    this.#ended();
    if (answer === 'rebase' && !this.#rebase(error)) return;
    this.#setState('offline', error);
    this.#socket.reconnect();
  }

  /** Reports that both sides are in sync, so the next delay is the first one. */
  succeeded() {
    this.#attempts = 1;
    if (this.#error !== undefined) this.#setState(this.#state, undefined);
  }

  #open() {
    /** @type {import('partysocket/ws').Options} */
    const options = {
      minReconnectionDelay: 0,
      maxReconnectionDelay: 0,
      connectionTimeout: OPEN_MS,
      maxEnqueuedMessages: 0,
      shouldReconnectOnClose: (event) => this.#closed(event.code),
    };
    const url = async () => {
      await this.#delay();
      options.WebSocket = await webSocketClass();
      return this.#url;
    };
    const socket = new ReconnectingWebSocket(url, SUBPROTOCOL, options);
    socket.binaryType = 'arraybuffer';
    // Not the `on…` properties: some platforms call them for events that partysocket dispatches, and so twice.
    socket.addEventListener('open', () => {
      this.#isOpen = true;
      this.#welcomeTimer = setTimeout(() => {
        this.restart(new ClientError('connection', `the server did not answer within ${OPEN_MS / 1000} s`));
      }, OPEN_MS);
      socket.send(tokenFrame(this.#shown));
    });
    socket.addEventListener('message', ({ data }) => {
      if (this.#isOpen && data instanceof ArrayBuffer) this.#received(new Uint8Array(data));
    });
    this.#socket = socket;
  }

  /** Waits until the next attempt is due, and gets a token for it. */
  async #delay() {
    await this.#rebasing;
    const attempt = this.#attempts++;
    const backoff = attempt === 0 ? 0 : Math.min(MIN_RETRY_MS * 2 ** (attempt - 1), MAX_RETRY_MS);
    // The server has drawn its delay at random already.
    const delay = Math.max(backoff * (0.5 + Math.random() / 2), this.#retryMs ?? 0);
    this.#retryMs = undefined;
    if (delay > 0) this.#setState('offline', this.#error);
    await this.#pause.wait(delay);
    if (this.#isPaused) return;
    this.#setState('connecting', this.#error);
    try {
      this.#shown = await this.#freshToken();
    } catch (cause) {
      if (cause === STOPPED) throw cause;
      const error = new ClientError('token', `there is no token: ${messageOf(cause)}`, { cause });
      this.#setState('offline', error);
      throw error;
    }
  }

  /**
   * Gets a token, unless that takes too long, or the connection is stopped.
   *
   * @returns {Promise<string>}
   */
  async #freshToken() {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const failure = new Promise((/** @type {(token: string) => void} */ _, reject) => {
      this.#endWait = reject;
      timer = setTimeout(() => reject(new Error(`it did not arrive within ${TOKEN_MS / 1000} s`)), TOKEN_MS);
    });
    try {
      return await Promise.race([current(this.#token), failure]);
    } finally {
      clearTimeout(timer);
      this.#endWait = undefined;
    }
  }

  /** @param {Uint8Array<ArrayBuffer>} message */
  #received(message) {
    clearTimeout(this.#pongTimer);
    this.#pongTimer = undefined;
    if (!isFrame(message)) {
      if (this.#state === 'online') this.#handlers.onMessage(message);
      return;
    }
    let frame;
    try {
      frame = decodeFrame(message);
    } catch (cause) {
      this.restart(new ClientError('session', `the server sent a damaged frame: ${messageOf(cause)}`, { cause }));
      return;
    }
    if (frame?.kind === 'welcome' && this.#state !== 'online') this.#welcomed(frame);
    if (frame?.kind === 'goodbye') this.#refused(refusalOf(frame.code, frame.retryMs, frame.why));
  }

  /** @param {Welcome} welcome */
  #welcomed(welcome) {
    clearTimeout(this.#welcomeTimer);
    this.#refusedTokens = 0;
    const interval = welcome.silenceMs / PINGS;
    this.#pongMs = Math.min(interval, MAX_PONG_MS);
    this.#pingTimer = setInterval(() => this.#ping(), interval);
    this.#renewLater(this.#shown);
    this.#setState('online', undefined);
    this.#handlers.onWelcome(welcome);
  }

  #ping() {
    this.#socket?.send(pingFrame());
    this.#pongTimer ??= setTimeout(() => {
      this.restart(new ClientError('connection', `the server did not answer a ping within ${this.#pongMs} ms`));
    }, this.#pongMs);
  }

  /**
   * Gets a new token before this one expires, and shows it.
   *
   * @param {string} token
   */
  #renewLater(token) {
    const expiry = expiryOf(token);
    if (expiry === undefined || typeof this.#token !== 'function') return;
    const left = expiry - Date.now();
    const delay = Math.max(left * RENEW_AFTER, MIN_RENEW_MS);
    if (delay >= left) return;
    const socket = this.#socket;
    this.#renewTimer = setTimeout(
      async () => {
        let next = token;
        try {
          next = await current(this.#token);
        } catch {
          // Tried again below, as long as there is time. Then the server closes the connection.
        }
        if (this.#state !== 'online' || this.#socket !== socket) return;
        if (next !== token) {
          this.#shown = next;
          socket?.send(tokenFrame(next));
        }
        this.#renewLater(next);
      },
      Math.min(delay, MAX_TIMER_MS),
    );
  }

  /**
   * Carries out what the server said about the connection. Returns whether to connect again.
   *
   * @param {Refusal} refusal
   * @returns {boolean}
   */
  #refused({ answer, retryMs, error }) {
    if (this.#isPaused) return false;
    const wasOpen = this.#isOpen;
    this.#ended();
    if (answer === 'stop') {
      this.stop(error);
      return false;
    }
    if (answer === 'token') {
      this.#refusedTokens++;
      if (typeof this.#token !== 'function' || this.#refusedTokens >= MAX_REFUSED_TOKENS) {
        this.stop(error);
        return false;
      }
      // The next token is another one, so there is nothing to wait for.
      this.#attempts = 0;
    }
    if (answer === 'rebase' && !this.#rebase(error)) return false;
    this.#retryMs = retryMs;
    this.#setState('offline', error);
    if (wasOpen) this.#socket?.reconnect();
    return true;
  }

  /**
   * Begins to rebase, if somebody can. The next attempt waits for it.
   *
   * @param {ClientError} error
   * @returns {boolean}
   */
  #rebase(error) {
    if (this.#handlers.onConflict === undefined) {
      this.stop(error);
      return false;
    }
    this.#rebasing = this.#handlers.onConflict().catch(() => {
      // The next connection ends in the same way, and the rebase is tried again.
    });
    return true;
  }

  /**
   * The socket closed, or an attempt failed. Returns whether to connect again.
   *
   * @param {number} code
   * @returns {boolean}
   */
  #closed(code) {
    if (this.#isPaused) return false;
    // The socket was ended here, or never opened.
    if (!this.#isOpen) {
      if (this.#error === undefined) {
        this.#setState('offline', new ClientError('connection', `no connection to ${this.#url} could be opened`));
      }
      return true;
    }
    if (isRefusal(code)) {
      this.#isOpen = false;
      return this.#refused(refusalOf(code, undefined, ''));
    }
    this.#ended();
    this.#setState('offline', new ClientError('connection', 'the connection was lost', { code }));
    return true;
  }

  /** Forgets the present socket. */
  #ended() {
    this.#isOpen = false;
    clearTimeout(this.#welcomeTimer);
    clearInterval(this.#pingTimer);
    clearTimeout(this.#pongTimer);
    clearTimeout(this.#renewTimer);
    this.#pongTimer = undefined;
    if (this.#state === 'online') {
      this.#state = 'offline';
      this.#handlers.onLost();
    }
  }

  /**
   * @param {ConnectionState} state
   * @param {ClientError | undefined} error
   */
  #setState(state, error) {
    if (this.#reported === state && this.#error === error) return;
    this.#state = state;
    this.#reported = state;
    this.#error = error;
    this.#handlers.onState(state, error);
  }

  #wake = () => {
    // A connection that exists can be a dead one of the former network.
    if (this.#state === 'online') this.#ping();
    else this.#pause.wake();
  };

  #wentOffline = () => this.restart(new ClientError('connection', 'the device is offline'));
}

/**
 * Returns the platform's class. Node has one from version 22 on.
 *
 * @returns {Promise<unknown>}
 */
async function webSocketClass() {
  return globalThis.WebSocket ?? (await import('ws')).WebSocket;
}
