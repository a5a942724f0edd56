// A person with two replicas: one to type in, and one that is synchronized; the counterpart of `tests/rig/src/typing/person.rs`.

import { COLUMN, ROW, TABLE } from '../../history.js';
import { scripts } from './script.js';

/** @import { Doc } from '../../../host-js/src/doc.js' */
/** @import { Engine } from '../../../host-js/src/engine.js' */
/** @import { Session } from '../../../host-js/src/session.js' */
/** @import { TextChange } from '../../../host-js/src/texts/view.js' */
/** @import { Trace } from '../../traces.js' */
/** @import { Keystroke } from './script.js' */

/** The name of the document in all sessions. */
const DOCUMENT = 'typing';
/** The peer that inserts the row, before the session. */
const SETUP = 'setup';
/** The namespace with the anchor of each person's cursor. */
const CURSORS = 'cursors';
/** The time to live of entries: longer than any run. */
const TIME_TO_LIVE_MS = 3_600_000;
/** How many UTF-16 code units before and after the cursor a person sees. */
const SEEN = [400, 200];

export class Person {
  #engine;
  /** @type {Keystroke[]} */
  #script;
  /** The number of keystrokes of the other person in `synced`. */
  #received = 0;
  /** @type {Uint8Array | undefined} where the person typed last */
  #anchor;
  /** The editor's copy of the text. */
  #copy = '';
  /** The number of keystrokes that the person has typed. */
  count = 0;
  /** The number of keystrokes of the other person in `typed`. */
  merged = 0;

  /**
   * @param {Engine} engine
   * @param {Trace} trace
   * @param {string} peer
   */
  constructor(engine, trace, peer) {
    const parts = scripts(trace);
    const script = parts.get(peer);
    if (script === undefined) throw new Error(`${peer} is not one of the peers of ${trace.name}`);
    const [[other, { length: ofOther }]] = [...parts].filter(([name]) => name !== peer);
    this.#engine = engine;
    this.peer = peer;
    this.other = other;
    this.ofOther = ofOther;
    this.#script = script;
    // The same event in both processes: a session begins with an empty text.
    const setup = engine.create(SETUP);
    setup.insert(TABLE, ROW, {});
    const saved = setup.save();
    this.typed = engine.load(saved, { peer });
    this.synced = engine.load(saved, { peer });
    this.view = this.typed.openText(TABLE, ROW, COLUMN);
    this.store = engine.createStore(peer, { timeToLive: TIME_TO_LIVE_MS });
  }

  openSession() {
    return this.#engine.openSession(this.synced, this.store, { document: DOCUMENT });
  }

  /**
   * Passes a message to a session of this person. Returns whether it contained keystrokes.
   *
   * @param {Session} session
   * @param {Uint8Array} message
   */
  receive(session, message) {
    if (session.receive(message).durable === undefined) return false;
    this.#received = this.synced.version().find(({ peer }) => peer === this.other)?.count ?? 0;
    this.#takeOver();
    return true;
  }

  /**
   * Returns whether the person can type this many keystrokes without receiving any.
   *
   * @param {number} [count]
   */
  canType(count = 1) {
    const last = this.#script[this.count + count - 1];
    return last !== undefined && last.needs <= this.#received;
  }

  /** Whether everything is typed and received. */
  get hasAll() {
    return this.count === this.#script.length && this.merged === this.ofOther;
  }

  /** Types the next keystroke, which must be possible. */
  typeNext() {
    const { patches } = this.#script[this.count];
    const changes = patches.map(([at, remove, insert]) => ({ at, remove, insert }));
    this.view.edit(changes);
    this.#apply(changes);
    this.count += 1;
    const last = changes.at(-1);
    if (last !== undefined) this.#anchor = this.view.anchor(last.at + last.insert.length, 'before');
    passOn(this.typed, this.synced, 1);
    this.#takeOver();
  }

  /** Takes over what was received into the text, as far as the next keystroke builds on it. */
  #takeOver() {
    const needed = this.#script[this.count]?.needs ?? this.ofOther;
    const until = Math.min(needed, this.#received);
    if (until <= this.merged) return;
    passOn(this.synced, this.typed, until - this.merged);
    this.merged = until;
    const changes = this.view.take();
    if (changes === undefined) throw new Error('the text is gone');
    this.#apply(changes);
  }

  /** @param {TextChange[]} changes */
  #apply(changes) {
    for (const { at, remove, insert } of changes) {
      this.#copy = this.#copy.slice(0, at) + insert + this.#copy.slice(at + remove);
    }
  }

  /** Shows the other person where this one typed last. */
  showCursor() {
    if (this.#anchor !== undefined) this.store.set(CURSORS, this.peer, this.#anchor);
  }

  /**
   * Returns the part of the text around the cursor, and the cursors in it, counted in code points.
   */
  screen() {
    /** @type {Map<string, number>} */
    const positions = new Map();
    for (const { key, value } of this.store.getAll(CURSORS)) {
      // The other person's text can have a character that is not here yet.
      const at = value instanceof Uint8Array ? this.view.position(value) : undefined;
      if (at !== undefined) positions.set(key, at);
    }
    const own = positions.get(this.peer) ?? this.#copy.length;
    const [start, end] = [Math.max(0, own - SEEN[0]), own + SEEN[1]];
    const inside = [...positions].filter(([, at]) => at >= start && at <= end);
    const cursors = inside.map(([peer, at]) => [peer, [...this.#copy.slice(start, at)].length]);
    return { text: this.#copy.slice(start, end), cursors: Object.fromEntries(cursors) };
  }

  /**
   * Returns the text and the digest at the end, which must be the same in both replicas and in the
   * editor.
   */
  end() {
    if (this.view.read() !== this.#copy) throw new Error("the editor's copy differs from the text");
    const digest = this.typed.digestHex();
    if (this.synced.digestHex() !== digest) throw new Error('the two replicas of the person differ');
    return { text: this.#copy, digest };
  }
}

/**
 * Merges this many events of a document, which the other one lacks, into the other one.
 *
 * @param {Doc} from
 * @param {Doc} to
 * @param {number} count
 */
function passOn(from, to, count) {
  const report = to.mergeEvents(from.eventsSince(to.summary(), count).runs);
  if (report.applied !== count) throw new Error(`${count} events were passed on, and ${report.applied} applied`);
}
