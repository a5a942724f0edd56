// Mends the glue that jco makes. Knows what the glue looks like, and fails where it looks otherwise.

// jco 1.35 wraps every call, also of a component whose functions are all synchronous, in a task of its scheduler: three
// promises, some fifty fields, a dozen closures. These stand in for it; the minifier then drops the scheduler.
const PLAIN_TASK = `[{
  id() { return 0; }, componentIdx() { return 0; },
  enterSync() { return true; }, mayBlock() { return false; }, setCalleeIsAsync() {},
  setReturnMemoryIdx() {}, setReturnMemory() {},
  resolve() {}, reject() {}, setErrored() {}, exit() {},
  isResolvedState() { return true; }, isExited() { return true; },
}, 0]`;
// Whether an instance has trapped is known by the layer above, which does not call it then.
const PLAIN_STATE = '{ mayLeave: true, throwIfTrapped() {}, markTrapped() {} }';

/** @type {[why: string, from: RegExp, to: string][]} */
const MENDS = [
  [
    'debug messages, which read process.env in every call: slow in Node, a permission error in Deno',
    /const _debugLog = \(\.\.\.args\) => \{\s*if \(!globalThis\?\.process\?\.env\?\.JCO_DEBUG\) \{ return; \}\s*console\.debug\(\.\.\.args\);\s*\};/g,
    'const _debugLog = () => {};',
  ],
  [
    'the decoder, which drops a byte order mark at the start of a string',
    /const TEXT_DECODER_UTF8 = new TextDecoder\(\);/g,
    "const TEXT_DECODER_UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });",
  ],
  [
    'addresses of arguments, which are negative where the memory has more than 2 GiB',
    /\brealloc0 = exports1\.cabi_realloc;/g,
    'realloc0 = (from, length, align, size) => exports1.cabi_realloc(from, length, align, size) >>> 0;',
  ],
  [
    'the task of each call',
    /function createNewCurrentTask\(args\) \{/g,
    `const PLAIN_TASK = ${PLAIN_TASK};\nfunction createNewCurrentTask() {\nreturn PLAIN_TASK;`,
  ],
  [
    "each call's change of the current task",
    /function _withGlobalCurrentTaskMeta\(args\) \{/g,
    'function _withGlobalCurrentTaskMeta(args) {\nreturn args.fn();',
  ],
  [
    "the scheduler's state",
    /function getOrCreateAsyncState\(componentIdx, init\) \{/g,
    `const PLAIN_STATE = ${PLAIN_STATE};\nfunction getOrCreateAsyncState() {\nreturn PLAIN_STATE;`,
  ],
];

/**
 * Mends the glue of a component that imports nothing and exports no asynchronous function. Each place must be there
 * exactly once: another jco needs another look.
 *
 * @param {string} glue
 * @returns {string}
 * @throws {Error} where the glue is not what is known
 */
export function mend(glue) {
  if (/\bis(Manual)?Async: true\b/.test(glue)) {
    throw new Error('the component exports an asynchronous function, which needs the scheduler of the glue');
  }
  const mended = MENDS.reduce((text, [why, from, to]) => {
    const found = text.match(from)?.length ?? 0;
    if (found !== 1) {
      throw new Error(`jco's glue has ${found} places, not one, to mend ${why}`);
    }
    return text.replace(from, to);
  }, glue);
  if (/\bprocess\b/.test(mended)) {
    throw new Error("jco's glue still knows process, which is a permission error in Deno");
  }
  return mended;
}
