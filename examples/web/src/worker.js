// The service worker of the page. It keeps the files that the server sent last, and the page starts with them if the server
// cannot be reached. Otherwise the server's files are used, so that the page is never older than the server.

const CACHE = 'board';
/** The files of the page. */
const FILES = ['./', 'board.js', 'converge.core.wasm', 'icon.svg', 'style.css'];
const urls = FILES.map((file) => new URL(file, location.href).href);

/**
 * The events of service workers, which the types of pages lack.
 *
 * @typedef {Event & { waitUntil: (work: Promise<unknown>) => void }} Lifecycle
 * @typedef {Lifecycle & { request: Request, respondWith: (response: Promise<Response>) => void }} Fetch
 */
/** @type {{ addEventListener: {
 *   (type: 'fetch', listener: (event: Fetch) => void): void,
 *   (type: 'install', listener: (event: Lifecycle) => void): void } }} */
const worker = /** @type {any} */ (globalThis);

worker.addEventListener('install', (event) => event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(urls))));

worker.addEventListener('fetch', (event) => {
  const { origin, pathname } = new URL(event.request.url);
  const url = origin + pathname;
  if (event.request.method === 'GET' && urls.includes(url)) event.respondWith(answer(event, url));
});

/**
 * Returns the server's answer, or the kept file if there is none or the server has failed.
 *
 * @param {Fetch} event
 * @param {string} url without the parameters of the page
 */
async function answer(event, url) {
  const cache = await caches.open(CACHE);
  const response = await fetch(event.request).catch(() => Response.error());
  if (response.ok) event.waitUntil(cache.put(url, response.clone()));
  const isFailure = response.type === 'error' || response.status >= 500;
  return (isFailure && (await cache.match(url))) || response;
}
