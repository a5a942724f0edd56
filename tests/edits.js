// Reads the edits of cells in the bytes of a document, as docs/format.md defines them: sums of additions, and texts. Computes
// the sums again from the history.
import { check, checkAscending, counting, next, unzigzag } from './bytes.js';
import { HIDDEN, WRITE, groundAfter, groundOf, isEdit, isLast, isSeen, kindOf } from './grounds.js';
import { countAt, knownCounts, opsByRow, opsOfState, placeOf } from './grounds.js';
import { NONE, SETTLED } from './states.js';
import { NO_TEXTS, readTexts } from './texts.js';

const [KEPT_NOTHING, KEPT_WRITE] = [0, 2]; // kinds of kept grounds: none, if the edit can never count; 1 a delete; a write
const [MIN_INTEGER, MAX_INTEGER] = [-(2n ** 63n), 2n ** 63n - 1n];

/** @import { Bytes, NumberedCell } from './bytes.js' */
/** @import { Horizon, StateRow } from './format.js' */
/** @import { Compare, Ground, Kept, PlacedOp } from './grounds.js' */
/** @import { LinkedRun } from './links.js' */
/** @import { State } from './states.js' */
/**
 * The sum of the additions to one cell that have one ground, and what the ground is. A ground is
 * the write or the delete that left the value there which the authors of the additions saw.
 *
 * @typedef {{ row: number, column: number, kind: number, amount: bigint }} Sum
 * @typedef {{ column: number, kind: number, text: string | undefined }} ShownText undefined if the text shows nothing
 * @typedef {ReturnType<typeof readEdits>} Edits
 */

/** @type {Edits} */
export const NO_EDITS = { now: [], changed: [], kept: [], texts: NO_TEXTS };

/**
 * Reads the sums of the present rows, those of changed rows at the horizon, the kept grounds, and
 * the texts.
 *
 * @param {Bytes} section
 * @param {number} columns
 * @param {number} splices how many splices the history has
 */
export function readEdits(section, columns, splices) {
  const [now, changed] = [readSums(section, columns), readSums(section, columns)];
  const kept = readKept(section);
  const texts = section.left > 0 ? readTexts(section, columns, splices) : NO_TEXTS;
  check('the section of edits is empty', now.length + changed.length + kept.length > 0 || texts !== NO_TEXTS);
  section.end('the edits');
  return { now, changed, kept, texts };
}

/** @type {(section: Bytes, columns: number) => Sum[]} */
function readSums(section, columnCount) {
  const count = section.number();
  if (count === 0) return [];
  const rows = section.deltas(count).map(counting);
  const columns = section.numbers(count, columnCount);
  const kinds = section.numbers(count, WRITE + 1);
  const rests = section.column(count).map(unzigzag);
  const carries = section.column(count).map(unzigzag);
  check(
    'the sums are within their range',
    carries.every((carry) => carry >= -(2n ** 62n) && carry <= 2n ** 62n),
  );
  const sums = rows.map((row, i) => {
    return { row, column: columns[i], kind: kinds[i], amount: carries[i] * 2n ** 64n + rests[i] };
  });
  checkAscending(sums, (a, b) => a.row - b.row || a.column - b.column || Math.sign(a.kind) - Math.sign(b.kind));
  return sums;
}

/** @type {(section: Bytes) => Kept[]} */
function readKept(section) {
  const count = section.number();
  if (count === 0) return [];
  const numbers = section.deltas(count).map(counting);
  const places = section.numbers(count);
  const kinds = section.numbers(count, KEPT_WRITE + 1);
  const grounded = kinds.filter((kind) => kind !== KEPT_NOTHING).length;
  const grounds = section.numbers(grounded).values();
  const groundPlaces = section.numbers(grounded).values();
  const kept = kinds.map((kind, i) => {
    const edit = { number: numbers[i], place: places[i] };
    if (kind === KEPT_NOTHING) return { edit, ground: undefined };
    const stamp = { number: next(grounds), place: next(groundPlaces) };
    const isWrite = kind === KEPT_WRITE;
    check('a kept ground is impossible', stamp.number !== (isWrite ? NONE : SETTLED));
    return { edit, ground: { isWrite, stamp } };
  });
  checkAscending(kept, ({ edit: a }, { edit: b }) => a.number - b.number || a.place - b.place);
  return kept;
}

/**
 * Checks that each sum belongs to a cell that can be added to. `stateOf` returns the state of a row
 * by its number.
 *
 * @param {Sum[]} sums
 * @param {(row: number) => State | undefined} stateOf
 * @param {Compare} compare
 */
export function checkGrounds(sums, stateOf, compare) {
  for (const sum of sums) {
    const state = stateOf(sum.row);
    check('a sum belongs to no row', state !== undefined);
    check('a sum belongs to no cell that can be added to', groundOf(sum, 'add', state, compare) !== undefined);
  }
}

/**
 * Returns the visible cells of an existing row, with the sums of its additions and its texts.
 *
 * @param {State} state
 * @param {Sum[]} sums of the row
 * @param {ShownText[]} texts of the row
 * @returns {NumberedCell[]}
 */
export function shownCells({ cells }, sums, texts) {
  const shown = new Map(cells.filter((cell) => cell.shows).map(({ column, value }) => [column, value]));
  for (const { column, kind, amount } of sums) {
    if (kind === HIDDEN) continue;
    const base = shown.get(column);
    const all = amount + (base?.tag === 'integer' ? base.val : 0n);
    const val = all < MIN_INTEGER ? MIN_INTEGER : all > MAX_INTEGER ? MAX_INTEGER : all;
    shown.set(column, { tag: 'integer', val });
  }
  // A cell with a text and a sum shows the text.
  for (const { column, kind, text } of texts) {
    if (kind !== HIDDEN && text !== undefined) shown.set(column, { tag: 'text', val: text });
  }
  return [...shown].map(([column, value]) => ({ column, value })).sort((a, b) => a.column - b.column);
}

/**
 * Checks that grounds are kept for exactly the edits that do not build on the horizon.
 *
 * @param {LinkedRun[]} runs
 * @param {Horizon} horizon
 * @param {StateRow[]} rows
 * @param {Edits} edits
 */
export function checkKept(runs, horizon, rows, { kept }) {
  const known = knownCounts(runs, horizon);
  const edits = [...opsByRow(runs, horizon, rows).values()].flat().filter(isEdit);
  const isAbove = (/** @type {PlacedOp} */ edit) =>
    horizon.counts.every((least, peer) => countAt(edit, known.get(edit.run) ?? [], peer) >= least);
  const expected = new Set(edits.filter((edit) => !isAbove(edit)).map(placeOf));
  const found = kept.map(({ edit }) => placeOf(edit));
  const isRight = found.length === expected.size && found.every((place) => expected.has(place));
  check('grounds are kept for other edits than those that do not build on the horizon', isRight);
}

/**
 * Checks that the present sums of a document follow from its history: from the sums at the horizon,
 * and the additions since.
 *
 * @param {LinkedRun[]} runs
 * @param {Horizon} horizon
 * @param {StateRow[]} rows
 * @param {Map<number, State>} changed the states of changed rows at the horizon, by number of the row
 * @param {Edits} edits
 * @param {Compare} compare
 */
export function checkSums(runs, horizon, rows, changed, edits, compare) {
  const known = knownCounts(runs, horizon);
  const kept = new Map(edits.kept.map(({ edit, ground }) => [placeOf(edit), { ground }]));
  for (const [number, ops] of opsByRow(runs, horizon, rows)) {
    const { state } = rows[number];
    const base = changed.get(number);
    const plain = [...(base === undefined ? [] : opsOfState(base)), ...ops.filter((op) => !isEdit(op))];
    const sums = /** @type {Map<string, Sum>} */ (new Map());
    /** @type {(column: number, ground: Ground | undefined, amount: bigint) => void} */
    const count = (column, ground, amount) => {
      if (ground === undefined || !isLast(ground, state, column, compare)) return;
      const kind = kindOf(ground, state, column, compare);
      const before = sums.get(`${column} ${kind}`)?.amount ?? 0n;
      sums.set(`${column} ${kind}`, { row: number, column, kind, amount: before + amount });
    };
    for (const sum of edits.changed) {
      if (sum.row === number && base !== undefined) count(sum.column, groundOf(sum, 'add', base, compare), sum.amount);
    }
    for (const edit of ops.filter(({ tag }) => tag === 'add')) {
      const { column, value } = edit.cells[0];
      const counts = known.get(edit.run) ?? [];
      const seen = plain.filter((op) => isSeen(op, edit, counts));
      const { ground } = kept.get(placeOf(edit)) ?? { ground: groundAfter(seen, column, 'add', compare) };
      check('an addition adds no integer', value?.tag === 'integer');
      count(column, ground, value.val);
    }
    const found = edits.now.filter((sum) => sum.row === number);
    const byPlace = (/** @type {Sum} */ a, /** @type {Sum} */ b) => a.column - b.column || a.kind - b.kind;
    const expected = [...sums.values()].sort(byPlace);
    check('the sums do not follow from the history', show(found) === show(expected));
  }
}

const show = (/** @type {Sum[]} */ sums) =>
  sums.map(({ column, kind, amount }) => `${column} ${kind} ${amount}`).join();
