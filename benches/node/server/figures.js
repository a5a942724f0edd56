// Times and their percentiles.

/** Returns the time in milliseconds, of a clock that all threads and processes share. */
export function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** @param {ArrayLike<number>[]} parts */
export function percentiles(parts) {
  const sorted = Float64Array.from(parts.flatMap((part) => Array.from(part))).sort();
  const at = (/** @type {number} */ share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
