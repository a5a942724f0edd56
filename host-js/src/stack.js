// Keeps the JavaScript stack from overflowing inside a call of the engine, after which the state of the engine would be
// unknown. The check costs some microseconds, so only sessions make it: their calls nest if a transport delivers a
// message before `send` returns.

/**
 * Arguments of 8 bytes each: 16 KiB. On V8 the deepest call of the engine needs 5 KiB, because the engine does not
 * recurse on its input.
 */
const RESERVE = new Array(2048).fill(0);

function nothing() {}

/**
 * Checks that a call of the engine fits on the stack.
 *
 * @throws {RangeError} if it might not
 */
export function checkStack() {
  try {
    Reflect.apply(nothing, undefined, RESERVE);
  } catch (cause) {
    throw new RangeError(
      'this call is nested too deeply, and nothing was done: the transport delivers messages inside send(); ' +
        'send them with session.flush(), which does not nest',
      { cause },
    );
  }
}
