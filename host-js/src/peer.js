// Names for replicas.

/** @returns {string} the name of a peer that nobody else has: 32 hex digits from the system's randomness */
export function randomPeer() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
