// The interface to a table in each library, as in ../../src/libraries/mod.rs.

/** The text and the real in every row. */
export const NAME = 'Alice';
export const SHARE = 1.5;

/** @param {number} row */
export const id = (row) => `row${row}`;

/** @typedef {{ rows: number, nameBytes: number, numberSum: number, shareSum: number }} Contents */

/** @returns {Contents} */
export const nothing = () => ({ rows: 0, nameBytes: 0, numberSum: 0, shareSum: 0 });

/**
 * @param {Contents} contents
 * @param {string} name
 * @param {number} number
 * @param {number} share
 */
export function add(contents, name, number, share) {
  contents.rows++;
  contents.nameBytes += name.length;
  contents.numberSum += number;
  contents.shareSum += share;
}

/**
 * A replica of a table with rows of three cells.
 *
 * @typedef {object} Replica
 * @property {(first: number, end: number) => void} insert inserts rows in one transaction
 * @property {(updates: [row: number, number: number][]) => void} update sets the numbers of rows in one transaction
 * @property {(row: number) => number} get reads all cells of a row and returns its number
 * @property {() => Contents} read reads every cell of every row
 * @property {() => Uint8Array} save
 * @property {() => any} version the version of this replica
 * @property {(version: any) => Uint8Array} changesSince
 * @property {(changes: Uint8Array) => void} merge
 * @property {(other: any) => { messages: number, bytes: number }} sync brings both replicas to the same state
 *
 * @typedef {object} ReplicaClass
 * @property {(peer: number) => Replica | Promise<Replica>} create
 * @property {(peer: number, saved: Uint8Array) => Replica} load
 * @property {boolean} [groups] whether only large transactions are measured
 * @property {((saved: Uint8Array, row: number) => number)} [open] returns the number of one row in saved bytes
 */

/**
 * Synchronizes two replicas by exchanging versions and changes.
 *
 * @param {Replica} one
 * @param {Replica} other
 * @param {(version: any) => Uint8Array} bytesOf the bytes of a version
 */
export function exchange(one, other, bytesOf) {
  const [here, there] = [one.version(), other.version()];
  const [coming, going] = [other.changesSince(here), one.changesSince(there)];
  one.merge(coming);
  other.merge(going);
  const bytes = [bytesOf(here), bytesOf(there), coming, going].reduce((sum, { length }) => sum + length, 0);
  return { messages: 4, bytes };
}
