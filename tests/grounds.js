// Finds the grounds of edits, additions and splices, as docs/semantics.md defines them: the write or the delete that left the
// value there which the author of an edit saw in the cell.
import { ABSENT } from './bytes.js';
import { FIRST_EVENT, NONE } from './states.js';

/** What a ground is: a delete, a write that does not count, or one that counts. */
export const [DELETE, HIDDEN, WRITE] = [0, 1, 2];
const NEVER = { number: NONE, place: 0 };
/** The order of settled operations, which have one stamp. */
const ORDER = ['delete', 'insert', 'update', 'unset'];
/** The kinds of values that edits act on, in addition to none. */
const BASES = { add: 'integer', splice: 'text' };

/** @import { NumberedCell } from './bytes.js' */
/** @import { Horizon, NumberedOp, StateRow } from './format.js' */
/** @import { LinkedRun } from './links.js' */
/** @import { Stamp, State, StateCell } from './states.js' */
/**
 * @typedef {{ isWrite: boolean, stamp: Stamp }} Ground
 * @typedef {{ edit: Stamp, ground: Ground | undefined }} Kept the ground of an edit that does not build on the horizon
 * @typedef {(a: Stamp, b: Stamp) => number} Compare compares stamps in the order of execution
 * @typedef {Stamp & Pick<NumberedOp, 'cells' | 'splice'> & { tag: string, counter: number, run?: LinkedRun }} PlacedOp an
 *   operation of an event of a run, or one that was compacted
 * @typedef {keyof typeof BASES} EditTag
 */

/** @type {(op: { tag: string }) => boolean} */
export const isEdit = ({ tag }) => tag === 'add' || tag === 'splice';

/**
 * Returns the ground of this kind that the edits of a cell can have, if there is one.
 *
 * @param {{ column: number, kind: number }} edited
 * @param {EditTag} tag
 * @param {State} state of the row
 * @param {Compare} compare
 * @returns {Ground | undefined}
 */
export function groundOf({ column, kind }, tag, state, compare) {
  const latest = latestOf(state, column);
  const counts = doesCount(latest, state, compare);
  if (kind === DELETE) return exists(state) && !counts ? { isWrite: false, stamp: state.remove } : undefined;
  const isRight = latest !== undefined && counts === (kind === WRITE) && isBase(latest.value, tag);
  return isRight ? { isWrite: true, stamp: latest } : undefined;
}

/**
 * Returns the kind of a ground that is the last write or delete of a cell.
 *
 * @param {Ground} ground
 * @param {State} state
 * @param {number} column
 * @param {Compare} compare
 */
export function kindOf({ isWrite }, state, column, compare) {
  if (!isWrite) return DELETE;
  return doesCount(latestOf(state, column), state, compare) ? WRITE : HIDDEN;
}

/**
 * Returns, for each run, how many events of each peer its first event builds on.
 *
 * @param {LinkedRun[]} runs
 * @param {Horizon} horizon
 * @returns {Map<LinkedRun | undefined, number[]>}
 */
export function knownCounts(runs, { counts, named }) {
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
export function countAt({ run, counter }, counts, peer) {
  return run?.peer === peer ? counter + 1 : counts[peer];
}

/**
 * Returns whether the author of an edit saw an operation. All see what was at the horizon.
 *
 * @param {PlacedOp} op
 * @param {PlacedOp} edit
 * @param {number[]} counts of the run of the edit
 */
export function isSeen(op, edit, counts) {
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
export function opsByRow(runs, { stamps }, rows) {
  const numbers = new Map(rows.map(({ table, id }, number) => [`${table} ${id}`, number]));
  const byRow = /** @type {Map<number, PlacedOp[]>} */ (new Map());
  let event = FIRST_EVENT + stamps.length;
  for (const run of runs) {
    for (const [k, ops] of run.commits.entries()) {
      const number = event++;
      for (const [place, { tag, row, cells, splice }] of ops.entries()) {
        const at = numbers.get(`${row.table} ${row.id}`) ?? -1;
        const placed = { number, place, tag, cells, splice, run, counter: run.start + k };
        byRow.set(at, [...(byRow.get(at) ?? []), placed]);
      }
    }
  }
  return byRow;
}

/** @type {(state: State) => PlacedOp[]} */
export function opsOfState(state) {
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
 * Executes plain operations. Returns what an edit of the column then builds on, or `undefined` if
 * it is void.
 *
 * @param {PlacedOp[]} ops
 * @param {number} column
 * @param {EditTag} tag
 * @param {Compare} compare
 * @returns {Ground | undefined}
 */
export function groundAfter(ops, column, tag, compare) {
  let isThere = false;
  let ground = /** @type {Ground} */ ({ isWrite: false, stamp: NEVER });
  let last = ground;
  let value = /** @type {NumberedCell['value']} */ (ABSENT);
  const inOrder = ops.toSorted((a, b) => compare(a, b) || ORDER.indexOf(a.tag) - ORDER.indexOf(b.tag));
  for (const { number, place, tag: of, cells } of inOrder) {
    if (of === 'delete') {
      isThere = false;
      last = { isWrite: false, stamp: { number, place } };
      [ground, value] = [last, ABSENT];
      continue;
    }
    if (of === 'insert') isThere = true;
    const cell = cells.find((cell) => cell.column === column);
    if (cell !== undefined && isThere) [ground, value] = [{ isWrite: true, stamp: { number, place } }, cell.value];
  }
  return isThere && isBase(value, tag) ? ground : undefined;
}

/**
 * Returns whether the ground is the last write or delete of a cell.
 *
 * @param {Ground} ground
 * @param {State} state
 * @param {number} column
 * @param {Compare} compare
 */
export function isLast({ isWrite, stamp }, state, column, compare) {
  const latest = latestOf(state, column);
  if (isWrite) return latest !== undefined && isSame(latest, stamp);
  return exists(state) && isSame(state.remove, stamp) && !doesCount(latest, state, compare);
}

/** @type {(state: State, column: number) => StateCell | undefined} */
export const latestOf = ({ cells }, column) => cells.find((cell) => cell.column === column);
/** @type {(write: StateCell | undefined, state: State, compare: Compare) => boolean} */
const doesCount = (write, state, compare) =>
  write !== undefined && exists(state) && compare(state.inserts[0], write) <= 0;
const isBase = (/** @type {NumberedCell['value']} */ value, /** @type {EditTag} */ tag) =>
  value === undefined || ['absent', 'null', BASES[tag]].includes(value.tag);
const exists = (/** @type {State} */ { inserts }) => inserts[0].number !== NONE;
const isSame = (/** @type {Stamp} */ a, /** @type {Stamp} */ b) => a.number === b.number && a.place === b.place;
export const placeOf = (/** @type {Stamp} */ { number, place }) => `${number} ${place}`;
