// Random numbers that tests can repeat.

/**
 * Returns a function that returns random numbers below a limit, the same for the same seed.
 *
 * @param {number} seed
 * @returns {(limit: number) => number}
 */
export function randomNumbers(seed) {
  let state = seed;
  return (limit) => {
    // A linear congruential generator; its high bits are the random ones.
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % limit;
  };
}
