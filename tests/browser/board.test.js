// The task board of examples/web in Chromium, with the server's process: people who work at the same time, offline, and on
// one task; a killed server, tabs, wiped storage, and replaced and deleted boards.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { BoardView, startBoardSite } from './rig/board.js';
import { options } from './rig/chromium.js';
import { setUpWithServer } from './rig/setup.js';
import { until } from './rig/until.js';

/** @import { BrowserContext, Page } from 'playwright-core' */

const DOCUMENT = 'board/1';
const PHONE = { width: 360, height: 740 };

const setup = await setUpWithServer(() => startBoardSite());
const { site, server } = setup;
/** What the pages reported: violations of the policy, and uncaught errors. @type {string[]} */
let reports = [];

beforeEach(() => {
  reports = [];
});

afterEach(() => assert.deepEqual(reports, []));

/** A context with an empty storage, whose pages report violations of the policy. */
async function newContext() {
  const context = await setup.newContext();
  await context.addInitScript(() =>
    document.addEventListener('securitypolicyviolation', (event) =>
      console.error(`violation: ${event.violatedDirective} ${event.blockedURI}`),
    ),
  );
  context.on('console', (message) => {
    if (/violation: |Content Security Policy/.test(message.text())) reports.push(message.text());
  });
  context.on('weberror', (error) => reports.push(String(error.error().stack)));
  return context;
}

/**
 * Opens the page.
 *
 * @param {BrowserContext} context
 * @param {Record<string, string>} [parameters] of the URL
 * @param {string} [origin]
 */
async function openPage(context, parameters = {}, origin = site.origin) {
  const page = await context.newPage();
  await page.goto(`${origin}/?${new URLSearchParams({ server: server.url, ...parameters })}#${DOCUMENT}`);
  return page;
}

/** A board in a tab. @param {BrowserContext} context */
async function openBoard(context) {
  const page = await openPage(context);
  const board = new BoardView(page);
  await board.connection.waitFor();
  return { page, board };
}

/**
 * Waits until boards show exactly these tasks, in any order.
 *
 * @param {string[]} tasks
 * @param {BoardView[]} boards
 */
async function allShow(tasks, ...boards) {
  const expected = JSON.stringify([...tasks].sort());
  for (const board of boards) {
    await until(`a board shows ${expected}`, async () => JSON.stringify((await board.tasks()).sort()) === expected);
  }
}

/** Waits until the page starts without its site. @param {Page} page */
async function workerIsReady(page) {
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
}

/** @param {BoardView} board @param {string} text */
async function saysAbout(board, text) {
  await until(`the state says ${text}`, async () => (await board.details.innerText()).includes(text));
}

test('people in two browsers see tasks, names, cursors and edits of each other', options, async () => {
  const { page: first, board: anns } = await openBoard(await newContext());
  const { page: second, board: bens } = await openBoard(await newContext());
  for (const [page, name] of /** @type {[Page, string][]} */ ([
    [first, 'Ann'],
    [second, 'Ben'],
  ])) {
    await page.locator('.self summary').click();
    await page.getByRole('textbox', { name: 'Your name' }).fill(name);
    await page.locator('.self summary').click();
  }
  await until('Ann sees Ben', async () => (await anns.people()).includes('Ben'));
  await until('Ben sees Ann', async () => (await bens.people()).includes('Ann'));

  await anns.add('To do', 'Buy milk');
  await bens.add('Doing', 'Write a letter');
  await allShow(['To do: Buy milk', 'Doing: Write a letter'], anns, bens);

  await bens.button('Buy milk').click();
  await anns.root.getByText('Editing: Ben').waitFor();
  await second.keyboard.press('Escape');
  await anns.root.getByText('Editing: Ben').waitFor({ state: 'detached' });

  await bens.column('Done').hover();
  await anns.column('Done').locator('.cursor', { hasText: 'Ben' }).waitFor();
  await second.goto('about:blank');
  await until('Ben has left', async () => !(await anns.people()).includes('Ben'));
  await first.reload();
  await until('the name is kept', async () => (await anns.people()).some((name) => name.startsWith('Ann')));
});

test(
  'two people change different cells of one task, one of them offline, and both changes survive',
  options,
  async () => {
    const page = await openPage(await newContext(), { panes: '2' });
    const left = new BoardView(page.frameLocator('iframe >> nth=0'));
    const right = new BoardView(page.frameLocator('iframe >> nth=1'));
    await left.add('To do', 'Buy milk');
    await allShow(['To do: Buy milk'], left, right);
    await left.offlineSwitch.click();
    await left.root.getByText('Working offline').waitFor();
    await left.rename('Buy milk', 'Buy oat milk');
    await right.root.getByRole('button', { name: 'Move to Doing: Buy milk' }).click();
    await saysAbout(right, 'Saved on the server');
    await saysAbout(left, '1 change to send');
    assert.deepEqual([await left.tasks(), await right.tasks()], [['To do: Buy oat milk'], ['Doing: Buy milk']]);
    await left.offlineSwitch.click();
    await allShow(['Doing: Buy oat milk'], left, right);
  },
);

test('the switch works offline, a reload keeps it, and the tasks are sent afterwards', options, async () => {
  const context = await newContext();
  const { page, board } = await openBoard(context);
  const { board: other } = await openBoard(await newContext());
  await board.offlineSwitch.click();
  await board.root.getByText('Working offline').waitFor();
  await board.add('To do', 'Offline');
  await saysAbout(board, '1 change to send');
  await saysAbout(board, 'Saved on this device');
  await page.reload();
  await board.root.getByText('Working offline').waitFor();
  await allShow(['To do: Offline'], board);
  await other.add('To do', 'Online');
  await saysAbout(other, 'Saved on the server');
  assert.deepEqual([await board.tasks(), await other.tasks()], [['To do: Offline'], ['To do: Online']]);
  await board.offlineSwitch.click();
  await allShow(['To do: Offline', 'To do: Online'], board, other);
});

test('the server is killed and started again, and a reload in between keeps everything', options, async () => {
  const { page, board } = await openBoard(await newContext());
  const { board: other } = await openBoard(await newContext());
  await board.add('To do', 'Before');
  await allShow(['To do: Before'], board, other);
  await server.kill();
  await board.root.getByText('No connection').waitFor();
  await board.add('To do', 'Without a server');
  await other.add('Done', 'Without a server too');
  await saysAbout(board, 'Saved on this device');
  await page.reload();
  await allShow(['To do: Before', 'To do: Without a server'], board);
  await server.start(site.origin);
  await allShow(['To do: Before', 'To do: Without a server', 'Done: Without a server too'], board, other);
  for (const each of [board, other]) await saysAbout(each, 'Saved on the server');
});

test('the page starts without its site, and is the newest one when the site is back', options, async (t) => {
  const former = await startBoardSite();
  t.after(() => former.close());
  const { origin } = former;
  await server.kill();
  await server.start(origin);
  const page = await openPage(await newContext(), {}, origin);
  const board = new BoardView(page);
  await board.add('To do', 'Before');
  await saysAbout(board, 'Saved on the server');
  await workerIsReady(page);

  former.close();
  await server.kill();
  await page.reload();
  await allShow(['To do: Before'], board);
  await board.add('Doing', 'Without a server');
  await saysAbout(board, 'Saved on this device');
  await page.reload();
  await allShow(['To do: Before', 'Doing: Without a server'], board);
  await server.start(origin);
  await saysAbout(board, 'Saved on the server');
  assert.equal((await server.rows(DOCUMENT, 'tasks')).length, 2);

  const newer = await startBoardSite(Number(new URL(origin).port));
  t.after(() => newer.close());
  const html = String(newer.files.get('index.html'));
  newer.files.set('index.html', html.replace('This page needs', 'This newer page needs'));
  await page.reload();
  await allShow(['To do: Before', 'Doing: Without a server'], board);
  assert.match(await page.content(), /This newer page/);
  newer.close();
  await page.reload();
  await allShow(['To do: Before', 'Doing: Without a server'], board);
  assert.match(await page.content(), /This newer page/);
});

test('three tabs see the tasks of each other, offline too, and are one person', options, async () => {
  const context = await newContext();
  const [one, two, three] = [await openBoard(context), await openBoard(context), await openBoard(context)];
  const boards = [one.board, two.board, three.board];
  await one.board.add('To do', 'Online');
  await allShow(['To do: Online'], ...boards);
  await server.kill();
  await two.board.add('To do', 'Offline');
  await allShow(['To do: Online', 'To do: Offline'], ...boards);
  for (const board of boards) assert.equal((await board.people()).length, 1);
  await server.start(site.origin);
  for (const board of boards) await saysAbout(board, 'Saved on the server');
  assert.equal((await server.rows(DOCUMENT, 'tasks')).length, 2);
});

test('storage that is wiped under an open page loses nothing', options, async () => {
  const context = await newContext();
  const { page, board } = await openBoard(context);
  await board.add('To do', 'Before');
  await saysAbout(board, 'Saved on the server');
  await server.kill();
  await board.add('To do', 'Offline');
  await saysAbout(board, '1 change to send');
  const devtools = await context.newCDPSession(page);
  await devtools.send('Storage.clearDataForOrigin', { origin: site.origin, storageTypes: 'indexeddb' });
  await board.add('To do', 'After');
  await until('everything is saved here again', async () => {
    const text = await board.details.innerText();
    return text.includes('2 changes to send') && text.includes('Saved on this device');
  });
  await page.reload();
  await allShow(['To do: Before', 'To do: Offline', 'To do: After'], board);
  await server.start(site.origin);
  await saysAbout(board, 'Saved on the server');
  assert.equal((await server.rows(DOCUMENT, 'tasks')).length, 3);
});

test('a board that was replaced starts again, and offers the changes that were not sent', options, async () => {
  const context = await newContext();
  const { page, board } = await openBoard(context);
  await board.add('To do', 'Sent');
  await saysAbout(board, 'Saved on the server');
  await board.offlineSwitch.click();
  await board.add('To do', 'Not sent');
  await board.add('Doing', 'Not sent either');
  const { board: tab } = await openBoard(context);
  await server.replace(DOCUMENT, 'tasks', 'of the new board');
  await board.offlineSwitch.click();
  await board.root.getByText('2 changes did not reach the server').waitFor();
  await allShow(['To do: Sent', 'To do: Not sent', 'Doing: Not sent either'], board);
  await board.button('Start again from the server').click();
  await allShow(['To do: No title'], board);
  await tab.root.getByText('Another tab has started again').waitFor();
  await tab.button('Start again from the server').click();
  await allShow(['To do: No title'], tab);
  await page.reload();
  await board.root.getByText('This browser keeps 2 changes from another board').waitFor();
  await board.button('Apply').click();
  await allShow(['To do: No title', 'To do: Not sent', 'Doing: Not sent either'], board, tab);
  await saysAbout(board, 'Saved on the server');
  assert.equal(await board.button('Apply').count(), 0);
});

test('the tasks of a board that was deleted can be copied to another board', options, async () => {
  const { board } = await openBoard(await newContext());
  await board.add('To do', 'A task');
  await saysAbout(board, 'Saved on the server');
  const response = await fetch(`http://${server.address}/v1/admin/docs/${encodeURIComponent(DOCUMENT)}`, {
    method: 'DELETE',
  });
  assert.ok(response.ok);
  await board.root.getByText('This board was deleted on the server.').waitFor();
  await allShow(['To do: A task'], board);
  await board.button('Copy the tasks to another board').click();
  await board.root.getByText('This browser keeps 1 change from another board').waitFor();
  await board.button('Apply').click();
  await allShow(['To do: A task'], board);
  await saysAbout(board, 'Saved on the server');
  assert.equal((await server.rows(`${DOCUMENT} copy`, 'tasks')).length, 1);
});

test(
  'tasks are moved, edited, deleted and brought back with the keyboard, and moved with the mouse',
  options,
  async () => {
    const { page, board } = await openBoard(await newContext());
    for (const title of ['One', 'Two', 'Three']) await board.add('To do', title);
    await board.button('Three').focus();
    await page.keyboard.press('ArrowUp');
    await until('a task moved up', async () => (await board.tasks()).join() === 'To do: One,To do: Three,To do: Two');
    await page.keyboard.press('ArrowRight');
    await until(
      'a task moved right',
      async () => (await board.tasks()).join() === 'To do: One,To do: Two,Doing: Three',
    );
    await page.keyboard.press('Enter');
    await page.keyboard.press('End');
    await page.keyboard.type('!');
    await page.keyboard.press('Enter');
    await allShow(['To do: One', 'To do: Two', 'Doing: Three!'], board);
    await page.keyboard.press('Delete');
    await allShow(['To do: One', 'To do: Two'], board);
    await page.keyboard.press('Control+z');
    await allShow(['To do: One', 'To do: Two', 'Doing: Three!'], board);
    await board.button('Undo').click();
    await allShow(['To do: One', 'To do: Two', 'Doing: Three'], board);
    await board.button('Two').dragTo(board.button('Three'), { targetPosition: { x: 5, y: 2 } });
    await until(
      'a task was dragged',
      async () => (await board.tasks()).join() === 'To do: One,Doing: Two,Doing: Three',
    );
  },
);

test('nothing is wider than a phone', options, async () => {
  const context = await newContext();
  const { page, board } = await openBoard(context);
  await page.setViewportSize(PHONE);
  await board.add('To do', 'A'.repeat(200));
  await board.add('Done', 'Several words, '.repeat(20));
  const { page: other } = await openBoard(await newContext());
  for (const each of [page, other]) {
    await each.locator('.self summary').click();
    await each.getByRole('textbox', { name: 'Your name' }).fill('N'.repeat(30));
  }
  await page.locator('.person', { hasText: 'NNN' }).last().waitFor();
  await other
    .locator('.column')
    .last()
    .hover({ position: { x: 300, y: 20 } });
  await page.locator('.cursor', { hasText: 'NNN' }).waitFor();
  const widths = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.equal(widths[0], widths[1]);
});

test('the policy is in force, and violations are noticed', options, async () => {
  const { page } = await openBoard(await newContext());
  await page.evaluate(() => document.body.setAttribute('style', 'color: red'));
  await until('a violation is reported', () => reports.some((text) => text.startsWith('violation: style-src')));
  reports = [];
});

test('the program carries the page, with a policy that is enough for it', options, async () => {
  await server.kill();
  await server.start(site.origin, '--demo');
  const pages = [];
  for (const context of [await newContext(), await newContext()]) {
    const page = await context.newPage();
    await page.goto(`http://${server.address}/#${DOCUMENT}`);
    await saysAbout(new BoardView(page), 'Saved on the server');
    await workerIsReady(page);
    pages.push(page);
  }
  const boards = pages.map((page) => new BoardView(page));
  await boards[0]?.add('To do', 'Buy milk');
  await allShow(['To do: Buy milk'], ...boards);
  await server.kill();
  for (const page of pages) await page.reload();
  await allShow(['To do: Buy milk'], ...boards);
  await boards[1]?.add('Done', 'Water the plants');
  await server.start(site.origin, '--demo');
  await allShow(['To do: Buy milk', 'Done: Water the plants'], ...boards);
});
