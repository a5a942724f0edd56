// Starts the page: one replica of a document, or two.

import { open } from '@converge/sync';
import { openReplica } from './replica.js';

/** Next to the page. A bundle cannot find the module inside the package. */
const MODULE = 'converge.core.wasm';
/** Where `converge serve` listens by default. */
const PORT = 4747;

const query = new URLSearchParams(location.search);
const name = query.get('document') ?? 'notes';
const server = query.get('server') ?? `http://${location.hostname}:${PORT}`;
const replicas = query.get('replicas') === '2' ? ['left', 'right'] : ['main'];

const main = /** @type {HTMLElement} */ (document.querySelector('main'));
const template = /** @type {HTMLTemplateElement} */ (document.querySelector('template'));

document.title = `${name} · converge`;
try {
  const engine = await open(fetch(MODULE));
  for (const replica of replicas) {
    const root = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
    await openReplica(root, engine, { server, name, replica });
    main.append(root);
  }
} catch (error) {
  main.textContent = error instanceof Error ? error.message : String(error);
}
