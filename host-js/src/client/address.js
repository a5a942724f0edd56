// The URLs of a document.

import * as check from '../check.js';

const SYNC = '/sync';
/** The names that have another meaning as a segment of a path. */
const DOTS = ['.', '..'];
const SCHEMES = new Map([
  ['http:', 'ws:'],
  ['https:', 'wss:'],
]);

/**
 * Returns the URLs of a document on a server.
 *
 * @param {string | URL} server such as `https://example.com`; relative to the page in browsers
 * @param {string} name the document's name
 * @returns {{ http: string, socket: string }}
 */
export function addressOf(server, name) {
  if (typeof name !== 'string' || name === '') {
    throw new TypeError(`the name of a document must be a text that is not empty, not ${JSON.stringify(name)}`);
  }
  if (DOTS.includes(name)) {
    check.refuse(
      `the name of a document must not be ${JSON.stringify(name)}, which no URL can contain; use another name`,
    );
  }
  const base = new URL(server, globalThis.location?.href);
  for (const [http, socket] of SCHEMES) {
    if (base.protocol === socket) base.protocol = http;
  }
  const scheme = SCHEMES.get(base.protocol);
  if (scheme === undefined) {
    throw new TypeError(`the URL of a server starts with http, https, ws or wss, not with ${base.protocol}`);
  }
  const folder = base.pathname.replace(/\/+$/, '');
  const http = `${base.origin}${folder}/v1/docs/${encodeURIComponent(name)}`;
  return { http, socket: `${scheme}${http.slice(base.protocol.length)}${SYNC}` };
}
