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

// Views of the memory are kept until it grows, which detaches them: to ask a memory for its buffer costs more than to read a
// number. Most texts are short and in ASCII, for which a loop is faster than the platform's encoder and decoder; names of
// columns come again and again, and are looked up among the texts that were decoded last.
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
const ENCODE = `const MOST_SHORT = 64;
function _utf8AllocateAndEncode(s, realloc, memory) {
  if (typeof s !== 'string') {
    throw new TypeError('expected a string, received [' + typeof s + ']');
  }
  const { length } = s;
  if (length === 0) return { ptr: 1, len: 0 };
  let ptr = 0;
  let held = 0;
  if (length <= MOST_SHORT) {
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
  if (len > MOST_SHORT) return TEXT_DECODER_UTF8.decode(bytes.subarray(ptr, ptr + len));
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

/** Where text is decoded: in many places, all of one form. */
const DECODE = /TEXT_DECODER_UTF8\.decode\(new Uint8Array\(memory0\.buffer, (ptr\d+), (len\d+)\)\)/g;

/** @type {[why: string, from: RegExp, to: string][]} */
const MENDS = [
  [
    'views of the memory',
    /let dv = new DataView\(new ArrayBuffer\(\)\);\s*const dataView = mem => dv\.buffer === mem\.buffer \? dv : dv = new DataView\(mem\.buffer\);/g,
    VIEWS,
  ],
  [
    'texts',
    /function _utf8AllocateAndEncode\(s, realloc, memory\) \{[^]*?const res = \{ ptr, len, codepoints \};\s*return res;\s*\}/g,
    ENCODE,
  ],
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
  const mended = MENDS.reduce(
    (text, [why, from, to]) => {
      const found = text.match(from)?.length ?? 0;
      if (found !== 1) {
        throw new Error(`jco's glue has ${found} places, not one, to mend ${why}`);
      }
      return text.replace(from, () => to);
    },
    glue.replace(DECODE, 'decodeText(memory0, $1, $2)'),
  );
  if (/TEXT_DECODER_UTF8\.decode\(new/.test(mended) || !/\bdecodeText\(memory0/.test(mended)) {
    throw new Error("jco's glue decodes text in a form that is not known");
  }
  if (/\bprocess\b/.test(mended)) {
    throw new Error("jco's glue still knows process, which is a permission error in Deno");
  }
  return mended;
}
