// The libraries, by the names in the tables.

/** @type {Record<string, () => Promise<{ Text: import('./replica.js').TextClass }>>} */
const LIBRARIES = {
  'converge in Node': () => import('./converge.js'),
  yjs: () => import('./yjs.js'),
  'loro-crdt': () => import('./loro.js'),
  'automerge in Node': () => import('./automerge.js'),
  'diamond-types-node': () => import('./diamond.js'),
};

/**
 * Returns the texts of a library.
 *
 * @param {string} library
 */
export async function textsOf(library) {
  const load = LIBRARIES[library];
  if (!load) throw new Error(`unknown library ${library}`);
  return (await load()).Text;
}
