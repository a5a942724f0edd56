// Everything in the package except `open`, which differs by platform; see node.js and browser.js.

export { Doc, UpdateReader, Watcher } from './doc.js';
export { Engine } from './engine.js';
export * from './errors.js';
export { randomPeer } from './peer.js';
export { RawDoc, RawTransaction, RawUpdateReader, RawWatcher } from './raw.js';
export { RawSession, RawStore } from './raw-live.js';
export { Session } from './session.js';
export { Store } from './store.js';
export { Transaction } from './transaction.js';
export { Real, real } from './values.js';

/** @typedef {import('./engine.js').LoadOptions} LoadOptions */
/** @typedef {import('./instance.js').Front} Front */
/** @typedef {import('./engine.js').Source} Source */
/** @typedef {import('./engine.js').StoreOptions} StoreOptions */
/** @typedef {import('./rows.js').Row} Row */
/** @typedef {import('./rows.js').ScanOptions} ScanOptions */
/** @typedef {import('./session.js').Acceptance} Acceptance */
/** @typedef {import('./session.js').Received} Received */
/** @typedef {import('./session.js').SessionOptions} SessionOptions */
/** @typedef {import('./store.js').Entry} Entry */
/** @typedef {import('./values.js').Cells} Cells */
/** @typedef {import('./values.js').CellValue} CellValue */
/** @typedef {import('./values.js').NewCells} NewCells */
/** @typedef {import('./values.js').NewCellValue} NewCellValue */
/** @typedef {import('./values.js').Op} Op */
/** @typedef {import('./values.js').Range} Range */
