import { useEffect, useLayoutEffect, useReducer } from 'preact/hooks';
import { MAIN } from '../board.js';
import { COLUMNS } from '../tasks.js';
import { Column } from './column.jsx';
import { Leftovers, Stopped } from './notices.jsx';
import { People } from './people.jsx';
import { Connection } from './connection.jsx';

/** @import { Board } from '../board.js' */

/** @param {{ board: Board }} props */
export function App({ board }) {
  const [, render] = useReducer((/** @type {number} */ renders) => renders + 1, 0);
  // A later effect would miss changes directly after the first rendering.
  useLayoutEffect(() => board.subscribe(() => render(undefined)), []);
  useUndoKey(board);
  const visitors = board.presence.visitors();

  return (
    <>
      <header>
        <div class="title">
          <h1>Task board</h1>
          <span class="name">{board.name}</span>
        </div>
        <People board={board} visitors={visitors} />
        <button class="undo" disabled={board.undoCount === 0} onClick={() => board.undo()} title="Ctrl+Z">
          Undo
        </button>
        <Connection board={board} />
      </header>
      <Stopped board={board} />
      <Leftovers board={board} />
      <main>
        {COLUMNS.map((column) => (
          <Column key={column.id} board={board} column={column} visitors={visitors} />
        ))}
      </main>
      {board.replica === MAIN && (
        <footer>
          Everybody with this link shares the board. Open it in another window, or{' '}
          <a href={`${location.search || '?'}&panes=2${location.hash}`}>show two replicas side by side</a>.
        </footer>
      )}
    </>
  );
}

/** @param {Board} board */
function useUndoKey(board) {
  useEffect(() => {
    const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
      const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key === 'z';
      // Text fields undo their own changes.
      if (!isUndo || event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      board.undo();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, []);
}
