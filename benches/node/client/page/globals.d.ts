// What the page adds to the global object.

import type { Bench } from './page.js';

declare global {
  /** When the page's script started, by `performance.now()`. */
  var benchStart: number;
  var bench: Bench;
}
