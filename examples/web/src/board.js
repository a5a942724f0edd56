// A board: the client with its document, and what the page does with it.

import { NoSuchRowError, open } from '@converge/sync';
import { connect } from '@converge/sync/client';
import { indexedDb } from '@converge/sync/indexeddb';
import { addLeftovers, applyLeftovers, discardLeftovers, loadLeftovers } from './leftovers.js';
import { loadPerson, savePerson } from './person.js';
import { Presence } from './presence.js';
import { TABLE, tasksOf } from './tasks.js';
import { Undo } from './undo.js';

/** @import { Doc, Engine } from '@converge/sync' */
/** @import { Client } from '@converge/sync/client' */
/** @import { Person } from './person.js' */

/** The replica of a page without panes. */
export const MAIN = 'main';

/** Next to the page. A bundle cannot find the module inside the package. */
const MODULE = 'converge.core.wasm';

/** The engine of all boards. @type {Engine | undefined} */
let engine;

/**
 * Opens a board. Resolves once the local data is loaded, with or without a network.
 *
 * @param {string} server its URL
 * @param {string} name the document's name
 * @param {string} replica which of the replicas in this browser; each has a database and a person of its own
 */
export async function openBoard(server, name, replica) {
  if (engine === undefined || engine.gone) engine = await open(fetch(MODULE));
  const storage = indexedDb({ name: `board ${replica}` });
  const isPaused = sessionStorage.getItem(pausedKey(replica)) !== null;
  const client = await connect(server, name, { engine, storage, paused: isPaused });
  return new Board(client, name, replica, isPaused);
}

/** @param {string} replica */
const pausedKey = (replica) => `board ${replica} paused`;

export class Board {
  #undo = new Undo();
  /** Called after each change of what the page shows. */
  #changed = () => {};
  /**
   * The task that is edited here, and its title so far.
   *
   * @type {{ id: string, title: string } | undefined}
   */
  #draft;

  /** @param {Client} client @param {string} name @param {string} replica @param {boolean} isPaused */
  constructor(client, name, replica, isPaused) {
    this.client = client;
    this.name = name;
    this.replica = replica;
    this.isPaused = isPaused;
    this.tasks = tasksOf(client.doc);
    this.person = loadPerson(replica);
    this.presence = new Presence(client);
    this.presence.introduce(this.person);
  }

  /**
   * Calls a function after each change of what the page shows, instead of the function before.
   *
   * @param {() => void} changed
   * @returns {() => void} ends the calls
   */
  subscribe(changed) {
    this.#changed = changed;
    const ends = [
      this.client.subscribe(changed),
      this.client.watchStore(changed),
      this.client.watch([TABLE], () => {
        this.tasks = tasksOf(this.client.doc);
        changed();
      }),
    ];
    return () => ends.forEach((end) => end());
  }

  get undoCount() {
    return this.#undo.count;
  }

  /**
   * Changes the document, so that `undo` can undo it. Does nothing if somebody else has deleted the
   * task.
   *
   * @param {(doc: Doc) => void} change
   */
  change(change) {
    const { doc } = this.client;
    ignoreMissing(() => this.#undo.run(doc, () => change(doc)));
  }

  undo() {
    ignoreMissing(() => this.#undo.undo(this.client.doc));
  }

  /** A draft outlives its card, which is another one after somebody else has moved the task. */
  get draft() {
    return this.#draft;
  }

  set draft(draft) {
    if (draft?.id !== this.#draft?.id) this.presence.edit(draft?.id);
    this.#draft = draft;
  }

  /** @param {Person} person */
  rename(person) {
    this.person = person;
    savePerson(this.replica, person);
    this.presence.introduce(person);
  }

  /**
   * Switches the connection off or on. A reload keeps the choice.
   *
   * @param {boolean} isPaused
   */
  setPaused(isPaused) {
    this.isPaused = isPaused;
    if (isPaused) {
      sessionStorage.setItem(pausedKey(this.replica), '');
      this.client.pause();
    } else {
      sessionStorage.removeItem(pausedKey(this.replica));
      this.client.resume();
    }
    this.#changed();
  }

  /**
   * Replaces the local data by the document of the server. Changes that the server never received
   * become leftovers.
   */
  async startAgain() {
    addLeftovers(this.replica, await this.client.reset());
    this.#undo.clear();
    this.setPaused(false);
    this.presence.introduce(this.person);
  }

  /** Keeps all tasks as leftovers, which another board can apply. */
  keepTasks() {
    const ops = this.tasks.map(
      ({ id, ...cells }) => /** @type {const} */ ({ op: 'insert', table: TABLE, row: id, cells }),
    );
    addLeftovers(this.replica, [ops]);
  }

  /** Other tabs can apply or discard them too. */
  get leftovers() {
    return loadLeftovers(this.replica);
  }

  applyLeftovers() {
    applyLeftovers(this.client.doc, this.leftovers);
    this.discardLeftovers();
  }

  discardLeftovers() {
    discardLeftovers(this.replica);
    this.#changed();
  }

  async close() {
    this.presence.close();
    await this.client.close();
  }
}

/** @param {() => void} change */
function ignoreMissing(change) {
  try {
    change();
  } catch (error) {
    if (!(error instanceof NoSuchRowError)) throw error;
  }
}
