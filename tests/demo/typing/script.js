// What a person types, and what each keystroke builds on; the counterpart of `tests/rig/src/typing/script.rs`.

/** @import { Patch, Trace } from '../../traces.js' */
/**
 * A keystroke. `needs` is the number of keystrokes of the other person that it builds on, which
 * never decreases.
 *
 * @typedef {{ needs: number, patches: Patch[] }} Keystroke
 */

/**
 * Returns the part of each person in a session of two.
 *
 * @param {Trace} trace
 * @returns {Map<string, Keystroke[]>} the keystrokes by peer
 * @throws {Error} if there are not two peers, or the events of one do not build on each other
 */
export function scripts({ events }) {
  const peers = [...new Set(events.map(({ peer }) => peer))].sort();
  if (peers.length !== 2) throw new Error(`the history has ${peers.length} peers; a session has two`);
  const parts = peers.map(() => /** @type {Keystroke[]} */ ([]));
  // For each event, how many events of each peer it builds on, and itself.
  const versions = /** @type {number[][]} */ ([]);
  for (const { peer, counter, parents, patches } of events) {
    const version = [0, 1].map((number) => Math.max(0, ...parents.map((parent) => versions[parent][number])));
    const author = peers.indexOf(peer);
    if (version[author] !== counter) {
      throw new Error(`event ${counter} of ${peer} does not build on the one before it`);
    }
    parts[author].push({ needs: version[1 - author], patches });
    version[author] += 1;
    versions.push(version);
  }
  return new Map(peers.map((peer, number) => [peer, parts[number]]));
}

/**
 * Returns the number of keystrokes whose author did not see a keystroke that does not build on
 * them.
 *
 * @param {Map<string, Keystroke[]>} parts
 */
export function countConcurrent(parts) {
  const [one, other] = [...parts.values()];
  let count = 0;
  for (const [own, others] of [
    [one, other],
    [other, one],
  ]) {
    // The first keystroke of the other person that builds on the own one.
    let later = 0;
    for (const [number, { needs }] of own.entries()) {
      while (later < others.length && others[later].needs <= number) later += 1;
      if (later > needs) count += 1;
    }
  }
  return count;
}
