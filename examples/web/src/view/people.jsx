import { COLORS, MAX_NAME_LENGTH } from '../person.js';

/** @import { Board } from '../board.js' */
/** @import { Visitor } from '../presence.js' */

/**
 * The people on the board. The own name and colour can be changed.
 *
 * @param {{ board: Board, visitors: Visitor[] }} props
 */
export function People({ board, visitors }) {
  // A person with several tabs is shown once.
  const others = new Map(visitors.filter(({ id }) => id !== board.person.id).map((visitor) => [visitor.id, visitor]));
  return (
    <ul class="people" aria-label="People on this board">
      <li>
        <Self board={board} />
      </li>
      {[...others.values()].map(({ id, name, color }) => (
        <li key={id} class={`person color-${color}`}>
          {name}
        </li>
      ))}
    </ul>
  );
}

/**
 * Closes the popover once the focus leaves it.
 *
 * @param {FocusEvent & { currentTarget: HTMLDetailsElement }} event
 */
function closeOutside({ currentTarget, relatedTarget }) {
  if (!currentTarget.contains(/** @type {Node | null} */ (relatedTarget))) currentTarget.open = false;
}

/** @param {{ board: Board }} props */
function Self({ board }) {
  const { name, color } = board.person;
  const colors = Array.from({ length: COLORS }, (_, index) => index);
  return (
    <details class="self" onFocusOut={closeOutside}>
      <summary class={`person color-${color}`} aria-label={`${name}, you. Change your name and colour`}>
        {name} <small>you</small>
      </summary>
      <div class="popover" tabIndex={-1}>
        <label>
          Your name
          <input
            defaultValue={name}
            maxLength={MAX_NAME_LENGTH}
            onInput={({ currentTarget }) => {
              const name = currentTarget.value.trim();
              if (name !== '') board.rename({ ...board.person, name });
            }}
          />
        </label>
        <fieldset>
          <legend>Your colour</legend>
          {colors.map((index) => (
            <input
              key={index}
              type="radio"
              name="color"
              class={`color-${index}`}
              aria-label={`Colour ${index + 1}`}
              checked={index === color}
              onChange={() => board.rename({ ...board.person, color: index })}
            />
          ))}
        </fieldset>
      </div>
    </details>
  );
}
