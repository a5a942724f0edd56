// What the pages of the tests add to the global object.

import type { App } from './board.js';
import type { StorageRig } from './storage.js';

declare global {
  var app: App;
  var rig: StorageRig;
  /** Reports a number to the test. */
  var saved: (number: number) => Promise<void>;
}
