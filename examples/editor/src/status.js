// The state of the client in words.

/** @import { Status } from '@converge/sync/client' */

/** @type {Record<Status['connection'], string>} */
const CONNECTIONS = { online: 'Connected', connecting: 'Connecting', offline: 'Offline', stopped: 'Stopped' };

/**
 * @param {Status} status
 * @returns {string}
 */
export function describe({ connection, unsent, savedHere, error }) {
  const parts = [CONNECTIONS[connection]];
  if (unsent > 0) parts.push(`${unsent} ${unsent === 1 ? 'change' : 'changes'} to send`);
  parts.push(savedHere ? 'saved on this device' : 'saving on this device');
  if (error !== undefined) parts.push(error.message);
  return parts.join(', ');
}
