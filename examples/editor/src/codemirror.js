// Binds a CodeMirror editor to a view of a text.

import { Annotation, ChangeSet, EditorState, Transaction } from '@codemirror/state';
import { EditorView } from '@codemirror/view';

/** @import { NewTextChange, TextChange, TextView } from '@converge/sync' */
/** @import { Extension } from '@codemirror/state' */

/** Marks the transactions that show changes of others, which are in the document already. */
const isOfOthers = Annotation.define();

/** By default, CodeMirror counts CR LF as one character. Views count two. */
const LINE_BREAK = '\n';
/**
 * How long changes of others wait while an input method composes text and nothing is typed. They do
 * not wait until the end, because keyboards of phones compose each word, and a word can stay
 * unfinished.
 */
const COMPOSITION_PAUSE_MS = 2_000;
/** How long after a composition CodeMirror reads its last characters at the latest. */
const COMPOSITION_END_MS = 50;

/**
 * Opens an editor of a text. To close it, destroy the editor and close the view.
 *
 * @param {TextView} text only this editor uses the view
 * @param {object} options
 * @param {HTMLElement} options.parent
 * @param {Extension} [options.extensions] without CodeMirror's history
 * @param {() => void} [options.onSelect] is called after the user selected, typed, entered or left
 * @param {(error: unknown) => void} options.onRefused is called if the document refuses an edit,
 *   which then does not appear in the editor
 */
export function bindCodeMirror(text, { parent, extensions = [], onSelect = () => {}, onRefused }) {
  let editedAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;

  const editor = new EditorView({
    parent,
    doc: text.read() ?? '',
    extensions: [
      EditorState.lineSeparator.of(LINE_BREAK),
      EditorView.clipboardInputFilter.of((pasted) => pasted.replace(/\r\n?/g, LINE_BREAK)),
      EditorView.updateListener.of(({ focusChanged, transactions }) => {
        if (focusChanged || transactions.some((each) => isLocal(each) && (each.docChanged || each.selection)))
          onSelect();
      }),
      EditorView.domEventHandlers({ compositionend: () => receiveAfter(COMPOSITION_END_MS) }),
      extensions,
    ],
    dispatchTransactions(transactions) {
      try {
        const changes = transactions.filter(isLocal).flatMap(toTextChanges);
        if (changes.length > 0) {
          text.edit(changes);
          editedAt = performance.now();
        }
      } catch (error) {
        onRefused(error);
        return;
      }
      editor.update(transactions);
    },
  });

  /** @param {number} delay in milliseconds */
  const receiveAfter = (delay) => {
    clearTimeout(waiting);
    waiting = setTimeout(receive, delay);
  };

  const receive = () => {
    const pause = editedAt + COMPOSITION_PAUSE_MS - performance.now();
    if (editor.composing && pause > 0) {
      // A change inside of the composed text would end the composition. The view keeps the changes.
      receiveAfter(pause);
      return;
    }
    const { length } = editor.state.doc;
    // No text: another program wrote a value of another type.
    const changes = toChangeSet(text.take() ?? [{ at: 0, remove: length, insert: '' }], length);
    if (changes.empty) return;
    const annotations = [isOfOthers.of(true), Transaction.remote.of(true), Transaction.addToHistory.of(false)];
    editor.dispatch({ changes, annotations });
  };

  return {
    editor,

    /** Shows the changes of others. Call it after each change of the document. */
    receive,

    /** The selection, or `undefined` if the user is elsewhere. */
    get selection() {
      return editor.hasFocus ? editor.state.selection.main : undefined;
    },

    /** Moves the cursor. @param {number} position */
    select(position) {
      // Changes that still wait can make the text longer.
      const anchor = Math.min(position, editor.state.doc.length);
      editor.dispatch({ selection: { anchor }, scrollIntoView: true });
      editor.focus();
    },
  };
}

/** @param {Transaction} transaction */
function isLocal(transaction) {
  return transaction.annotation(isOfOthers) === undefined;
}

/**
 * Returns the changes of a transaction, each for the text after the one before it.
 *
 * @param {Transaction} transaction
 * @returns {NewTextChange[]}
 */
export function toTextChanges({ changes }) {
  /** @type {NewTextChange[]} */
  const list = [];
  // In ascending order, so the text before a change is the new one: its position there is the one after the changes before.
  changes.iterChanges((fromOld, toOld, fromNew, _toNew, inserted) =>
    list.push({ at: fromNew, remove: toOld - fromOld, insert: inserted.toString() }),
  );
  return list;
}

/**
 * Joins changes, each for the text after the one before it.
 *
 * @param {TextChange[]} changes
 * @param {number} length of the text before
 */
export function toChangeSet(changes, length) {
  return changes.reduce((before, { at, remove, insert }) => {
    const change = ChangeSet.of({ from: at, to: at + remove, insert }, before.newLength, LINE_BREAK);
    return before.compose(change);
  }, ChangeSet.empty(length));
}
