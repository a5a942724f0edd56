// Names for replicas.

/**
 * Returns a new name for a peer: 32 hexadecimal digits from the system's source of randomness.
 *
 * @returns {string}
 */
export function randomPeer() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
