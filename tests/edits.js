// Reads the sums of additions to cells in the bytes of a document, as docs/format.md defines them, and computes them again
// from the history.
import { ABSENT, check, checkAscending, counting, next, unzigzag } from './bytes.js';

const [DELETE, HIDDEN, WRITE] = [0, 1, 2]; // what the ground of a sum is: a delete, a write that does not count, or one that does
const [KEPT_NOTHING, KEPT_WRITE] = [0, 2]; // kinds of kept grounds: none, if the edit can never count; 1 a delete; a write
const [NONE, SETTLED, FIRST_EVENT] = [0, 1, 2]; // numbers in stamps
const NEVER = { number: NONE, place: 0 };
const [MIN_INTEGER, MAX_INTEGER] = [-(2n ** 63n), 2n ** 63n - 1n];
/** The order of settled operations, which have one stamp. */
const ORDER = ['delete', 'insert', 'update', 'unset'];

/** @import { Bytes, NumberedCell } from './bytes.js' */
/** @import { Horizon, Stamp, State, StateCell, StateRow } from './format.js' */
/** @import { LinkedRun } from './links.js' */
/**
 * The sum of the additions to one cell that have one ground, and what the ground is. A ground is
 * the write or the delete that left the value there which the authors of the additions saw.
 *
 * @typedef {{ row: number, column: number, kind: number, amount: bigint }} Sum
 * @typedef {{ isWrite: boolean, stamp: Stamp }} Ground
 * @typedef {{ edit: Stamp, ground: Ground | undefined }} Kept the ground of an edit that does not build on the horizon
 * @typedef {ReturnType<typeof readEdits>} Edits
 * @typedef {(a: Stamp, b: Stamp) => number} Compare compares stamps in the order of execution
 * @typedef {Stamp & { tag: string, cells: NumberedCell[], counter: number, run?: LinkedRun }} PlacedOp an operation of
 *   an event of a run, or one that was compacted
 */

/** @type {Edits} */
export const NO_EDITS = { now: [], changed: [], kept: [] };

/**
 * Reads the sums of the present rows, those of changed rows at the horizon, and the kept grounds.
 *
 * @param {Bytes} section
 * @param {number} columns
 */
export function readEdits(section, columns) {
  const [now, changed] = [readSums(section, columns), readSums(section, columns)];
  const kept = readKept(section);
  check('the section of edits is empty', now.length + changed.length + kept.length > 0);
  section.end('the edits');
  return { now, changed, kept };
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
    check('a sum belongs to no cell that can be added to', groundOf(sum, state, compare) !== undefined);
  }
}

/** @type {(sum: Sum, state: State, compare: Compare) => Ground | undefined} */
function groundOf({ column, kind }, state, compare) {
  const latest = latestOf(state, column);
  const counts = doesCount(latest, state, compare);
  if (kind === DELETE) return exists(state) && !counts ? { isWrite: false, stamp: state.remove } : undefined;
  const isRight = latest !== undefined && counts === (kind === WRITE) && canAdd(latest.value);
  return isRight ? { isWrite: true, stamp: latest } : undefined;
}

/**
 * Returns the visible cells of an existing row, with the sums of its additions.
 *
 * @param {State} state
 * @param {Sum[]} sums of the row
 * @returns {NumberedCell[]}
 */
export function shownCells({ cells }, sums) {
  const shown = new Map(cells.filter((cell) => cell.shows).map(({ column, value }) => [column, value]));
  for (const { column, kind, amount } of sums) {
    if (kind === HIDDEN) continue;
    const base = shown.get(column);
    const all = amount + (base?.tag === 'integer' ? base.val : 0n);
    const val = all < MIN_INTEGER ? MIN_INTEGER : all > MAX_INTEGER ? MAX_INTEGER : all;
    shown.set(column, { tag: 'integer', val });
  }
  return [...shown].map(([column, value]) => ({ column, value })).sort((a, b) => a.column - b.column);
}

/**
 * Checks that grounds are kept for exactly the additions that do not build on the horizon.
 *
 * @param {LinkedRun[]} runs
 * @param {Horizon} horizon
 * @param {StateRow[]} rows
 * @param {Edits} edits
 */
export function checkKept(runs, horizon, rows, { kept }) {
  const known = knownCounts(runs, horizon);
  const edits = [...opsByRow(runs, horizon, rows).values()].flat().filter(({ tag }) => tag === 'add');
  const isAbove = (/** @type {PlacedOp} */ edit) =>
    horizon.counts.every((least, peer) => countAt(edit, known.get(edit.run) ?? [], peer) >= least);
  const expected = new Set(edits.filter((edit) => !isAbove(edit)).map(placeOf));
  const found = kept.map(({ edit }) => placeOf(edit));
  const isRight = found.length === expected.size && found.every((place) => expected.has(place));
  check('grounds are kept for other additions than those that do not build on the horizon', isRight);
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
    const plain = [...(base === undefined ? [] : opsOfState(base)), ...ops.filter(({ tag }) => tag !== 'add')];
    const sums = /** @type {Map<string, Sum>} */ (new Map());
    /** @type {(column: number, ground: Ground | undefined, amount: bigint) => void} */
    const count = (column, ground, amount) => {
      if (ground === undefined || !isLast(ground, state, column, compare)) return;
      const counts = doesCount(latestOf(state, column), state, compare);
      const kind = !ground.isWrite ? DELETE : counts ? WRITE : HIDDEN;
      const before = sums.get(`${column} ${kind}`)?.amount ?? 0n;
      sums.set(`${column} ${kind}`, { row: number, column, kind, amount: before + amount });
    };
    for (const sum of edits.changed) {
      if (sum.row === number && base !== undefined) count(sum.column, groundOf(sum, base, compare), sum.amount);
    }
    for (const edit of ops.filter(({ tag }) => tag === 'add')) {
      const { column, value } = edit.cells[0];
      const counts = known.get(edit.run) ?? [];
      const seen = plain.filter((op) => isSeen(op, edit, counts));
      const { ground } = kept.get(placeOf(edit)) ?? { ground: groundAfter(seen, column, compare) };
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

/**
 * Returns, for each run, how many events of each peer its first event builds on.
 *
 * @param {LinkedRun[]} runs
 * @param {Horizon} horizon
 * @returns {Map<LinkedRun | undefined, number[]>}
 */
function knownCounts(runs, { counts, named }) {
  /** @type {Map<LinkedRun | undefined, number[]>} */
  const known = new Map();
  for (const run of runs) {
    const all = run.deps.map(({ peer, counter, run: of }) => {
      const stub = named.find((stub) => stub.peer === peer && stub.counter === counter);
      return stub?.known ?? counts.map((_, other) => (other === peer ? counter + 1 : (known.get(of)?.[other] ?? 0)));
    });
    known.set(
      run,
      counts.map((_, peer) => Math.max(0, ...all.map((counts) => counts[peer]))),
    );
  }
  return known;
}

/**
 * Returns how many events of a peer the event of an operation builds on, including itself.
 *
 * @param {PlacedOp} op
 * @param {number[]} counts those of its run
 * @param {number} peer
 */
function countAt({ run, counter }, counts, peer) {
  return run?.peer === peer ? counter + 1 : counts[peer];
}

/**
 * Returns whether the author of an addition saw an operation. All see what was at the horizon.
 *
 * @param {PlacedOp} op
 * @param {PlacedOp} edit
 * @param {number[]} counts of the run of the addition
 */
function isSeen(op, edit, counts) {
  if (op.run === undefined) return true;
  return op.number === edit.number ? op.place < edit.place : countAt(edit, counts, op.run.peer) > op.counter;
}

/**
 * Returns the operations of the history by the number of their row.
 *
 * @param {LinkedRun[]} runs
 * @param {Horizon} horizon
 * @param {StateRow[]} rows
 * @returns {Map<number, PlacedOp[]>}
 */
function opsByRow(runs, { stamps }, rows) {
  const numbers = new Map(rows.map(({ table, id }, number) => [`${table} ${id}`, number]));
  const byRow = /** @type {Map<number, PlacedOp[]>} */ (new Map());
  let event = FIRST_EVENT + stamps.length;
  for (const run of runs) {
    for (const [k, ops] of run.commits.entries()) {
      const number = event++;
      for (const [place, { tag, row, cells }] of ops.entries()) {
        const at = numbers.get(`${row.table} ${row.id}`) ?? -1;
        const placed = { number, place, tag, cells, run, counter: run.start + k };
        byRow.set(at, [...(byRow.get(at) ?? []), placed]);
      }
    }
  }
  return byRow;
}

/** @type {(state: State) => PlacedOp[]} */
function opsOfState(state) {
  const inserts = exists(state) ? state.inserts : [];
  return [
    ...[state.remove].map((stamp) => ({ ...stamp, tag: 'delete', cells: [], counter: 0 })),
    ...inserts.map((stamp) => ({ ...stamp, tag: 'insert', cells: [], counter: 0 })),
    ...state.cells.map((cell) => ({
      number: cell.number,
      place: cell.place,
      tag: 'update',
      cells: [cell],
      counter: 0,
    })),
  ];
}

/**
 * Executes plain operations. Returns what an addition to the column then builds on, or `undefined`
 * if it is void.
 *
 * @param {PlacedOp[]} ops
 * @param {number} column
 * @param {Compare} compare
 * @returns {Ground | undefined}
 */
function groundAfter(ops, column, compare) {
  let isThere = false;
  let ground = /** @type {Ground} */ ({ isWrite: false, stamp: NEVER });
  let last = ground;
  let value = /** @type {NumberedCell['value']} */ (ABSENT);
  const inOrder = ops.toSorted((a, b) => compare(a, b) || ORDER.indexOf(a.tag) - ORDER.indexOf(b.tag));
  for (const { number, place, tag, cells } of inOrder) {
    if (tag === 'delete') {
      isThere = false;
      last = { isWrite: false, stamp: { number, place } };
      [ground, value] = [last, ABSENT];
      continue;
    }
    if (tag === 'insert') isThere = true;
    const cell = cells.find((cell) => cell.column === column);
    if (cell !== undefined && isThere) [ground, value] = [{ isWrite: true, stamp: { number, place } }, cell.value];
  }
  return isThere && canAdd(value) ? ground : undefined;
}

/**
 * Returns whether the ground is the last write or delete of a cell.
 *
 * @param {Ground} ground
 * @param {State} state
 * @param {number} column
 * @param {Compare} compare
 */
function isLast({ isWrite, stamp }, state, column, compare) {
  const latest = latestOf(state, column);
  if (isWrite) return latest !== undefined && isSame(latest, stamp);
  return exists(state) && isSame(state.remove, stamp) && !doesCount(latest, state, compare);
}

/** @type {(state: State, column: number) => StateCell | undefined} */
const latestOf = ({ cells }, column) => cells.find((cell) => cell.column === column);
/** @type {(write: StateCell | undefined, state: State, compare: Compare) => boolean} */
const doesCount = (write, state, compare) =>
  write !== undefined && exists(state) && compare(state.inserts[0], write) <= 0;
const canAdd = (/** @type {NumberedCell['value']} */ value) =>
  value === undefined || ['absent', 'null', 'integer'].includes(value.tag);
const exists = (/** @type {State} */ { inserts }) => inserts[0].number !== NONE;
const isSame = (/** @type {Stamp} */ a, /** @type {Stamp} */ b) => a.number === b.number && a.place === b.place;
const placeOf = (/** @type {Stamp} */ { number, place }) => `${number} ${place}`;
