// Messages on a socket, each preceded by its length in 32 bits, little-endian; `tests/rig/src/wire.rs` is its counterpart.

/** @import { Socket } from 'node:net' */

const LENGTH_BYTES = 4;
/** The limit `message-bytes`. */
const MAX_MESSAGE_BYTES = 16 * 2 ** 20;

/**
 * Writes a message.
 *
 * @param {Socket} socket
 * @param {Uint8Array} message
 * @returns {number} the number of bytes written
 */
export function send(socket, message) {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(message.length);
  socket.write(Buffer.concat([length, message]));
  return LENGTH_BYTES + message.length;
}

/**
 * Reads messages.
 *
 * @param {Socket} socket
 * @param {(message: Uint8Array) => void} take
 */
export function onMessages(socket, take) {
  let bytes = Buffer.alloc(0);
  socket.on('data', (/** @type {Buffer} */ data) => {
    bytes = Buffer.concat([bytes, data]);
    while (bytes.length >= LENGTH_BYTES) {
      const length = bytes.readUInt32LE();
      if (length > MAX_MESSAGE_BYTES) {
        socket.destroy(new Error(`the message has ${length} bytes; the maximum is ${MAX_MESSAGE_BYTES}`));
        return;
      }
      if (bytes.length < LENGTH_BYTES + length) return;
      take(new Uint8Array(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length)));
      bytes = bytes.subarray(LENGTH_BYTES + length);
    }
  });
}
