import { describe } from '../status.js';

/** @import { Board } from '../board.js' */

/**
 * The state of the connection in words, and the switch that works offline.
 *
 * @param {{ board: Board }} props
 */
export function Connection({ board }) {
  const { status } = board.client;
  const { tone, connection, details } = describe(status, board.isPaused);
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
        onClick={() => board.setPaused(!board.isPaused)}
      >
        Work offline
      </button>
    </div>
  );
}
