// Shows the cursors and selections of others in CodeMirror.

import { Decoration, ViewPlugin, WidgetType } from '@codemirror/view';

/** @import { DecorationSet, EditorView, ViewUpdate } from '@codemirror/view' */
/** @import { Visitor } from './presence.js' */

/**
 * An extension that shows the selections of others.
 *
 * @param {() => Visitor[]} others returns them with positions in the text of the editor
 */
export function remoteCursors(others) {
  const create = () => {
    const plugin = {
      decorations: decorate(others()),
      /** @param {ViewUpdate} update */
      update({ changes, view }) {
        // A cursor that moves into the text that an input method composes would end the composition.
        plugin.decorations = view.composing ? plugin.decorations.map(changes) : decorate(others());
      },
    };
    return plugin;
  };
  return ViewPlugin.define(create, { decorations: ({ decorations }) => decorations });
}

/** Shows the selections anew. Call it after changes of entries. @param {EditorView} editor */
export function refreshCursors(editor) {
  editor.dispatch({});
}

/**
 * @param {Visitor[]} visitors
 * @returns {DecorationSet}
 */
function decorate(visitors) {
  const ranges = visitors.flatMap(({ anchor, head, color, name }) => {
    const [from, to] = anchor < head ? [anchor, head] : [head, anchor];
    const cursor = Decoration.widget({ widget: new Cursor(name, color), side: 1 }).range(head);
    const selected = Decoration.mark({ class: `remote-selection color-${color}` });
    return from === to ? [cursor] : [selected.range(from, to), cursor];
  });
  return Decoration.set(ranges, true);
}

class Cursor extends WidgetType {
  /** @param {string} name @param {number} color */
  constructor(name, color) {
    super();
    this.name = name;
    this.color = color;
  }

  /** @override @param {Cursor} other */
  eq(other) {
    return this.name === other.name && this.color === other.color;
  }

  toDOM() {
    const cursor = document.createElement('span');
    cursor.className = `remote-cursor color-${this.color}`;
    // The style sheet shows it. As a text it would become a part of what is copied.
    cursor.dataset.name = this.name;
    return cursor;
  }
}
