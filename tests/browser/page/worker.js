// The service worker of the application: it keeps the application's files, so that it starts without the network.

const NAME = 'application';
const FILES = ['/', '/board.js', '/converge.core.wasm'];

/**
 * The events of service workers, which the types of pages lack.
 *
 * @typedef {Event & { waitUntil: (work: Promise<unknown>) => void }} Lifecycle
 * @typedef {Event & { request: Request, respondWith: (response: Promise<Response>) => void }} Fetch
 */
/** @type {{ clients: { claim: () => Promise<void> }, addEventListener: {
 *   (type: 'fetch', listener: (event: Fetch) => void): void,
 *   (type: 'install' | 'activate', listener: (event: Lifecycle) => void): void } }} */
const worker = /** @type {any} */ (globalThis);

worker.addEventListener('install', (event) => event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(FILES))));
worker.addEventListener('activate', (event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener('fetch', (event) =>
  event.respondWith(
    caches.match(event.request, { ignoreSearch: true }).then((cached) => cached ?? fetch(event.request)),
  ),
);
