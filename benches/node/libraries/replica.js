// A table as each library keeps it: what ../../src/libraries/mod.rs asks of the libraries of Rust.

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
 * @property {(first: number, end: number) => void} insert rows, in one transaction
 * @property {(updates: [row: number, number: number][]) => void} update numbers of rows, in one transaction
 * @property {(row: number) => number} get the number of a row, after reading its other cells too
 * @property {() => Contents} read every cell of every row
 * @property {() => Uint8Array} save
 * @property {() => any} version what this replica knows
 * @property {(version: any) => Uint8Array} changesSince
 * @property {(changes: Uint8Array) => void} merge
 * @property {(other: any) => { messages: number, bytes: number }} sync brings both to the same state
 *
 * @typedef {object} ReplicaClass
 * @property {(peer: number) => Replica | Promise<Replica>} create
 * @property {(peer: number, saved: Uint8Array) => Replica} load
 * @property {boolean} [groups] whether it is measured in groups of operations alone
 * @property {((saved: Uint8Array, row: number) => number)} [open] the number of one row of saved bytes
 */

/**
 * What two replicas exchange by versions and changes.
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
