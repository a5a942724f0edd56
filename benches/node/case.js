// Runs one work of one library and prints its figures as a line of JSON. The runner in ../src calls it.
//
//   node --expose-gc case.js LIBRARY WORK full|small

import { SIZES } from './size.js';

/** @type {Record<string, () => Promise<{ Replica: import('./libraries/replica.js').ReplicaClass }>>} */
const LIBRARIES = {
  'converge in Node': () => import('./libraries/converge.js'),
  yjs: () => import('./libraries/yjs.js'),
  'loro-crdt': () => import('./libraries/loro.js'),
  'automerge in Node': () => import('./libraries/automerge.js'),
};
const LIVE = ['presence', 'history'];
const TEXTS = ['text', 'text-concurrent', 'text-prepend', 'text-crowd'];

const [library = '', work = '', size = ''] = process.argv.slice(2);
const chosen = size === 'small' ? SIZES.small : SIZES.full;
// Exit explicitly: timers of a library must not keep the process alive.
process.stdout.write(`${JSON.stringify(await figures())}\n`, () => process.exit());

async function figures() {
  if (work === 'start') return (await import('./start.js')).start(library);
  if (work === 'composition') return (await import('./composition.js')).composition(chosen);
  if (LIVE.includes(work)) return (await import('./live.js')).run(work, library, chosen);
  if (work === 'text-memory') return (await import('./text-memory.js')).memory(library, chosen);
  if (TEXTS.includes(work)) return (await import('./texts.js')).run(work, library, chosen);
  const load = LIBRARIES[library];
  if (!load) throw new Error(`unknown library ${library}`);
  const { Replica } = await load();
  return (await import('./rows.js')).run(work, Replica, chosen);
}
