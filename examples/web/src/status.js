// The state of the client in words.

/** @import { Status } from '@converge/sync/client' */

/** @typedef {{ tone: 'good' | 'waiting' | 'bad', connection: string, details: string[] }} Words */

/**
 * @param {Status} status
 * @param {boolean} isPaused whether the user switched the connection off
 * @returns {Words}
 */
export function describe(status, isPaused) {
  const { connection, unsent, awaited, savedHere, savedThere, readOnly, error } = status;
  const details = [];
  if (!savedThere) details.push(`${count(unsent, 'change')} to send`);
  else if (connection === 'online') details.push('Saved on the server');
  if (awaited > 0) details.push(`${count(awaited, 'change')} to receive`);
  details.push(savedHere ? 'Saved on this device' : 'Not saved on this device yet');
  if (readOnly) details.push('The server accepts no changes from you');
  if (error !== undefined && connection !== 'stopped') details.push(capitalized(error.message));
  return { ...connectionOf(status, isPaused), details };
}

/**
 * @param {Status} status
 * @param {boolean} isPaused
 * @returns {Pick<Words, 'tone' | 'connection'>}
 */
function connectionOf({ connection, savedHere, savedThere }, isPaused) {
  switch (connection) {
    case 'online':
      return { tone: savedHere && savedThere ? 'good' : 'waiting', connection: 'Connected' };
    case 'connecting':
      return { tone: 'waiting', connection: 'Connecting' };
    case 'offline':
      return { tone: 'waiting', connection: isPaused ? 'Working offline' : 'No connection' };
    case 'stopped':
      return { tone: 'bad', connection: 'Stopped' };
  }
}

/** @param {string} text */
export function capitalized(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * @param {number} number
 * @param {string} noun
 */
export function count(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
