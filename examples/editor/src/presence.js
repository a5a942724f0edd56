// The people on the page, and what they have selected: entries of the client's store, which disappear when a page is closed.

/** @import { TextView } from '@converge/sync' */
/** @import { Client } from '@converge/sync/client' */
/** @import { Person } from './person.js' */

/** @typedef {{ anchor: number, head: number }} Selection positions; they are equal if only a cursor is shown */
/** @typedef {Person & Selection & { peer: string }} Visitor */

// The keys of these namespaces are the names of the replicas.
const PEOPLE = 'people';
const ANCHORS = 'selection/anchor';
const HEADS = 'selection/head';

export class Presence {
  #client;

  /** @param {Client} client */
  constructor(client) {
    this.#client = client;
  }

  /** @param {Person} person */
  introduce({ color, name }) {
    const { store } = this.#client;
    store.set(PEOPLE, store.peer(), `${color} ${name}`);
  }

  /**
   * Shows a selection to others. Its ends stay with the characters next to them while the text
   * changes.
   *
   * @param {TextView} text
   * @param {Selection} selection in the text as its editor shows it
   */
  select(text, { anchor, head }) {
    const { store } = this.#client;
    // What others insert at an end stays outside of the selection, and after the cursor.
    store.set(ANCHORS, store.peer(), text.anchor(anchor, anchor < head ? 'after' : 'before'));
    store.set(HEADS, store.peer(), text.anchor(head, head < anchor ? 'after' : 'before'));
  }

  /** Shows no selection any more. */
  leave() {
    const { store } = this.#client;
    store.remove(ANCHORS, store.peer());
    store.remove(HEADS, store.peer());
  }

  /**
   * Returns the others who have selected something in a text.
   *
   * @param {TextView} text
   * @returns {Visitor[]} with positions in the text as its editor shows it
   */
  others(text) {
    const { store } = this.#client;
    return store.getAll(PEOPLE).flatMap(({ key: peer, value }) => {
      const [, color, name] = /^(\d) (.+)$/.exec(String(value)) ?? [];
      const anchor = positionOf(text, store.get(ANCHORS, peer)?.value);
      const head = positionOf(text, store.get(HEADS, peer)?.value);
      const isHere = name !== undefined && anchor !== undefined && head !== undefined;
      return isHere && peer !== store.peer() ? [{ peer, name, color: Number(color), anchor, head }] : [];
    });
  }
}

/**
 * @param {TextView} text
 * @param {unknown} anchor what another replica sent
 * @returns {number | undefined} `undefined` if the text does not have the character, or not yet
 */
function positionOf(text, anchor) {
  try {
    return anchor instanceof Uint8Array ? text.position(anchor) : undefined;
  } catch {
    return undefined; // Not an anchor.
  }
}
