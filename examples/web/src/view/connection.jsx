import { describe } from '../status.js';

/** @import { Status } from '@converge/sync/client' */
/** @import { Board } from '../board.js' */

/**
 * The state of the connection in words, and the switch that works offline.
 *
 * @param {{ board: Board, status: Status, refresh: () => void }} props
 */
export function Connection({ board, status, refresh }) {
  const { tone, connection, details } = describe(status, board.isPaused);
  const toggle = () => {
    board.setPaused(!board.isPaused);
    refresh();
  };
  return (
    <div class="connection">
      <div class={`state ${tone}`}>
        <strong role="status">{connection}</strong>
        <span class="details">{details.join(' · ')}</span>
      </div>
      <button
        class="switch"
        role="switch"
        aria-checked={board.isPaused}
        disabled={status.connection === 'stopped'}
        onClick={toggle}
      >
        Work offline
      </button>
    </div>
  );
}
