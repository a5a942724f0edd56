// The folder of the package, and a function that writes files to it.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the package, with a slash at the end. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Writes a file of the package and prints its path.
 *
 * @param {string} name
 * @param {string | Uint8Array} content
 */
export async function write(name, content) {
  const path = `${root}${name}`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  console.log(relative(process.cwd(), path));
}
