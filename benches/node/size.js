// The amount of work, as in ../src/works/mod.rs.

/**
 * @typedef {{ rows: number, updatedRows: number, updates: number, scale: number[], sets: number, peers: number, rounds: number, events: number, hasAllTraces: boolean, lines: number, crowd: number }} Size
 */

export const SIZES = {
  /** @type {Size} */
  full: {
    rows: 100_000,
    updatedRows: 1_000,
    updates: 200_000,
    scale: [50_000, 100_000, 200_000, 400_000, 800_000],
    sets: 10_000,
    peers: 100,
    rounds: 300,
    events: 1_000_000,
    hasAllTraces: true,
    lines: 10_000,
    crowd: 4_000,
  },
  /** @type {Size} */
  small: {
    rows: 1_000,
    updatedRows: 100,
    updates: 2_000,
    scale: [500, 1_000],
    sets: 1_000,
    peers: 10,
    rounds: 10,
    events: 2_000,
    hasAllTraces: false,
    lines: 200,
    crowd: 50,
  },
};
