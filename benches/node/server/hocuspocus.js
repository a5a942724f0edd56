// Starts hocuspocus with its Database extension on files, and prints `ready` when it listens. The
// functions are those of its documentation, with a file in place of a row of a database: its
// extension for SQLite needs a compiler. All other settings have their defaults: a document is
// stored 2 seconds after its last change, at the latest 10 seconds after the first, or when its last
// client leaves.
//
//   node hocuspocus.js PORT FOLDER

import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Database } from '@hocuspocus/extension-database';
import { Server } from '@hocuspocus/server';

const [port = '', folder = ''] = process.argv.slice(2);
const fileOf = (/** @type {string} */ name) => join(folder, encodeURIComponent(name));
const server = new Server({
  address: '127.0.0.1',
  port: Number(port),
  quiet: true,
  extensions: [
    new Database({
      fetch: ({ documentName }) => readFile(fileOf(documentName)).catch(() => null),
      store: async ({ documentName, state }) => {
        const file = fileOf(documentName);
        await writeFile(`${file}.new`, state);
        await rename(`${file}.new`, file);
      },
    }),
  ],
});
await server.listen();
console.log('ready');
