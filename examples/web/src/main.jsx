// Starts the page: one board, or two panes with a board each.

import { render } from 'preact';
import { MAIN, openBoard } from './board.js';
import { App } from './view/app.jsx';
import { Failure } from './view/failure.jsx';
import { Panes } from './view/panes.jsx';

const DEFAULT_NAME = 'board';

const root = /** @type {HTMLElement} */ (document.querySelector('#app'));
const query = new URLSearchParams(location.search);
const server = query.get('server') ?? location.origin;

/** The document's name, which is the hash of the URL. */
function nameOfHash() {
  try {
    return decodeURIComponent(location.hash.slice(1)) || DEFAULT_NAME;
  } catch {
    return location.hash.slice(1);
  }
}

/** @param {import('preact').ComponentChild} view */
function draw(view) {
  root.querySelector('.loading')?.remove();
  render(view, root);
}

/** @type {import('./board.js').Board | undefined} */
let board;

async function showBoard() {
  try {
    await board?.close();
    const name = nameOfHash();
    document.title = `${name} · converge`;
    board = await openBoard(server, name, query.get('replica') ?? MAIN);
    draw(<App key={name} board={board} />);
  } catch (error) {
    board = undefined;
    draw(<Failure error={error} />);
  }
}

function showPanes() {
  const urls = ['left', 'right'].map((replica) => {
    const pane = new URLSearchParams({ replica, server });
    return `?${pane}#${encodeURIComponent(nameOfHash())}`;
  });
  draw(<Panes urls={urls} />);
}

const show = query.get('panes') === '2' ? showPanes : showBoard;
// One after the other, because opening a board takes time.
let shown = Promise.resolve(show());
window.addEventListener('hashchange', () => (shown = shown.then(show)));
// With this worker, the page starts without the server. It loads the files once more, so the page comes first. Some browsers
// refuse workers, for example in private windows.
shown.then(() => navigator.serviceWorker?.register('worker.js')).catch(() => {});
