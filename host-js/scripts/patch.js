// Patches the glue that jco generates. Each patch defines the code that it replaces, and fails if
// the glue does not contain that code. Each also names the issue of jco, or the text of a report if
// no issue is known. Issues are those of https://github.com/bytecodealliance/jco, last looked up in
// November 2026.

// jco 1.35 wraps every call in a task of its scheduler, even if all functions of the component are
// synchronous. Each task has three promises, about fifty fields and a dozen closures. These
// constants replace the task, and the minifier then removes the scheduler.
const PLAIN_TASK = `[{
  id() { return 0; }, componentIdx() { return 0; },
  enterSync() { return true; }, mayBlock() { return false; }, setCalleeIsAsync() {},
  setReturnMemoryIdx() {}, setReturnMemory() {},
  resolve() {}, reject() {}, setErrored() {}, exit() {},
  isResolvedState() { return true; }, isExited() { return true; },
}, 0]`;
// src/instance.js does not call an instance that has trapped.
const PLAIN_STATE = '{ mayLeave: true, throwIfTrapped() {}, markTrapped() {} }';

// Views of the memory are kept until it grows, which detaches them: reading `memory.buffer` costs more than reading a
// number. Most texts are short ASCII, for which a loop is faster than the platform's encoder and decoder. Column names
// repeat, so recently decoded texts are cached.
const VIEWS = `let bytesOf = new Uint8Array();
let viewOf = new DataView(bytesOf.buffer);
const look = (memory) => {
  if (bytesOf.length === 0) {
    bytesOf = new Uint8Array(memory.buffer);
    viewOf = new DataView(memory.buffer);
  }
  return bytesOf;
};
const dataView = (memory) => (look(memory), viewOf);`;
const ENCODE = `const MAX_SHORT = 64;
function _utf8AllocateAndEncode(s, realloc, memory) {
  if (typeof s !== 'string') {
    throw new TypeError('expected a string, received [' + typeof s + ']');
  }
  const { length } = s;
  if (length === 0) return { ptr: 1, len: 0 };
  let ptr = 0;
  let held = 0;
  if (length <= MAX_SHORT) {
    ptr = realloc(0, 0, 1, length);
    held = length;
    const bytes = look(memory);
    let at = 0;
    for (let unit; at < length && (unit = s.charCodeAt(at)) < 0x80; at++) bytes[ptr + at] = unit;
    if (at === length) return { ptr, len: length };
  }
  let len = 0;
  for (let i = 0; i < length; i++) {
    const unit = s.charCodeAt(i);
    len += unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
    if ((unit & 0xfc00) === 0xd800 && (s.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      len += 1;
      i++;
    }
  }
  ptr = realloc(ptr, held, 1, len);
  const { read, written } = TEXT_ENCODER_UTF8.encodeInto(s, look(memory).subarray(ptr, ptr + len));
  if (read !== length || written !== len) {
    throw new Error('failed to encode whole string');
  }
  return { ptr, len };
}
const decoded = new Array(256).fill('');
function decodeText(memory, ptr, len) {
  const bytes = look(memory);
  if (len === 0) return '';
  if (len > MAX_SHORT) return TEXT_DECODER_UTF8.decode(bytes.subarray(ptr, ptr + len));
  const place = (len * 31 + bytes[ptr] * 7 + bytes[ptr + (len >> 1)] * 5 + bytes[ptr + len - 1] * 3) & 0xff;
  const last = decoded[place];
  if (last.length === len) {
    let at = 0;
    while (at < len && last.charCodeAt(at) === bytes[ptr + at]) at++;
    if (at === len) return last;
  }
  let text = '';
  for (let at = 0; at < len; at++) {
    const unit = bytes[ptr + at];
    if (unit >= 0x80) return TEXT_DECODER_UTF8.decode(bytes.subarray(ptr, ptr + len));
    text += String.fromCharCode(unit);
  }
  decoded[place] = text;
  return text;
}
`;

/** The expression that decodes a text. It occurs many times. Issue 417, Performance. */
const DECODE = /TEXT_DECODER_UTF8\.decode\(new Uint8Array\(memory0\.buffer, (ptr\d+), (len\d+)\)\)/g;

/** @type {[what: string, from: RegExp, to: string][]} */
const PATCHES = [
  // Issue 417, Performance.
  [
    'views of the memory',
    /let dv = new DataView\(new ArrayBuffer\(\)\);\s*const dataView = mem => dv\.buffer === mem\.buffer \? dv : dv = new DataView\(mem\.buffer\);/g,
    VIEWS,
  ],
  // Issue 417, Performance.
  [
    'texts',
    /function _utf8AllocateAndEncode\(s, realloc, memory\) \{[^]*?const res = \{ ptr, len, codepoints \};\s*return res;\s*\}/g,
    ENCODE,
  ],
  // To report: "_debugLog reads process.env.JCO_DEBUG in every call, even without debugging. That
  // takes two thirds of the time of a short call in Node.js, and is a permission error in Deno. An
  // option of `jco transpile` that omits the messages would avoid both."
  [
    'debug messages, which read process.env in every call: slow in Node.js, a permission error in Deno',
    /const _debugLog = \(\.\.\.args\) => \{\s*if \(!globalThis\?\.process\?\.env\?\.JCO_DEBUG\) \{ return; \}\s*console\.debug\(\.\.\.args\);\s*\};/g,
    'const _debugLog = () => {};',
  ],
  // To report: "A string that starts with U+FEFF loses this character when it is lifted, because
  // `new TextDecoder()` removes a byte order mark. The canonical ABI keeps it, as
  // `new TextDecoder('utf-8', { ignoreBOM: true })` does."
  [
    'the decoder, which drops a byte order mark at the start of a text',
    /const TEXT_DECODER_UTF8 = new TextDecoder\(\);/g,
    "const TEXT_DECODER_UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });",
  ],
  // Issue 754, Pointer and length loads and stores in generated JS use signed methods. Pull request
  // 949 fixed the loads, but not the results of `cabi_realloc`.
  [
    'addresses of arguments, which are negative beyond 2 GiB',
    /\brealloc0 = exports1\.cabi_realloc;/g,
    'realloc0 = (from, length, align, size) => exports1.cabi_realloc(from, length, align, size) >>> 0;',
  ],
  // To report: "Without FinalizationRegistry, finalizationRegistryCreate() returns an object that
  // has unregister() alone, so that making a resource throws a TypeError. It needs an empty
  // register() too; pull request 415 added the object."
  [
    'the registry for platforms without FinalizationRegistry, which lacks register()',
    /return \{ unregister \(\) \{\} \};/g,
    'return { register() {}, unregister() {} };',
  ],
  // Issues 417, Performance, and 1717, Add sync/async call overhead comparison test; also the next two patches.
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
 * Makes a suspendable variant of a function, once per function. No synchronous component calls
 * these. If the platform has no `WebAssembly.promising`, each is a TypeError whose message V8 makes
 * by parsing the glue: 1.5 ms each on Node.js 20, more than 100 ms per engine.
 *
 * To report: "Instantiation calls WebAssembly.promising for each realloc and post-return function,
 * even if no function of the component is asynchronous, and catches the TypeError where it is
 * missing. Components without asynchronous functions need none of these variants, and
 * `typeof WebAssembly.promising` avoids the errors."
 */
const PROMISING = /try \{\s*(\w+Async) = WebAssembly\.promising\(([^;]+)\);\s*\} catch\(err\) \{\s*\1 = \2;\s*\}/g;

/**
 * Patches the glue of a component that imports nothing and exports no asynchronous function. The
 * code that a patch replaces must occur exactly once.
 *
 * @param {string} glue
 * @returns {string}
 * @throws {Error} if the glue is not that of the known version of jco
 */
export function patch(glue) {
  if (/\bis(Manual)?Async: true\b/.test(glue)) {
    throw new Error('the component exports an asynchronous function, which needs the scheduler of the glue');
  }
  const patched = PATCHES.reduce(
    (text, [what, from, to]) => {
      const found = text.match(from)?.length ?? 0;
      if (found !== 1) {
        throw new Error(`cannot patch ${what}: jco's glue has ${found} such places instead of one`);
      }
      return text.replace(from, () => to);
    },
    glue.replace(DECODE, 'decodeText(memory0, $1, $2)').replace(PROMISING, '$1 = $2;'),
  );
  if (/TEXT_DECODER_UTF8\.decode\(new/.test(patched) || !/\bdecodeText\(memory0/.test(patched)) {
    throw new Error("jco's glue decodes text in an unknown form");
  }
  if (/\bWebAssembly\.promising\b/.test(patched)) {
    throw new Error("jco's glue calls WebAssembly.promising in an unknown form, which is slow on Node.js 20");
  }
  if (/\bprocess\b/.test(patched)) {
    throw new Error("jco's glue still reads process, which is a permission error in Deno");
  }
  return patched;
}
