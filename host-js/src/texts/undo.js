// Undo and redo of a replica's own commits. The engine computes what takes a commit back; this
// module remembers the commits.

import * as check from '../check.js';
import { CompactedError, InvalidArgumentError } from '../errors.js';
import { dispose } from '../instance.js';
import { observeDoc } from '../observe.js';

/** @import { EventId } from '../../dist/wit/interfaces/converge-sync-types.js' */
/** @import { Doc } from '../doc.js' */
/** @import { CellValue, Op } from '../types.js' */
/**
 * The commits to undo and to redo, the latest last, as plain data. Each step is a list of events
 * that are taken back together, by permanent ids: own commits, and the steps on top of them that
 * were taken back already, with the commits that did so. What these changed in the step is taken
 * back with it, for example text of the step that was removed and that an undo inserted again.
 *
 * @typedef {{ undo: EventId[][], redo: EventId[][] }} UndoStacks
 * @typedef {{ pauseMs?: number, stacks?: UndoStacks }} UndoOptions `pauseMs`: commits with less time
 *   between them are one step; 500 by default. `stacks`: what `toJSON` returned earlier
 */
/**
 * Where an undo or a redo acted last. `start` and `end` are positions in UTF-16 code units, between
 * which the text is that came back; they are equal if text was removed.
 *
 * @typedef {{ table: string, row: string, column?: string, start?: number, end?: number }} Place
 * @typedef {{ event: EventId, place: Place }} UndoneStep `event`: the commit that took the step back
 */

const OPTIONS = ['pauseMs', 'stacks'];
const PAUSE_MS = 500;
/**
 * The maximum number of events that are joined to a step. A longer one could need more operations
 * than a commit may have.
 */
const MAX_STEP_EVENTS = 4096;
/** The maximum number of steps to undo. Each further one removes the oldest. */
const MAX_STEPS = 1000;

/**
 * Undoes and redoes the commits that this program makes by a document: by its functions, and by the
 * transactions and views that are opened after the manager was created. The commits of others are
 * never undone. What others have changed since is kept. The manager keeps the last 1,000 steps.
 */
export class UndoManager {
  #doc;
  #pauseMs;
  /** @type {EventId[][]} */
  #undo = [];
  /** @type {EventId[][]} */
  #redo = [];
  /** The time of the last commit, or `undefined` if the next one begins a step. */
  #last = /** @type {number | undefined} */ (undefined);
  #isStopped = false;

  /**
   * @param {Doc} doc
   * @param {UndoOptions} [options]
   */
  constructor(doc, options = {}) {
    const { pauseMs = PAUSE_MS, stacks } = /** @type {UndoOptions} */ (check.options(options, 'options', OPTIONS));
    this.#doc = doc;
    this.#pauseMs = check.milliseconds(pauseMs, 'pauseMs');
    if (stacks !== undefined) ({ undo: this.#undo, redo: this.#redo } = copied(stacks));
    observeDoc(doc, { before: () => {}, after: (result) => this.#wrote(result) });
  }

  /** Whether there are commits to undo. `undo` returns `null` if nothing of them shows any more. */
  get canUndo() {
    return this.#undo.length > 0;
  }

  /** Whether there are commits to redo. */
  get canRedo() {
    return this.#redo.length > 0;
  }

  /** Lets the next commit begin a new step. */
  pause() {
    this.#last = undefined;
  }

  /**
   * Takes back the last step of which something still shows.
   *
   * @returns {UndoneStep | null} `null` if there is none
   */
  undo() {
    return this.#takeBack(this.#undo, this.#redo);
  }

  /**
   * Takes back the last `undo`. A commit in between removes all steps to redo.
   *
   * @returns {UndoneStep | null} `null` if there is none
   */
  redo() {
    return this.#takeBack(this.#redo, this.#undo);
  }

  /**
   * Returns the stacks as plain data. Store them with the document, and pass them as the option
   * `stacks` after it was loaded again.
   *
   * @returns {UndoStacks}
   */
  toJSON() {
    return copied({ undo: this.#undo, redo: this.#redo });
  }

  /** Stops recording commits. */
  dispose() {
    this.#isStopped = true;
  }

  [dispose]() {
    this.dispose();
  }

  /** @param {unknown} result what a write returned: an event, a report of a merge, or nothing */
  #wrote(result) {
    if (this.#isStopped || !isEvent(result)) return;
    const event = this.#doc.permanentId(result);
    const now = performance.now();
    const step = this.#undo.at(-1);
    const isJoined = this.#last !== undefined && now - this.#last < this.#pauseMs;
    if (step !== undefined && isJoined && step.length < MAX_STEP_EVENTS) step.push(event);
    else this.#undo.push([event]);
    this.#undo.splice(0, this.#undo.length - MAX_STEPS);
    this.#last = now;
    this.#redo = [];
  }

  /**
   * @param {EventId[][]} steps
   * @param {EventId[][]} others takes the commit
   * @returns {UndoneStep | null}
   */
  #takeBack(steps, others) {
    this.pause();
    for (let step = steps.at(-1); step !== undefined; step = steps.at(-1)) {
      const ops = this.#inverseOf(step);
      const last = ops.at(-1);
      const event = last === undefined ? undefined : this.#commit(ops);
      const commits = event === undefined ? [] : [this.#doc.permanentId(event)];
      steps.pop();
      steps.at(-1)?.push(...step, ...commits);
      if (last === undefined || event === undefined) continue;
      others.push(commits);
      return { event, place: placeOf(this.#doc, last) };
    }
    return null;
  }

  /**
   * Returns the operations that take a step back, and removes events from it that the document does
   * not have any more, after a compaction for example.
   *
   * @param {EventId[]} step
   */
  #inverseOf(step) {
    const ops = this.#inverseOfKnown(step);
    if (ops !== undefined) return ops;
    const known = step.filter((event) => this.#inverseOfKnown([event]) !== undefined);
    step.splice(0, step.length, ...known);
    return this.#doc.inverseOf(step);
  }

  /**
   * @param {EventId[]} events
   * @returns {Op<CellValue>[] | undefined} `undefined` if the document does not have one of them
   */
  #inverseOfKnown(events) {
    try {
      return this.#doc.inverseOf(events);
    } catch (error) {
      if (error instanceof CompactedError || error instanceof InvalidArgumentError) return undefined;
      throw error;
    }
  }

  /**
   * Commits operations without recording them.
   *
   * @param {Op<CellValue>[]} ops
   */
  #commit(ops) {
    const wasStopped = this.#isStopped;
    this.#isStopped = true;
    try {
      return this.#doc.commit(ops);
    } finally {
      this.#isStopped = wasStopped;
    }
  }
}

/**
 * Returns where an operation acted that was just committed.
 *
 * @param {Doc} doc
 * @param {Op<CellValue>} op
 * @returns {Place}
 */
function placeOf(doc, op) {
  const { table, row } = op;
  if (op.op === 'splice') {
    const text = String(doc.get(table, row)?.[op.column] ?? '');
    const start = [...text].slice(0, op.at).join('').length;
    return { table, row, column: op.column, start, end: start + op.insert.length };
  }
  if (op.op === 'delete') return { table, row };
  const columns = op.op === 'add' ? [op.column] : op.op === 'unset' ? op.columns : Object.keys(op.cells);
  const column = columns.at(-1);
  return column === undefined ? { table, row } : { table, row, column };
}

/**
 * @param {unknown} result
 * @returns {result is EventId}
 */
function isEvent(result) {
  return typeof (/** @type {Partial<EventId> | null | undefined} */ (result)?.counter) === 'number';
}

/** @type {(stacks: UndoStacks) => UndoStacks} checks and copies stacks */
function copied(stacks) {
  const { undo, redo } = check.options(stacks, 'stacks', ['undo', 'redo']);
  return { undo: steps(undo, 'undo'), redo: steps(redo, 'redo') };
}

/**
 * @param {unknown} list
 * @param {string} what
 */
function steps(list, what) {
  const all = /** @type {EventId[][]} */ ([]);
  check.each(list, what, (step) => {
    const events = /** @type {EventId[]} */ ([]);
    check.each(step, '', (event) => {
      const { peer, counter } = check.options(event, '', ['peer', 'counter']);
      events.push({ peer: check.string(peer, 'peer'), counter: check.u32(counter, 'counter') });
    });
    all.push(events);
  });
  return all;
}
