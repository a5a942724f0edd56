// The people on the board, their cursors, and what they edit: entries of the client's store, which disappear when a page is
// closed.

/** @import { Client } from '@converge/sync/client' */
/** @import { ColumnId } from './tasks.js' */
/** @import { Person } from './person.js' */

/** @typedef {{ column: ColumnId, x: number, y: number }} Position `x` is a part of the column's width, `y` in pixels */
/** @typedef {Person & { peer: string, isSelf: boolean, position?: Position, editing?: string }} Visitor */

const PEOPLE = 'people';
const CURSORS = 'cursors';
const EDITING = 'editing';
/** Cursors are set at most 20 times a second. */
const POINT_MS = 50;

export class Presence {
  #client;
  /** @type {Position | undefined} */
  #position;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Client} client */
  constructor(client) {
    this.#client = client;
  }

  /** @param {Person} person */
  introduce({ id, color, name }) {
    this.#set(PEOPLE, `${id} ${color} ${name}`);
  }

  /** @param {Position | undefined} position nothing if the pointer is not over a column */
  point(position) {
    this.#position = position;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const { column, x, y } = this.#position ?? {};
      this.#set(CURSORS, column && `${column} ${x?.toFixed(3)} ${y?.toFixed(0)}`);
    }, POINT_MS);
  }

  /** @param {string | undefined} task */
  edit(task) {
    this.#set(EDITING, task);
  }

  /** @returns {Visitor[]} each replica that is here, this one too */
  visitors() {
    const { store } = this.#client;
    return store.getAll(PEOPLE).flatMap(({ key: peer, value }) => {
      const [, id, color, name] = /^(\S+) (\d) (.+)$/.exec(String(value)) ?? [];
      if (id === undefined) return [];
      const position = positionOf(store.get(CURSORS, peer)?.value);
      const editing = String(store.get(EDITING, peer)?.value ?? '');
      return [{ peer, id, name, color: Number(color), isSelf: peer === store.peer(), position, editing }];
    });
  }

  close() {
    clearTimeout(this.#timer);
  }

  /** @param {string} namespace @param {string | undefined} value */
  #set(namespace, value) {
    const { store } = this.#client;
    if (value === undefined) store.remove(namespace, store.peer());
    else store.set(namespace, store.peer(), value);
  }
}

/**
 * @param {unknown} value
 * @returns {Position | undefined}
 */
function positionOf(value) {
  const [, column, x, y] = /^(\w+) ([\d.]+) (\d+)$/.exec(String(value)) ?? [];
  return column === undefined ? undefined : { column: /** @type {ColumnId} */ (column), x: Number(x), y: Number(y) };
}
