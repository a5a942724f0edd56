// Host frames: messages on the WebSocket that are not messages of the session. docs/server.md specifies them.

/**
 * A frame that a server sends. Frames of other kinds are ignored.
 *
 * @typedef {{ kind: 'welcome', incarnation: string, writes: boolean, presence: boolean, maxMessageBytes: number,
 *   silenceMs: number } | { kind: 'pong' } | { kind: 'goodbye', code: number, retryMs: number | undefined, why: string }
 * } ServerFrame
 */

/** The subprotocol of the WebSocket. */
export const SUBPROTOCOL = 'converge.v1';

const FIRST = 64;
const LAST = 79;
const TOKEN = 64;
const WELCOME = 65;
const PING = 69;
const PONG = 70;
const GOODBYE = 72;

/** The bits of a welcome. */
const WRITES = 1;
const PRESENCE = 2;

/** The maximum number of bytes of a number: those of 64 bits. */
const MAX_NUMBER_BYTES = 10;

/**
 * Returns whether a message is a host frame.
 *
 * @param {Uint8Array} message
 * @returns {boolean}
 */
export function isFrame(message) {
  const [kind = 0] = message;
  return kind >= FIRST && kind <= LAST;
}

/**
 * @param {string} token
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function tokenFrame(token) {
  const text = new TextEncoder().encode(token);
  return new Uint8Array([TOKEN, ...number(text.length), ...text]);
}

/** @returns {Uint8Array<ArrayBuffer>} */
export function pingFrame() {
  return new Uint8Array([PING]);
}

/**
 * Decodes a frame of a server. Ignores bytes after the content, which later versions can add.
 *
 * @param {Uint8Array} message
 * @returns {ServerFrame | undefined} `undefined` if the frame is of another kind
 * @throws {RangeError} if the frame is damaged
 */
export function decodeFrame(message) {
  const reader = new Reader(message);
  switch (reader.byte()) {
    case WELCOME: {
      const incarnation = reader.text();
      const flags = reader.byte();
      return {
        kind: 'welcome',
        incarnation,
        writes: (flags & WRITES) !== 0,
        presence: (flags & PRESENCE) !== 0,
        maxMessageBytes: reader.number(),
        silenceMs: reader.number(),
      };
    }
    case PONG:
      return { kind: 'pong' };
    case GOODBYE: {
      const code = reader.number();
      const retry = reader.number();
      return { kind: 'goodbye', code, retryMs: retry === 0 ? undefined : retry - 1, why: reader.text() };
    }
    default:
      return undefined;
  }
}

/** @param {number} value */
function number(value) {
  const bytes = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  bytes.push(value);
  return bytes;
}

class Reader {
  #bytes;
  #at = 0;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.#bytes = bytes;
  }

  byte() {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new RangeError(`the host frame ends after ${this.#bytes.length} bytes`);
    return byte;
  }

  number() {
    let value = 0;
    for (let place = 0; place < MAX_NUMBER_BYTES; place++) {
      const byte = this.byte();
      value += (byte % 128) * 128 ** place;
      if (byte < 128) return value;
    }
    throw new RangeError(`a number of the host frame has more than ${MAX_NUMBER_BYTES} bytes`);
  }

  text() {
    const end = this.number() + this.#at;
    if (end > this.#bytes.length) throw new RangeError(`the host frame ends after ${this.#bytes.length} bytes`);
    const text = new TextDecoder().decode(this.#bytes.subarray(this.#at, end));
    this.#at = end;
    return text;
  }
}
