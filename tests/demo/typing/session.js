// Generates a session of two people from a seed, in the form of the published ones. Each person writes words at changing places,
// corrects mistakes and removes words, sees what the other one types a little later, and is offline at times. The text at the end
// follows from the rule for texts alone.
import { Random } from '../../history.js';
import { Text } from '../../fugue.js';

/** @import { Patch } from '../../traces.js' */
/**
 * A keystroke in the form of the published files. `agent` 0 or 1 is its author; `parents` are
 * indices of keystrokes.
 *
 * @typedef {{ agent: number, parents: number[], patches: Patch[] }} Txn
 * @typedef {{ agent: number, counter: number }} Edit
 */

const AGENTS = [0, 1];
/** The number of ticks. In each, a person types at most one keystroke. */
const TICKS = 1500;
/** The ticks after which a keystroke shows on the screen of the other person. */
const LATENCY = 8;
/** Both people are offline in the first ticks of each period, except the first one. */
const PERIOD = 300;
const OFFLINE = 100;
/** The chances, in percent, that a person types in a tick, and of what comes after a word. */
const TYPES = 80;
const MOVES = 10;
const REMOVES = 8;
const ENDS_SENTENCE = 8;
const MISTYPES = 4;

/**
 * The key that removes the character before the cursor. At the start of the text, people type a
 * space instead.
 */
const BACKSPACE = '\b';
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const WORDS =
  `a about after all and another as at before both bring by café change copy every find first for from garden good green
  half has have hour house if in is it its keep kind last later letter light line list little long make many märz more most morning
  new next night no not note of offline on one or other our over page paper people place quiet rain read river same see sentence side
  small some soon store street sun table text that the their then there these they this time to together train tree two under until
  up walk was water we week when which while wind with word write year you`.split(/\s+/);

/**
 * Returns the session of a seed.
 *
 * @param {number} seed
 * @returns {{ kind: 'concurrent', numAgents: number, endContent: string, txns: Txn[] }}
 */
export function session(seed) {
  const random = new Random(seed);
  const text = /** @type {Text<Edit>} */ (new Text('', (a, b) => a.agent - b.agent || a.counter - b.counter));
  const writers = AGENTS.map((agent) => new Writer(agent, random));
  /** @type {Txn[]} */
  const txns = [];
  for (let tick = 0; tick < TICKS; tick++) {
    const isOffline = tick >= PERIOD && tick % PERIOD < OFFLINE;
    for (const writer of writers) {
      const other = writers[1 - writer.agent];
      if (!isOffline) writer.see(other, tick - LATENCY);
      if (random.chance(TYPES, 100)) txns.push(writer.type(text, other, tick, txns.length));
    }
  }
  return { kind: 'concurrent', numAgents: AGENTS.length, endContent: text.read(), txns };
}

class Writer {
  #random;
  /** The characters to type next, the next one last. */
  #plan = /** @type {string[]} */ ([]);
  /** The edit that inserted the character before the cursor. */
  #cursor = /** @type {Edit | undefined} */ (undefined);
  /**
   * The keystrokes so far: when each was typed, its index in the session, and how many of the other
   * person it builds on.
   */
  #typed = /** @type {{ tick: number, index: number, seen: number }[]} */ ([]);
  /** How many keystrokes of the other person show on this one's screen. */
  #seen = 0;

  /**
   * @param {number} agent
   * @param {Random} random
   */
  constructor(agent, random) {
    this.agent = agent;
    this.#random = random;
  }

  /**
   * Shows what the other person typed up to a tick, and what that builds on.
   *
   * @param {Writer} other
   * @param {number} tick
   */
  see(other, tick) {
    while (this.#seen < other.#typed.length && other.#typed[this.#seen].tick <= tick) this.#seen += 1;
  }

  /**
   * Types the next keystroke.
   *
   * @param {Text<Edit>} text
   * @param {Writer} other
   * @param {number} tick
   * @param {number} index the number of earlier keystrokes of the session
   * @returns {Txn}
   */
  type(text, other, tick, index) {
    const seen = (/** @type {Edit} */ { agent, counter }) =>
      counter < (agent === this.agent ? this.#typed.length : this.#seen);
    const shown = text.shown(seen);
    if (this.#plan.length === 0) this.#makePlan(shown);
    const key = String(this.#plan.pop());
    const at = this.#position(shown);
    const removes = key === BACKSPACE && at > 0;
    const insert = key === BACKSPACE ? ' ' : key;
    const splice = removes ? { at: at - 1, remove: 1, insert: '' } : { at, remove: 0, insert };
    const edit = { agent: this.agent, counter: this.#typed.length };
    text.splice(edit, splice, seen);
    this.#cursor = removes ? shown[at - 2]?.edit : edit;
    const parents = this.#parents(other);
    this.#typed.push({ tick, index, seen: this.#seen });
    return { agent: this.agent, parents, patches: [[splice.at, splice.remove, splice.insert]] };
  }

  /**
   * Returns the keystrokes on which the next one directly builds.
   *
   * @param {Writer} other
   */
  #parents(other) {
    const own = this.#typed.at(-1);
    const others = other.#typed[this.#seen - 1];
    const parents = [];
    if (own !== undefined && !(others !== undefined && others.seen >= this.#typed.length)) parents.push(own.index);
    if (others !== undefined && !(own !== undefined && own.seen >= this.#seen)) parents.push(others.index);
    return parents;
  }

  /**
   * Returns the position of the cursor. If the other person removed the character before it, the
   * cursor moves to the end.
   *
   * @param {{ edit?: Edit }[]} shown
   */
  #position(shown) {
    if (this.#cursor === undefined) return 0;
    const before = shown.findIndex(({ edit }) => edit === this.#cursor);
    return before < 0 ? shown.length : before + 1;
  }

  /** @param {{ value: string, edit?: Edit }[]} shown */
  #makePlan(shown) {
    if (shown.length > 0 && this.#random.chance(MOVES, 100)) {
      // To the end of a word.
      const ends = shown.filter(({ value }) => value === ' ' || value === '\n');
      this.#cursor = ends.length > 0 ? this.#pick(ends).edit : undefined;
    }
    if (this.#random.chance(REMOVES, 100)) {
      // Removes the word before the cursor.
      const before = shown.slice(0, this.#position(shown)).map(({ value }) => value);
      const [word] = before.join('').match(/\S*\s?$/) ?? [''];
      this.#plan = Array(word.length).fill(BACKSPACE);
    }
    if (this.#plan.length > 0) return;
    const word = [...this.#pick(WORDS)];
    if (this.#random.chance(MISTYPES, 100)) word.splice(1, 0, this.#pick([...LETTERS]), BACKSPACE);
    const end = this.#random.chance(ENDS_SENTENCE, 100) ? ['.', '\n'] : [' '];
    this.#plan = [...word, ...end].reverse();
  }

  /**
   * @template T
   * @param {T[]} items
   */
  #pick(items) {
    return items[this.#random.below(items.length)];
  }
}
