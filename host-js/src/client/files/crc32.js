// The checksum of records: CRC-32 as in ISO-HDLC. `crc32` of node:zlib needs Node 20.15.

const POLYNOMIAL = 0xedb88320;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1;
  return rest;
});

/**
 * @param {Uint8Array} bytes
 * @returns {number} 32 bits, not negative
 */
export function crc32(bytes) {
  let rest = 0xffffffff;
  for (const byte of bytes) rest = /** @type {number} */ (TABLE[(rest ^ byte) & 0xff]) ^ (rest >>> 8);
  return (rest ^ 0xffffffff) >>> 0;
}
