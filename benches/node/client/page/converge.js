// The client of converge, with its storage in IndexedDB.

import { open as openEngine } from '@converge/sync';
import { connect } from '@converge/sync/client';
import { indexedDb } from '@converge/sync/indexeddb';
import { NAME, SHARE, add, id, nothing } from '../../libraries/replica.js';
import { start } from './page.js';

/** @import { Cells } from '@converge/sync' */
/** @import { Replica } from './page.js' */

const TABLE = 'table';

start(open);

/**
 * @param {string} server
 * @returns {Promise<Replica>}
 */
async function open(server) {
  const engine = await openEngine(fetch('/converge.core.wasm'));
  const client = await connect(`http://${server}`, 'bench', { engine, storage: indexedDb() });
  const { doc } = client;
  return {
    get(row) {
      const cells = doc.get(TABLE, id(row));
      return cells && contentsOf([cells]).numberSum;
    },
    read: () => contentsOf([...doc.rows(TABLE)].map(({ cells }) => cells)),
    insert: (row) => void doc.insert(TABLE, id(row), { name: NAME, number: row, share: SHARE }),
    update: (row, number) => void doc.update(TABLE, id(row), { number }),
    watch: (call) => void client.watch([TABLE], call),
    stored: () => client.saved(),
  };
}

/** @param {Cells[]} rows */
function contentsOf(rows) {
  const contents = nothing();
  for (const { name, number, share } of rows) add(contents, String(name), Number(number), Number(share));
  return contents;
}
