// XXH64 with the seed 0: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md

const [PRIME_1, PRIME_2, PRIME_3] = [0x9e3779b185ebca87n, 0xc2b2ae3d27d4eb4fn, 0x165667b19e3779f9n];
const [PRIME_4, PRIME_5] = [0x85ebca77c2b2ae63n, 0x27d4eb2f165667c5n];
const STRIPE_BYTES = 32;

/** @type {(number: bigint) => bigint} */
const bits = (number) => BigInt.asUintN(64, number);
/** @type {(number: bigint, count: bigint) => bigint} */
const rotate = (number, count) => bits((number << count) | (number >> (64n - count)));
/** @type {(lane: bigint, word: bigint) => bigint} */
const round = (lane, word) => bits(rotate(bits(lane + word * PRIME_2), 31n) * PRIME_1);
/** @type {(hash: bigint, lane: bigint) => bigint} */
const join = (hash, lane) => bits((hash ^ round(0n, lane)) * PRIME_1 + PRIME_4);

/** @type {(bytes: Uint8Array) => bigint} */
export function xxh64(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  let hash = PRIME_5;
  if (bytes.length >= STRIPE_BYTES) {
    const lanes = [bits(PRIME_1 + PRIME_2), PRIME_2, 0n, bits(-PRIME_1)];
    for (; at + STRIPE_BYTES <= bytes.length; at += STRIPE_BYTES) {
      for (const i of lanes.keys()) lanes[i] = round(lanes[i], view.getBigUint64(at + 8 * i, true));
    }
    hash = bits([1n, 7n, 12n, 18n].reduce((sum, count, i) => sum + rotate(lanes[i], count), 0n));
    hash = lanes.reduce(join, hash);
  }
  hash = bits(hash + BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8) hash = addWord(hash, view.getBigUint64(at, true));
  if (at + 4 <= bytes.length) {
    const word = BigInt(view.getUint32(at, true));
    hash = bits(rotate(hash ^ bits(word * PRIME_1), 23n) * PRIME_2 + PRIME_3);
    at += 4;
  }
  for (; at < bytes.length; at++) hash = bits(rotate(hash ^ bits(BigInt(bytes[at]) * PRIME_5), 11n) * PRIME_1);
  return finish(hash);
}

/**
 * Adds a 64-bit word to a hash, like the words after the last stripe.
 *
 * @param {bigint} hash
 * @param {bigint} word
 */
export function addWord(hash, word) {
  return bits(rotate(hash ^ round(0n, word), 27n) * PRIME_1 + PRIME_4);
}

/**
 * The final mix of a hash.
 *
 * @param {bigint} hash
 */
export function finish(hash) {
  hash = bits((hash ^ (hash >> 33n)) * PRIME_2);
  hash = bits((hash ^ (hash >> 29n)) * PRIME_3);
  return hash ^ (hash >> 32n);
}
