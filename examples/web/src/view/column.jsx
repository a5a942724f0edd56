import { addTask, moveTask } from '../tasks.js';
import { Card, DRAGGED } from './card.jsx';

/** @import { Board } from '../board.js' */
/** @import { Visitor } from '../presence.js' */
/** @import { ColumnId } from '../tasks.js' */

/**
 * A column with its tasks, and the cursors of others over it.
 *
 * @param {{ board: Board, column: { id: ColumnId, title: string }, visitors: Visitor[] }} props
 */
export function Column({ board, column, visitors }) {
  const tasks = board.tasks.filter((task) => task.column === column.id);

  /** @param {DragEvent & { currentTarget: HTMLElement }} event */
  const drop = (event) => {
    event.preventDefault();
    const id = event.dataTransfer?.getData(DRAGGED);
    if (!board.tasks.some((task) => task.id === id)) return;
    const cards = [...event.currentTarget.querySelectorAll('.card')].filter((card) => card.id !== `card-${id}`);
    const index = cards.findIndex((card) => event.clientY < middleOf(card));
    board.change((doc) => moveTask(doc, String(id), column.id, index < 0 ? cards.length : index));
  };

  /** @param {PointerEvent & { currentTarget: HTMLElement }} event */
  const point = ({ currentTarget, clientX, clientY, pointerType }) => {
    if (pointerType === 'touch') return;
    const { left, top, width } = currentTarget.getBoundingClientRect();
    board.presence.point({ column: column.id, x: (clientX - left) / width, y: Math.max(clientY - top, 0) });
  };

  return (
    <section
      class="column"
      aria-label={column.title}
      onPointerMove={point}
      onPointerLeave={() => board.presence.point(undefined)}
      onDragOver={(event) => event.preventDefault()}
      onDrop={drop}
    >
      <h2>
        {column.title} <span class="count">{tasks.length}</span>
      </h2>
      <ol>
        {tasks.map((task, index) => (
          <Card key={task.id} board={board} task={task} index={index} count={tasks.length} visitors={visitors} />
        ))}
      </ol>
      <NewTask board={board} column={column} />
      {visitors.map((visitor) => visitor.position?.column === column.id && !visitor.isSelf && <Cursor {...visitor} />)}
    </section>
  );
}

/** @param {Element} card */
function middleOf(card) {
  const { top, height } = card.getBoundingClientRect();
  return top + height / 2;
}

/** @param {{ board: Board, column: { id: ColumnId, title: string } }} props */
function NewTask({ board, column }) {
  /** @param {SubmitEvent & { currentTarget: HTMLFormElement }} event */
  const add = (event) => {
    event.preventDefault();
    const title = String(new FormData(event.currentTarget).get('title')).trim();
    if (title !== '') board.change((doc) => addTask(doc, column.id, title));
    event.currentTarget.reset();
  };
  return (
    <form onSubmit={add}>
      <input name="title" aria-label={`Add a task to ${column.title}`} placeholder="Add a task" autocomplete="off" />
    </form>
  );
}

/** @param {Visitor} visitor */
function Cursor({ peer, name, color, position }) {
  const { x = 0, y = 0 } = position ?? {};
  return (
    <span
      key={peer}
      class={`cursor color-${color}`}
      style={{ left: `${x * 100}%`, top: `min(${y}px, 100%)` }}
      aria-hidden="true"
    >
      {name}
    </span>
  );
}
