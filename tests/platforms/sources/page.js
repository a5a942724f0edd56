// Shows the result of the suite as the title of the page, where the tests read it.

/**
 * @param {(Promise<string> | Worker)[]} runs promises of the suite, and workers that post its digest
 */
export async function show(...runs) {
  try {
    const digests = new Set(await Promise.all(runs.map((run) => (run instanceof Worker ? posted(run) : run))));
    document.title = `converge ${[...digests].join(' and ')}`;
  } catch (error) {
    document.title = `failed: ${error}`;
  }
}

function posted(worker) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.failed ? reject(data.failed) : resolve(data));
    worker.onerror = ({ message }) => reject(new Error(`the worker: ${message}`));
  });
}

/** Posts the result of the suite from a worker. */
export function post(run) {
  run.then(
    (digest) => self.postMessage(digest),
    (error) => self.postMessage({ failed: `the worker: ${error}` }),
  );
}

/** Stores bytes in IndexedDB and reads them back. */
export async function keep(bytes) {
  const db = await settled(
    Object.assign(indexedDB.open(`platforms-${crypto.randomUUID()}`, 1), {
      onupgradeneeded: ({ target }) => target.result.createObjectStore('documents'),
    }),
  );
  await settled(db.transaction('documents', 'readwrite').objectStore('documents').put(bytes, 'mine'));
  return settled(db.transaction('documents').objectStore('documents').get('mine'));
}

function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
