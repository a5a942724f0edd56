// Reads the states of rows in the bytes of documents, as docs/format.md defines them, and compares stamps.
import { ABSENT, check, checkAscending, counting, sum } from './bytes.js';

export const [NONE, SETTLED, FIRST_EVENT] = [0, 1, 2]; // numbers in stamps

/** @import { Bytes, NumberedCell } from './bytes.js' */
/** @import { Names, StateRow, Time } from './format.js' */
/** @import { Compare } from './grounds.js' */
/**
 * The number of an event and the place of an operation in it, and what the operations on a row left
 * there: its latest delete, the inserts after it, and the latest write of each cell.
 *
 * @typedef {{ number: number, place: number }} Stamp
 * @typedef {NumberedCell & Stamp & { shows?: boolean, isWritten?: boolean }} StateCell
 * @typedef {{ remove: Stamp, inserts: Stamp[], cells: StateCell[] }} State
 */

/**
 * Reads the states of `count` rows. Values that the states of `known` contain, too, are not
 * repeated.
 *
 * @param {Bytes} bytes
 * @param {number} count
 * @param {Names} names
 * @param {StateRow[]} known
 * @returns {State[]}
 */
export function readStates(bytes, count, names, known = []) {
  const deletes = [bytes.numbers(count), bytes.numbers(count)];
  const firsts = [bytes.deltas(count).map(counting), bytes.deltas(count).map(counting)];
  const furtherCounts = bytes.numbers(count);
  const further = [bytes.zigzags(sum(furtherCounts)), bytes.numbers(sum(furtherCounts))];
  const shapes = bytes.numbers(count).map((shape) => /** @type {StateCell[]} */ (names.cells(shape)));
  const cellCount = sum(shapes.map((cells) => cells.length));
  const writes = [bytes.zigzags(cellCount), bytes.zigzags(cellCount)];
  const shows = bytes.numbers(cellCount, 2);
  let [insertCount, cellIndex] = [0, 0];
  const lacking = /** @type {NumberedCell[]} */ ([]);
  const states = shapes.map((cells, i) => {
    const [number, place] = firsts.map((column) => column[i]);
    const inserts = [{ number, place }];
    for (let k = 0; k < furtherCounts[i]; k++, insertCount++) {
      inserts.push({ number: number + further[0][insertCount], place: further[1][insertCount] });
    }
    for (const cell of cells) {
      cell.number = number + writes[0][cellIndex];
      cell.place = place + writes[1][cellIndex];
      cell.shows = shows[cellIndex++] === 1;
      if (!copyValue(cell, known[i]?.state, cell)) lacking.push(cell);
    }
    return { remove: { number: deletes[0][i], place: deletes[1][i] }, inserts, cells };
  });
  bytes.values(lacking);
  return states;
}

/**
 * Copies the value from the row's state if the same operation wrote it. Returns whether it did.
 *
 * @param {NumberedCell} cell
 * @param {State | undefined} state
 * @param {Stamp} stamp
 */
export function copyValue(cell, state, { number, place }) {
  const same = state?.cells.find(
    (other) => other.column === cell.column && other.number === number && other.place === place,
  );
  if (same === undefined) return false;
  same.isWritten = true;
  cell.value = same.value;
  return true;
}

/**
 * Checks that the stamps of a state are possible, and which cells are visible.
 *
 * @param {State} state
 * @param {(Time | null | undefined)[]} stamps
 * @param {number[]} places
 */
export function checkState({ remove, inserts, cells }, stamps, places) {
  for (const stamp of [remove, ...inserts, ...cells]) checkStamp(stamp, stamps);
  const compare = comparing(stamps, places);
  check('a delete is settled', remove.number !== SETTLED);
  if (isThere({ inserts })) checkAscending([remove, ...inserts], compare);
  else check('a missing row has further inserts', inserts.length === 1);
  for (const cell of cells) {
    check('a write comes before the delete', compare(remove, cell) < 0);
    check(
      'the visibility of a cell is wrong',
      cell.shows === (cell.value !== ABSENT && isThere({ inserts }) && compare(inserts[0], cell) <= 0),
    );
    check('a settled write is not visible', cell.shows || cell.number !== SETTLED);
  }
}

/** @type {(stamp: Stamp, stamps: (Time | null | undefined)[]) => void} */
export function checkStamp({ number, place }, stamps) {
  const isEvent = number >= FIRST_EVENT && number < stamps.length && place >= 0;
  check('a stamp belongs to no event', isEvent || (stamps[number] === null && place === 0));
}

/**
 * Returns a function that compares stamps in the order of execution.
 *
 * @type {(stamps: (Time | null | undefined)[], places: number[]) => Compare}
 */
export function comparing(stamps, places) {
  return (a, b) => {
    const [one, other] = [stamps[a.number], stamps[b.number]];
    if (!one || !other) return a.number - b.number;
    return one.lamport - other.lamport || places[one.peer] - places[other.peer] || a.place - b.place;
  };
}

export const isThere = (/** @type {Pick<State, 'inserts'>} */ { inserts }) => inserts[0].number !== NONE;
export const isKnown = (/** @type {State} */ state) =>
  isThere(state) || state.remove.number !== NONE || state.cells.length > 0;
