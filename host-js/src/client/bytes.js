// Bytes.

/**
 * @param {Uint8Array | undefined} a
 * @param {Uint8Array | undefined} b
 * @returns {boolean}
 */
export function isEqual(a, b) {
  return a === b || (a !== undefined && a.length === b?.length && a.every((byte, i) => byte === b[i]));
}
