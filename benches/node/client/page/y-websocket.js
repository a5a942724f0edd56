// y-websocket's provider, with y-indexeddb.

import { IndexeddbPersistence, PREFERRED_TRIM_SIZE } from 'y-indexeddb';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { NAME, SHARE, add, id, nothing } from '../../libraries/replica.js';
import { start } from './page.js';

/** @import { Replica } from './page.js' */

const POLL_MS = 100;

start(open);

/**
 * @param {string} server
 * @returns {Promise<Replica>}
 */
async function open(server) {
  const doc = new Y.Doc();
  const persistence = new IndexeddbPersistence('bench', doc);
  new WebsocketProvider(`ws://${server}`, 'bench', doc);
  /** @type {Y.Map<Y.Map<any>>} */
  const table = doc.getMap('table');
  return {
    get(row) {
      const map = table.get(id(row));
      return map && contentsOf([map]).numberSum;
    },
    read: () => contentsOf([...table.values()]),
    insert(row) {
      table.set(
        id(row),
        new Y.Map([
          ['name', NAME],
          ['number', row],
          ['share', SHARE],
        ]),
      );
    },
    update: (row, number) => void table.get(id(row))?.set('number', number),
    watch: (call) => table.observeDeep(call),
    async stored() {
      await persistence.whenSynced;
      // y-indexeddb combines this number of updates, a second after the last one.
      while ((await countUpdates(persistence)) >= PREFERRED_TRIM_SIZE) {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
  };
}

/** @param {Y.Map<any>[]} rows */
function contentsOf(rows) {
  const contents = nothing();
  for (const row of rows) add(contents, row.get('name'), row.get('number'), row.get('share'));
  return contents;
}

/**
 * Returns the number of stored updates, once earlier writes have ended.
 *
 * @param {IndexeddbPersistence} persistence
 * @returns {Promise<number>}
 */
function countUpdates({ db }) {
  return new Promise((resolve, reject) => {
    if (!db) throw new Error('the database is not open');
    const request = db.transaction('updates').objectStore('updates').count();
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
