// Downloads of saved documents.

/** A download fails if nothing arrives for this time. */
const SILENCE_MS = 30_000;

/**
 * Downloads a saved document.
 *
 * @param {string} url
 * @param {string} token an empty text if there is none
 * @param {AbortController} controller ends the download
 * @param {number} [silenceMs]
 * @returns {Promise<Uint8Array>}
 */
export async function download(url, token, controller, silenceMs = SILENCE_MS) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      controller.abort(new Error(`GET ${url}: nothing arrived for ${silenceMs / 1000} s`));
    }, silenceMs);
  };
  try {
    wait();
    /** @type {Record<string, string>} */
    const headers = token === '' ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(url, { headers, signal: controller.signal });
    if (!response.ok) throw new Error(`GET ${url} was answered with ${response.status}`);
    const chunks = [];
    const reader = response.body?.getReader();
    for (let chunk = await reader?.read(); chunk?.value !== undefined; chunk = await reader?.read()) {
      wait();
      chunks.push(chunk.value);
    }
    return new Uint8Array(await new Blob(chunks).arrayBuffer());
  } finally {
    clearTimeout(timer);
  }
}
