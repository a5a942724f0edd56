// Everything in the package except `open`, which differs by platform; see node.js and browser.js.
// Functions create the objects of an engine, so their classes are exported only as types. Errors
// and `Real` are exported as values for `instanceof`, and `UndoManager` for `new`.

export {
  CompactedError,
  ConvergeError,
  CorruptError,
  DisposedError,
  GoneError,
  InvalidArgumentError,
  LimitExceededError,
  MutatorError,
  NoSuchRowError,
  OtherError,
  ProtocolError,
  SessionEndedError,
  UnsupportedFeatureError,
  UnsupportedVersionError,
} from './errors.js';
export { randomPeer } from './peer.js';
export { UndoManager } from './texts/undo.js';
export { Real, real } from './values.js';

/** @typedef {import('./doc.js').Doc} Doc */
/** @typedef {import('./doc.js').UpdateReader} UpdateReader */
/** @typedef {import('./doc.js').Watcher} Watcher */
/** @typedef {import('./engine.js').Engine} Engine */
/** @typedef {import('./session.js').Session} Session */
/** @typedef {import('./store.js').Store} Store */
/** @typedef {import('./texts/view.js').TextView} TextView */
/** @typedef {import('./transaction.js').Transaction} Transaction */

/** @typedef {import('./types.js').Acceptance} Acceptance */
/** @typedef {import('./types.js').Cells} Cells */
/** @typedef {import('./types.js').CellValue} CellValue */
/** @typedef {import('./types.js').Contract} Contract */
/** @typedef {import('./types.js').Front} Front */
/** @typedef {import('./types.js').LoadOptions} LoadOptions */
/** @typedef {import('./types.js').NewCellValue} NewCellValue */
/** @typedef {import('./types.js').OpenOptions} OpenOptions */
/** @typedef {import('./types.js').Range} Range */
/** @typedef {import('./types.js').Received} Received */
/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./types.js').ScanOptions} ScanOptions */
/** @typedef {import('./types.js').SessionOptions} SessionOptions */
/** @typedef {import('./types.js').Source} Source */
/** @typedef {import('./types.js').StoreOptions} StoreOptions */
/** @typedef {import('./types.js').WatchOptions} WatchOptions */

/** @typedef {import('./texts/undo.js').Place} Place */
/** @typedef {import('./texts/undo.js').UndoneStep} UndoneStep */
/** @typedef {import('./texts/undo.js').UndoOptions} UndoOptions */
/** @typedef {import('./texts/undo.js').UndoStacks} UndoStacks */
/** @typedef {import('./texts/view.js').NewTextChange} NewTextChange */
/** @typedef {import('./texts/view.js').Side} Side */
/** @typedef {import('./texts/view.js').TextChange} TextChange */

/**
 * @template {import('./types.js').NewCellValue} [V=import('./types.js').CellValue]
 * @typedef {import('./types.js').Entry<V>} Entry
 */

/**
 * @template [T=Record<string, unknown>]
 * @typedef {import('./types.js').NewCells<T>} NewCells
 */

/**
 * @template {import('./types.js').NewCellValue} [V=import('./types.js').NewCellValue]
 * @typedef {import('./types.js').Op<V>} Op
 */
