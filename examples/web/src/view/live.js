import { useEffect, useState } from 'preact/hooks';

/**
 * Returns the result of `read`, and renders the component again after each change.
 *
 * @template T
 * @param {(listener: () => void) => () => void} subscribe
 * @param {() => T} read
 * @returns {T}
 */
export function useLive(subscribe, read) {
  const [value, setValue] = useState(read);
  useEffect(() => {
    const update = () => setValue(read());
    update();
    return subscribe(update);
  }, []);
  return value;
}
