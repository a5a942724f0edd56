// One replica of a text: the client, with an editor and a text field that show the same text.

import { defaultKeymap } from '@codemirror/commands';
import { EditorView, keymap } from '@codemirror/view';
import { connect } from '@converge/sync/client';
import { indexedDb } from '@converge/sync/indexeddb';
import { bindCodeMirror } from './codemirror.js';
import { refreshCursors, remoteCursors } from './cursors.js';
import { loadPerson, savePerson } from './person.js';
import { Presence } from './presence.js';
import { describe } from './status.js';
import { bindTextarea } from './textarea.js';
import { Undo, bindUndoKeys } from './undo.js';

/** @import { Engine, Place } from '@converge/sync' */

const TABLE = 'notes';
const ROW = 'n1';
const COLUMN = 'body';

/**
 * Opens a document in a part of the page. Resolves once the local data is loaded, with or without a
 * network.
 *
 * @param {HTMLElement} root a copy of the template
 * @param {Engine} engine
 * @param {{ server: string, name: string, replica: string }} options `replica` selects a database of this browser
 */
export async function openReplica(root, engine, { server, name, replica }) {
  const client = await connect(server, name, { engine, storage: indexedDb({ name: `editor ${replica}` }) });
  const { doc } = client;
  // Without the text, so that a text that another replica has under this name stays.
  if (doc.get(TABLE, ROW) === undefined) doc.insert(TABLE, ROW, {});
  const parts = partsOf(root);

  const undo = new Undo(doc, `editor ${replica} ${name} undo`);
  const presence = new Presence(client);
  // A view knows what its field shows, so each field has one.
  const [editorText, areaText] = [doc.openText(TABLE, ROW, COLUMN), doc.openText(TABLE, ROW, COLUMN)];
  /** @param {unknown} error */
  const onRefused = (error) => (parts.problem.textContent = error instanceof Error ? error.message : String(error));
  const onSelect = () => {
    if (codeMirror.selection !== undefined) presence.select(editorText, codeMirror.selection);
    else if (textarea.selection !== undefined) presence.select(areaText, textarea.selection);
    else presence.leave();
  };
  const codeMirror = bindCodeMirror(editorText, {
    parent: parts.editor,
    extensions: [
      keymap.of(defaultKeymap),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ 'aria-label': 'Editor' }),
      remoteCursors(() => presence.others(editorText)),
    ],
    onSelect,
    onRefused,
  });
  const textarea = bindTextarea(parts.area, areaText, { onSelect, onRefused });

  const showSteps = () => {
    parts.undo.disabled = !undo.canUndo;
    parts.redo.disabled = !undo.canRedo;
  };
  client.watch([TABLE], () => {
    codeMirror.receive();
    textarea.receive();
    showSteps();
    parts.problem.textContent = '';
  });
  client.watchStore(() => refreshCursors(codeMirror.editor));

  /** @param {Place | undefined} place */
  const moveTo = (place) => {
    showSteps();
    if (place?.end === undefined) return;
    const field = textarea.selection === undefined ? codeMirror : textarea;
    field.receive();
    field.select(place.end);
  };
  const actions = { undo: () => moveTo(undo.undo()), redo: () => moveTo(undo.redo()) };
  for (const field of [parts.editor, parts.area]) bindUndoKeys(field, actions);
  for (const button of [parts.undo, parts.redo]) {
    button.addEventListener('pointerdown', (event) => event.preventDefault()); // The field keeps the focus.
  }
  parts.undo.addEventListener('click', actions.undo);
  parts.redo.addEventListener('click', actions.redo);

  const person = loadPerson(replica);
  parts.name.value = person.name;
  parts.name.addEventListener('change', () => {
    person.name = parts.name.value;
    savePerson(replica, person);
    presence.introduce(person);
  });
  presence.introduce(person);

  parts.connected.addEventListener('change', () => (parts.connected.checked ? client.resume() : client.pause()));
  const showStatus = () => (parts.status.textContent = describe(client.status));
  client.subscribe(showStatus);
  showStatus();
}

/** @param {HTMLElement} root */
function partsOf(root) {
  /** @template {HTMLElement} T @param {string} name of a class @returns {T} */
  const find = (name) => /** @type {T} */ (root.querySelector(`.${name}`));
  return {
    name: /** @type {HTMLInputElement} */ (find('name')),
    connected: /** @type {HTMLInputElement} */ (find('connected')),
    undo: /** @type {HTMLButtonElement} */ (find('undo')),
    redo: /** @type {HTMLButtonElement} */ (find('redo')),
    status: find('status'),
    problem: find('problem'),
    editor: find('editor'),
    area: /** @type {HTMLTextAreaElement} */ (find('area')),
  };
}
