// Uses the entry points that the README does not show.
import type { Engine } from '@converge/sync';
import module from '@converge/sync/converge.core.wasm';
import { open as openBundle } from '@converge/sync/converge.min.js';
import { connect, StorageError, type Client, type ClientStorage, type Status } from '@converge/sync/client';
import { indexedDb } from '@converge/sync/indexeddb';
import { open } from '@converge/sync/inline';
import { files } from '@converge/sync/node';
import { openSocket } from '@converge/sync/websocket';

export const engines: Promise<Engine>[] = [open(), open(module), openBundle(module)];
// @ts-expect-error the option does not exist
engines.push(open(module, { fronts: [] }));

export async function client(token: () => Promise<string>): Promise<Status> {
  const storages: ClientStorage[] = [indexedDb({ name: 'notes' }), files('notes')];
  const [storage] = storages;
  const board: Client = await connect('https://example.com', 'board/1', { token, storage });
  const unsubscribe: () => void = board.subscribe(() => console.log(board.status.error?.reason === 'replaced'));
  board.doc.insert('people', 'p1', { name: 'Alice' });
  await board.saved().catch((error: unknown) => {
    if (error instanceof StorageError)
      console.log(error.code satisfies 'full' | 'gone' | 'reset' | 'in-use' | 'outdated' | 'failed');
  });
  await board.synced();
  unsubscribe();
  await board.close();
  // @ts-expect-error a misspelled option
  await connect('https://example.com', 'board/1', { tokens: '' });
  const engine = await open();
  const [doc, store] = [engine.create(), engine.createStore()];
  openSocket('https://example.com', 'board/1', { engine, doc, store, keep: async () => {} }).close();
  return board.status;
}
