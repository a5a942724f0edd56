// Keeps the JavaScript stack from overflowing inside a call of the engine, after which the state of the engine would be
// unknown. The check takes some microseconds, so only sessions use it: their calls nest if a transport delivers a
// message before `send` returns.

/**
 * 2,048 arguments of 8 bytes each are 16 KiB. On V8 the deepest call of the engine needs 5 KiB,
 * because the engine does not recurse on its input.
 */
const RESERVE = new Array(2048).fill(0);

function nothing() {}

/**
 * Checks that a call of the engine fits on the stack.
 *
 * @throws {RangeError} if the call might not fit
 */
export function checkStack() {
  try {
    Reflect.apply(nothing, undefined, RESERVE);
  } catch (cause) {
    throw new RangeError(
      'this call is nested too deeply and did nothing: the transport delivers messages inside send(); ' +
        'send them with session.flush(), which does not nest',
      { cause },
    );
  }
}
