// Web Locks. The browser frees the locks of a tab when the tab ends, however it ends.
//
// Old browsers, and pages without a secure context, have none.

/** @returns {LockManager | undefined} */
export function lockManager() {
  return globalThis.navigator?.locks;
}

/**
 * Takes a lock if it is free, until the returned function is called.
 *
 * @param {LockManager} locks
 * @param {string} name
 * @returns {Promise<(() => Promise<void>) | undefined>} `undefined` if the lock is not free
 */
export function hold(locks, name) {
  return new Promise((resolve, reject) => {
    const held = locks.request(name, { ifAvailable: true }, (lock) => {
      if (lock === null) return resolve(undefined);
      return new Promise((/** @type {(value?: undefined) => void} */ end) =>
        resolve(async () => {
          end();
          await held;
        }),
      );
    });
    held.catch(reject);
  });
}

/**
 * Calls `onFree` once a lock is free, unless the signal is aborted before. Any number of replicas
 * can wait for one lock.
 *
 * @param {LockManager} locks
 * @param {string} name
 * @param {AbortSignal} signal
 * @param {() => void} onFree
 */
export function whenFree(locks, name, signal, onFree) {
  locks
    .request(name, { mode: 'shared', signal }, () => {})
    .then(
      () => {
        if (!signal.aborted) onFree();
      },
      () => {
        // Aborted. If the page may not use locks at all, the caller learns nothing.
      },
    );
}
