// Waiting that can end early.

/** The maximum delay of a timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Waits for a time, or until it is woken. Only one wait is in progress at a time. */
export class Pause {
  /** @type {(() => void) | undefined} */
  #end;

  /**
   * @param {number} ms
   * @returns {Promise<void>}
   */
  wait(ms) {
    this.wake();
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wake(), Math.min(ms, MAX_TIMER_MS));
      this.#end = () => {
        clearTimeout(timer);
        this.#end = undefined;
        resolve();
      };
    });
  }

  /** Ends the wait that is in progress, if any. */
  wake() {
    this.#end?.();
  }
}
