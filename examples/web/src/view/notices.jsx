import { useState } from 'preact/hooks';
import { capitalized, count } from '../status.js';

/** @import { ClientError } from '@converge/sync/client' */
/** @import { Board } from '../board.js' */

/**
 * What happened, and what the user can do, if the client has stopped.
 *
 * @param {{ board: Board }} props
 */
export function Stopped({ board }) {
  const { connection, unsent, error } = board.client.status;
  const [failure, setFailure] = useState('');
  if (connection !== 'stopped' || error === undefined) return null;
  const startAgain = () => board.startAgain().catch(({ message }) => setFailure(message));
  const isDeleted = error.reason === 'deleted';
  const isReplaced = error.reason === 'replaced' || error.reason === 'reset';
  const copy = () => {
    board.keepTasks();
    location.hash = encodeURIComponent(`${board.name} copy`);
  };
  return (
    <div class="notice bad" role="alert">
      <p>
        {explain(error)} The tasks below are those of this device.
        {unsent > 0 && ` ${count(unsent, 'change')} did not reach the server.`}
        {unsent > 0 && isReplaced && ' You can apply them after you have started again.'}
        {failure && ` ${capitalized(failure)}.`}
      </p>
      <div class="buttons">
        {isDeleted && <button onClick={copy}>Copy the tasks to another board</button>}
        {isReplaced || <button onClick={() => location.reload()}>Try again</button>}
        {/* Of a deleted board, this device can have the last copy. */}
        {isDeleted || <button onClick={startAgain}>Start again from the server</button>}
      </div>
    </div>
  );
}

/** @param {ClientError} error */
function explain({ reason, message }) {
  switch (reason) {
    case 'replaced':
      return 'The server has another board under this name now, for example one that was imported.';
    case 'reset':
      return 'Another tab has started again from the board of the server.';
    case 'deleted':
      return 'This board was deleted on the server.';
    default:
      return `${capitalized(message)}.`;
  }
}

/**
 * Offers the changes, or copied tasks, that were kept from a former document.
 *
 * @param {{ board: Board }} props
 */
export function Leftovers({ board }) {
  const { leftovers, client } = board;
  if (leftovers.length === 0 || client.status.connection === 'stopped') return null;
  return (
    <div class="notice" role="status">
      <p>This browser keeps {count(leftovers.flat().length, 'change')} from another board. Apply them to this board?</p>
      <div class="buttons">
        <button onClick={() => board.applyLeftovers()}>Apply</button>
        <button onClick={() => board.discardLeftovers()}>Discard</button>
      </div>
    </div>
  );
}
