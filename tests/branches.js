// The branches of peers, as docs/format.md writes them: their names, where they begin, and their order.
import { check } from './bytes.js';
import { digits } from './fingerprints.js';

export const BRANCH_MARK = '~';
const FINGERPRINT = /^(?!0{16})[0-9a-f]{16}$/;
const [MAX_PEER_BYTES, MAX_BRANCHES] = [200, 2 ** 16];
const BEGINS = 1; // a branch begins: with the first event of its peer; more is 2 more than the number of another one

/** @import { Bytes } from './bytes.js' */
/**
 * A peer, or a branch of it. `first` is the fingerprint that its name has, `parent` the number of the branch that it
 * follows, and `lamport` the time of its first event, if a document names it.
 *
 * @typedef {{ name: string, author: string, first?: bigint, parent?: number, lamport?: number }} Branch
 */

/**
 * The names of the peers. In a document each branch begins somewhere; elsewhere it may go on.
 *
 * @param {Bytes} section
 * @param {boolean} isDocument
 * @returns {Branch[]}
 */
export function readBranches(section, isDocument) {
  const branches = section.names().map(readName);
  const named = branches.filter(({ first }) => first !== undefined);
  const begins = section.numbers(named.length, BEGINS + 1 + branches.length);
  const times = isDocument ? section.numbers(named.length) : [];
  section.end('the peers');
  for (const [i, branch] of named.entries()) {
    check('a branch begins, or goes on', isDocument ? begins[i] >= BEGINS : begins[i] !== BEGINS);
    if (begins[i] > BEGINS) branch.parent = begins[i] - BEGINS - 1;
    const parent = branches[branch.parent];
    check('a branch that follows itself', parent !== branch);
    check('a branch of another peer', parent === undefined || parent.author === branch.author);
    branch.lamport = times[i];
  }
  return branches;
}

/** @returns {Branch} */
function readName(name) {
  const [author, fingerprint, ...more] = name.split(BRANCH_MARK);
  const isName = more.length === 0 && author !== '' && Buffer.byteLength(author) <= MAX_PEER_BYTES;
  check('neither a peer nor a branch', isName && (fingerprint === undefined || FINGERPRINT.test(fingerprint)));
  return { name, author, first: fingerprint === undefined ? undefined : BigInt(`0x${fingerprint}`) };
}

/** @type {(author: string, first: bigint) => string} */
export function branchName(author, first) {
  return `${author}${BRANCH_MARK}${digits(first)}`;
}

/**
 * Checks that the branches of a document make a tree for each peer; `ends` are the counters after their last events.
 *
 * @param {Branch[]} branches
 * @param {number[]} ends
 */
export function checkTrees(branches, ends) {
  for (const [rank, branch] of branches.entries()) {
    check('a branch without events', ends[rank] > (ends[branch.parent] ?? 0));
    const followers = branches.filter((other) => other.parent === rank);
    check('a branch that one branch follows', followers.length !== 1);
  }
  for (const all of byAuthor(branches).values()) {
    const roots = all.filter(({ parent }) => parent === undefined);
    const isPlain = ({ first }) => first === undefined;
    check('a history that begins twice, or not', roots.length === 1 ? roots.every(isPlain) : !roots.some(isPlain));
    check('no beginning', roots.length > 0 && all.filter(({ first }) => first !== undefined).length <= MAX_BRANCHES);
  }
}

function byAuthor(branches) {
  const groups = new Map();
  for (const branch of branches) groups.set(branch.author, [...(groups.get(branch.author) ?? []), branch]);
  return groups;
}

/** Whether other branches follow this one. */
export function isLeaf(branches, rank) {
  return branches.every(({ parent }) => parent !== rank);
}

/**
 * The place of each branch in the order in which events of one lamport time are executed: by author, then by the
 * fingerprints of the branches where two part.
 *
 * @param {Branch[]} branches
 * @returns {number[]}
 */
export function executionOrder(branches) {
  const way = (branch) => (branch === undefined ? [] : [...way(branches[branch.parent]), branch.first ?? 0n]);
  const ways = branches.map(way);
  const compare = (a, b) => {
    const byAuthor = Buffer.compare(Buffer.from(branches[a].author), Buffer.from(branches[b].author));
    if (byAuthor !== 0) return byAuthor;
    const parting = ways[a].findIndex((first, depth) => first !== ways[b][depth]);
    const [one, other] = [ways[a][parting], ways[b][parting]];
    return parting < 0 || other === undefined ? ways[a].length - ways[b].length : one < other ? -1 : 1;
  };
  const places = [];
  for (const [place, rank] of [...branches.keys()].sort(compare).entries()) places[rank] = place;
  return places;
}
