import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { COLUMNS, deleteTask, moveTask, renameTask } from '../tasks.js';

/** @import { Board } from '../board.js' */
/** @import { Visitor } from '../presence.js' */
/** @import { ColumnId, Task } from '../tasks.js' */

/** The type of the data that is dragged: the id of a task. */
export const DRAGGED = 'application/x-task';

/** The task that gets the focus once it is shown at its new place. @type {string | undefined} */
let moved;

/**
 * A task. Its title is a button: Enter edits it, the arrow keys move the task, Delete deletes it.
 *
 * @param {{ board: Board, task: Task, index: number, count: number, visitors: Visitor[] }} props
 *   `index` and `count` of the tasks in its column
 */
export function Card({ board, task, index, count, visitors }) {
  const { id, title, column } = task;
  const button = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const [isEditing, setEditing] = useState(board.draft?.id === id);
  const editors = visitors.filter(({ editing, isSelf }) => editing === id && !isSelf);
  const moves = movesOf(column, index, count);

  useLayoutEffect(() => {
    if (moved !== id) return;
    moved = undefined;
    button.current?.focus();
  }, [task.order, isEditing]);

  /** @param {Move} move */
  const make = (move) => {
    moved = id;
    board.change((doc) => moveTask(doc, id, move.column, move.index));
  };
  const remove = () => board.change((doc) => deleteTask(doc, id));
  const edit = () => {
    board.draft = { id, title };
    setEditing(true);
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const move = moves.find(({ key }) => key === event.key);
    if (move !== undefined) make(move);
    else if (event.key === 'Delete') remove();
    else return;
    event.preventDefault();
  };

  return (
    <li
      id={`card-${id}`}
      class={`card ${editors.length > 0 ? `edited color-${editors[0].color}` : ''}`}
      draggable={!isEditing}
      onDragStart={(event) => event.dataTransfer?.setData(DRAGGED, id)}
    >
      {isEditing ? (
        <TitleField board={board} task={task} onEnd={() => setEditing(false)} />
      ) : (
        <button ref={button} class="title" onClick={edit} onKeyDown={onKeyDown}>
          {title || 'No title'}
        </button>
      )}
      {editors.length > 0 && <span class="editors">Editing: {editors.map(({ name }) => name).join(', ')}</span>}
      <div class="actions">
        {moves.map((move) => (
          <button key={move.key} aria-label={`${move.label}: ${title}`} title={move.label} onClick={() => make(move)}>
            {move.icon}
          </button>
        ))}
        <button aria-label={`Delete: ${title}`} title="Delete" onClick={remove}>
          ✕
        </button>
      </div>
    </li>
  );
}

/** @typedef {{ key: string, icon: string, label: string, column: ColumnId, index?: number }} Move */

/**
 * Returns where a task can go, with the keys and the labels of the buttons.
 *
 * @param {ColumnId} column
 * @param {number} index
 * @param {number} count
 * @returns {Move[]}
 */
function movesOf(column, index, count) {
  const place = COLUMNS.findIndex(({ id }) => id === column);
  const [left, right] = [COLUMNS[place - 1], COLUMNS[place + 1]];
  const moves = [];
  if (left) moves.push({ key: 'ArrowLeft', icon: '←', label: `Move to ${left.title}`, column: left.id });
  if (index > 0) moves.push({ key: 'ArrowUp', icon: '↑', label: 'Move up', column, index: index - 1 });
  if (index < count - 1) moves.push({ key: 'ArrowDown', icon: '↓', label: 'Move down', column, index: index + 1 });
  if (right) moves.push({ key: 'ArrowRight', icon: '→', label: `Move to ${right.title}`, column: right.id });
  return moves;
}

/**
 * The title while it is edited. Enter and leaving the field keep the new title, Escape the old one.
 *
 * @param {{ board: Board, task: Task, onEnd: () => void }} props
 */
function TitleField({ board, task, onEnd }) {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useLayoutEffect(() => field.current?.focus(), []);

  const end = () => {
    const title = board.draft?.title.trim();
    board.draft = undefined;
    if (title && title !== task.title) board.change((doc) => renameTask(doc, task.id, title));
    onEnd();
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key === 'Escape') board.draft = undefined;
    else if (event.key !== 'Enter') return;
    // Otherwise, the same Enter would press the button that gets the focus.
    event.preventDefault();
    moved = task.id;
    end();
  };
  return (
    <input
      ref={field}
      class="title"
      aria-label="Title"
      defaultValue={board.draft?.title}
      onInput={({ currentTarget }) => (board.draft = { id: task.id, title: currentTarget.value })}
      onKeyDown={onKeyDown}
      onBlur={end}
    />
  );
}
