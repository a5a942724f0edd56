// Reads the branches of peers as docs/format.md defines them: names, beginnings and order.
import { check } from './bytes.js';
import { digits } from './fingerprints.js';

export const BRANCH_MARK = '~';
const FINGERPRINT = /^(?!0{16})[0-9a-f]{16}$/;
const [MAX_PEER_BYTES, MAX_BRANCHES] = [200, 2 ** 16];
const BEGINS = 1; // the branch begins with the first event of its peer; n + 2: it follows the branch with the number n

/** @import { Bytes } from './bytes.js' */
/**
 * A peer, or a branch of it. `first` is the fingerprint in its name, `parent` the number of the
 * branch that it follows, and `lamport` the time of its first event, if a document contains it.
 *
 * @typedef {{ name: string, author: string, first?: bigint, parent?: number, lamport?: number }} Branch
 */

/**
 * Reads the names of the peers. In a document each branch must begin; in an update it can continue.
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
    check('a branch begins or continues in the wrong place', isDocument ? begins[i] >= BEGINS : begins[i] !== BEGINS);
    if (begins[i] > BEGINS) branch.parent = begins[i] - BEGINS - 1;
    const parent = branch.parent === undefined ? undefined : branches[branch.parent];
    check('a branch follows itself', parent !== branch);
    check('a branch follows a branch of another peer', parent === undefined || parent.author === branch.author);
    branch.lamport = times[i];
  }
  return branches;
}

/** @type {(name: string) => Branch} */
function readName(name) {
  const [author, fingerprint, ...more] = name.split(BRANCH_MARK);
  const isName = more.length === 0 && author !== '' && Buffer.byteLength(author) <= MAX_PEER_BYTES;
  check(
    'a name is neither that of a peer nor of a branch',
    isName && (fingerprint === undefined || FINGERPRINT.test(fingerprint)),
  );
  return { name, author, first: fingerprint === undefined ? undefined : BigInt(`0x${fingerprint}`) };
}

/** @type {(author: string, first: bigint) => string} */
export function branchName(author, first) {
  return `${author}${BRANCH_MARK}${digits(first)}`;
}

/**
 * Checks that the branches of a document form a tree for each peer; `ends` are the counters after
 * their last events.
 *
 * @param {Branch[]} branches
 * @param {number[]} ends
 */
export function checkTrees(branches, ends) {
  for (const [rank, branch] of branches.entries()) {
    check('a branch has no events', ends[rank] > beginOf(branch, ends));
    const followers = branches.filter((other) => other.parent === rank);
    check('a branch is followed by a single branch', followers.length !== 1);
  }
  for (const all of byAuthor(branches).values()) {
    const roots = all.filter(({ parent }) => parent === undefined);
    const isPlain = (/** @type {Branch} */ { first }) => first === undefined;
    check('a history begins twice', roots.length === 1 ? roots.every(isPlain) : !roots.some(isPlain));
    check(
      'a history has no beginning or too many branches',
      roots.length > 0 && all.filter(({ first }) => first !== undefined).length <= MAX_BRANCHES,
    );
  }
}

/**
 * Returns the counter of the first event of a branch.
 *
 * @param {Pick<Branch, 'parent'>} branch
 * @param {number[]} ends
 */
export function beginOf({ parent }, ends) {
  return parent === undefined ? 0 : ends[parent];
}

/** @param {Branch[]} branches */
function byAuthor(branches) {
  const groups = /** @type {Map<string, Branch[]>} */ (new Map());
  for (const branch of branches) groups.set(branch.author, [...(groups.get(branch.author) ?? []), branch]);
  return groups;
}

/**
 * Returns whether no branch follows this one.
 *
 * @param {Branch[]} branches
 * @param {number} rank
 */
export function isLeaf(branches, rank) {
  return branches.every(({ parent }) => parent !== rank);
}

/**
 * Returns the place of each branch in the order in which events with equal lamport times are
 * executed: by author, then by the fingerprints of the branches where the histories fork.
 *
 * @param {Branch[]} branches
 * @returns {number[]}
 */
export function executionOrder(branches) {
  /** @type {(branch: Branch) => bigint[]} */
  const path = ({ parent, first = 0n }) => [...(parent === undefined ? [] : path(branches[parent])), first];
  const paths = branches.map(path);
  const compare = (/** @type {number} */ a, /** @type {number} */ b) => {
    const byAuthor = Buffer.compare(Buffer.from(branches[a].author), Buffer.from(branches[b].author));
    if (byAuthor !== 0) return byAuthor;
    const fork = paths[a].findIndex((first, depth) => first !== paths[b][depth]);
    const [one, other] = [paths[a][fork], paths[b][fork]];
    return fork < 0 || other === undefined ? paths[a].length - paths[b].length : one < other ? -1 : 1;
  };
  const places = /** @type {number[]} */ ([]);
  for (const [place, rank] of [...branches.keys()].sort(compare).entries()) places[rank] = place;
  return places;
}
