// Binds a text field of HTML to a view of a text.

/** @import { TextView } from '@converge/sync' */

/**
 * Binds a `<textarea>`, which only knows its whole text. A field turns all line breaks into line
 * feeds; its first edit writes them.
 *
 * @param {HTMLTextAreaElement} area
 * @param {TextView} text only this field uses the view
 * @param {object} options
 * @param {() => void} [options.onSelect] is called after the user selected, typed, entered or left
 * @param {(error: unknown) => void} options.onRefused is called if the document refuses an edit,
 *   which is then removed from the field
 */
export function bindTextarea(area, text, { onSelect = () => {}, onRefused }) {
  let isComposing = false;

  const receive = () => {
    // A change by a program would end the composition. The changes stay pending.
    if (isComposing) return;
    // No text: another program wrote a value of another type.
    const changes = text.take() ?? [{ at: 0, remove: area.value.length, insert: '' }];
    const { selectionDirection } = area;
    for (const { at, remove, insert } of changes) area.setRangeText(insert, at, at + remove, 'preserve');
    // The text has CR LF, which another program wrote, and which is one character in the field.
    if (area.textLength !== text.length()) area.value = text.read() ?? '';
    if (area.selectionDirection !== selectionDirection) {
      area.setSelectionRange(area.selectionStart, area.selectionEnd, selectionDirection);
    }
  };

  const send = () => {
    try {
      text.rewrite(area.value);
    } catch (error) {
      area.value = text.read() ?? '';
      onRefused(error);
    }
  };

  area.value = text.read() ?? '';
  area.addEventListener('input', send);
  area.addEventListener('compositionstart', () => (isComposing = true));
  area.addEventListener('compositionend', () => {
    isComposing = false;
    // Browsers differ in whether the last input comes before.
    send();
    receive();
  });
  for (const type of ['focus', 'blur']) area.addEventListener(type, onSelect);
  document.addEventListener('selectionchange', () => {
    if (document.activeElement === area) onSelect();
  });

  return {
    /** Shows the changes of others. Call it after each change of the document. */
    receive,

    /** The selection, or `undefined` if the user is elsewhere. */
    get selection() {
      if (document.activeElement !== area) return undefined;
      const { selectionStart, selectionEnd, selectionDirection } = area;
      const isBackward = selectionDirection === 'backward';
      return {
        anchor: isBackward ? selectionEnd : selectionStart,
        head: isBackward ? selectionStart : selectionEnd,
      };
    },

    /** Moves the cursor. @param {number} position */
    select(position) {
      area.focus();
      area.setSelectionRange(position, position);
    },
  };
}
