// A second reader of summaries, written from docs/format.md alone.
import { BRANCH_MARK } from './branches.js';
import { Bytes, MAX_EVENTS, check, crc32, next } from './bytes.js';
import { readMarked } from './links.js';

const [VERSION, BY_NAME, CHECKSUM_BYTES, MAX_HEADS] = [1, 1, 4, 63];

/** @import { Marker } from './links.js' */
/**
 * A branch with events above the horizon; `start` and `tip` are undefined if only names identify
 * events.
 *
 * @typedef {{ peer: string, start?: number, count: number, tip?: bigint }} KnownBranch
 * @typedef {{ isByName: boolean, branches: KnownBranch[], horizon: Marker[], wanted: Marker[] }} Summary
 */

/** @type {(bytes: Uint8Array) => Summary} */
export function readSummary(bytes) {
  const content = new Bytes(bytes.subarray(0, -CHECKSUM_BYTES));
  const checksum = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - CHECKSUM_BYTES, true);
  check('the checksum is wrong', checksum === crc32(bytes.subarray(0, -CHECKSUM_BYTES)));
  check('the version is unknown', content.byte() === VERSION);
  const flags = content.byte();
  check('flags are unknown', flags <= BY_NAME);
  const isByName = flags === BY_NAME;
  const names = content.names();
  const counts = content.numbers(names.length, MAX_EVENTS + 1);
  const known = names.map((peer, i) => /** @type {KnownBranch} */ ({ peer, count: counts[i] }));
  const branches = known.filter(({ count }) => count > 0);
  let [horizon, wanted] = /** @type {Marker[][]} */ ([[], []]);
  if (!isByName) {
    const isBranch = (/** @type {KnownBranch} */ { peer }) => peer.includes(BRANCH_MARK);
    const starts = content.numbers(branches.filter(isBranch).length).values();
    for (const branch of branches) branch.start = isBranch(branch) ? next(starts) : 0;
    for (const [i, tip] of content.prints(branches.length).entries()) branches[i].tip = tip;
    for (const { start = 0, count } of branches) check('a branch begins after its last event', start < count);
    [horizon, wanted] = [readMarked(content, names), readMarked(content, names)];
  }
  content.end('a summary');
  check('the horizon has too many heads', horizon.length <= MAX_HEADS);
  const used = new Set([...branches, ...horizon, ...wanted].map(({ peer }) => peer));
  check('a name is not used', used.size === names.length);
  return { isByName, branches, horizon, wanted };
}
