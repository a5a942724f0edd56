// The editor of examples/editor in Chromium, with the server's process: people who type at the same time, offline, and by
// input methods; cursors of others; undo; the text field.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { options } from './rig/chromium.js';
import { EditorView, allShow, startEditorSite } from './rig/editor.js';
import { randomNumbers } from './rig/random.js';
import { setUpWithServer } from './rig/setup.js';
import { until } from './rig/until.js';

/** @import { BrowserContext, Page } from 'playwright-core' */

const DOCUMENT = 'notes/1';
const ROUNDS = Number(process.env.CONVERGE_EDITOR_ROUNDS ?? 40);
const SEED = Number(process.env.CONVERGE_BROWSER_SEED ?? 1);
/**
 * The first of many ideographs, and the first of those with two code units. There are no combining
 * characters among them: if a composition begins between two of these, Chromium replaces them.
 */
const [FIRST_LETTER, FIRST_WIDE] = [0x4e00, 0x20000];
/** The most that a round takes, on average, on a busy machine. */
const ROUND_MS = 2_000;

const setup = await setUpWithServer(startEditorSite);
const { site, server } = setup;
/** Uncaught errors of pages, and violations of the policy. @type {string[]} */
const errors = [];

afterEach(() => assert.deepEqual(errors.splice(0), []));

/**
 * Opens the page, and returns its replicas.
 *
 * @param {Record<string, string>} [parameters] of the URL
 * @param {BrowserContext} [context] one with an empty storage by default
 */
async function openPage(parameters = {}, context) {
  const page = await (context ?? (await setup.newContext())).newPage();
  page.on('pageerror', (error) => errors.push(String(error.stack)));
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) errors.push(message.text());
  });
  const query = new URLSearchParams({ server: `http://${server.address}`, document: DOCUMENT, ...parameters });
  await page.goto(`${site.origin}/?${query}`);
  return viewsOf(page, Number(parameters.replicas ?? 1));
}

/** @param {Page} page @param {number} count */
async function viewsOf(page, count = 1) {
  const sections = page.locator('section');
  await sections.nth(count - 1).waitFor();
  return Array.from({ length: count }, (_, index) => new EditorView(page, sections.nth(index)));
}

/** Opens an editor with an empty storage, as in another browser. @returns {Promise<EditorView>} */
async function openEditor() {
  const [view] = await openPage();
  return view;
}

/**
 * Composes text as an input method does.
 *
 * @param {EditorView} view where the cursor is
 */
async function startComposition({ page }) {
  const devtools = await page.context().newCDPSession(page);
  return {
    /** @param {string} text replaces what was composed so far */
    show: (text) =>
      devtools.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length }),
    /** @param {string} text */
    end: (text) => devtools.send('Input.insertText', { text }),
  };
}

test('people in two browsers type at the same time, and no character is lost', options, async () => {
  const [ann, ben] = [await openEditor(), await openEditor()];
  const [annTyped, benTyped] = ['The quick brown fox. ', 'Jumps over the lazy dog.'];
  await Promise.all([ann.type(annTyped), ben.typeInArea(benTyped)]);
  const { text } = await until('both have all characters', async () => {
    const shown = await allShow([ann, ben]);
    return shown.text.length === annTyped.length + benTyped.length && shown;
  });
  assert.deepEqual([...text].sort(), [...annTyped, ...benTyped].sort());
  await Promise.all([ann.type('[', 'Control+Home'), ben.typeInArea(']', 'Control+End')]);
  await allShow([ann, ben], `[${text}]`);
});

test(
  'two replicas in a page edit offline, and both edits are there when they are connected again',
  options,
  async () => {
    const [left, right] = await openPage({ replicas: '2' });
    await left.type('Buy milk');
    await allShow([left, right], 'Buy milk');
    await left.connected.click();
    await left.says('Offline');
    await left.type('oat ', 'Control+Home', ...Array(4).fill('ArrowRight'));
    await right.type(' and tea', 'Control+End');
    await right.says('Connected, saved');
    assert.deepEqual([await left.text(), await right.text()], ['Buy oat milk', 'Buy milk and tea']);
    await left.connected.click();
    await allShow([left, right], 'Buy oat milk and tea');
  },
);

test('a text that was typed without a server survives a reload, and is sent later', options, async () => {
  const [ann, ben] = [await openEditor(), await openEditor()];
  await server.kill();
  await ann.says('Offline');
  await ann.type('Hello\nworld');
  await ann.says('to send, saved on this device');
  await ann.page.reload();
  await allShow(await viewsOf(ann.page), 'Hello\nworld');
  await server.start(site.origin);
  await allShow([ann, ben], 'Hello\nworld');
});

test(
  'cursors and selections of others are shown at their characters, also after edits before them',
  options,
  async () => {
    const [ann, ben] = [await openEditor(), await openEditor()];
    await ann.rename('Ann');
    await ben.rename('Ben');
    /** @param {string | undefined} text */
    const isBehind = (text) => until(`Ben is behind ${text}`, async () => (await ann.textBefore('Ben')) === text);

    await ben.type('one two');
    await isBehind('one two');
    await ben.type('', 'Control+ArrowLeft');
    await isBehind('one ');
    await ann.type('zero, ', 'Control+Home');
    await isBehind('zero, one ');
    await ann.type('\n', 'Control+Home');
    await allShow([ann, ben], '\nzero, one two');
    await isBehind('zero, one ');
    assert.equal(await ann.cursors.count(), 1, 'nobody sees the own cursor');

    await ben.type('', 'Shift+End');
    const selected = ann.root.locator('.remote-selection');
    await until('Ann sees what Ben selected', async () => (await selected.allInnerTexts()).join() === 'two');
    await ann.type('!', 'Control+End');
    await allShow([ann, ben], '\nzero, one two!');
    assert.deepEqual(await selected.allInnerTexts(), ['two'], 'what is typed at the end is not selected');

    await ben.typeInArea('', 'Control+Home');
    await isBehind('');
    await ben.page.goto('about:blank');
    await isBehind(undefined);
  },
);

test('undo takes back the own edits, those of others stay, and the cursor moves there', options, async () => {
  const [ann, ben] = [await openEditor(), await openEditor()];
  await ann.type('one three');
  await allShow([ann, ben], 'one three');
  await ben.type('two ', 'Control+Home', ...Array(4).fill('ArrowRight'));
  await allShow([ann, ben], 'one two three');
  await ann.type('', 'Control+Home', 'Control+z');
  await allShow([ann, ben], 'two ');
  await ann.type('', 'Control+y');
  await allShow([ann, ben], 'one two three');
  await ann.type('!');
  await allShow([ann, ben], 'one two three!');
  await ann.button('Undo').click();
  await allShow([ann, ben], 'one two three');
  await ann.page.keyboard.press('Control+Shift+Z');
  await allShow([ann, ben], 'one two three!');

  await ben.page.keyboard.press('Control+z');
  await allShow([ann, ben], 'one three!');
  await until('Ben has nothing left to undo', () => ben.button('Undo').isDisabled());
  await ben.type('2');
  await allShow([ann, ben], 'one 2three!');
});

test('undo continues after a reload, in the text field too', options, async () => {
  const [ann, ben] = [await openEditor(), await openEditor()];
  await ann.typeInArea('one ');
  await allShow([ann, ben], 'one ');
  await ben.type('two ', 'Control+End');
  await allShow([ann, ben], 'one two ');
  await ann.says('Connected, saved on this device');
  await ann.page.reload();
  const [again] = await viewsOf(ann.page);
  await allShow([again, ben], 'one two ');
  await again.typeInArea('three', 'Control+End');
  await allShow([again, ben], 'one two three');
  await again.typeInArea('', 'Control+z');
  await allShow([again, ben], 'one two ');
  await again.typeInArea('', 'Control+z');
  await allShow([again, ben], 'two ');
  await until('nothing is left to undo', () => again.button('Undo').isDisabled());
  await again.page.reload();
  const [last] = await viewsOf(ann.page);
  await last.button('Redo').click();
  await allShow([last, ben], 'one two ');
});

test('the text field: typing, replacing, pasting, emoji, and the cursor while others type', options, async () => {
  const [ann, ben] = [await openEditor(), await openEditor()];
  await ann.typeInArea('one two');
  await ann.typeInArea('1', 'Control+Shift+ArrowLeft');
  await allShow([ann, ben], 'one 1');
  await ann.typeInArea(' 🌵👩‍🌾');
  await allShow([ann, ben], 'one 1 🌵👩‍🌾');
  await ann.typeInArea('', 'Backspace');
  await until(
    'the last one is removed',
    async () => (await ben.text()).startsWith('one 1 🌵') && (await ben.text()) !== 'one 1 🌵👩‍🌾',
  );
  await ann.area.fill('one 🌵');
  await allShow([ann, ben], 'one 🌵');
  await ann.typeInArea('', 'Control+Home', 'Control+Shift+ArrowRight', 'Shift+ArrowRight', 'Control+x');
  await allShow([ann, ben], '🌵');
  await ann.typeInArea('', 'Control+End', 'Control+v');
  await allShow([ann, ben], '🌵one ');

  const selection = () =>
    ann.area.evaluate((/** @type {HTMLTextAreaElement} */ { selectionStart, selectionEnd, selectionDirection }) => [
      selectionStart,
      selectionEnd,
      selectionDirection,
    ]);
  await ann.typeInArea('', 'Control+Home', 'ArrowRight');
  await ben.type('👀 ', 'Control+Home');
  await allShow([ann, ben], '👀 🌵one ');
  assert.deepEqual((await selection()).slice(0, 2), [5, 5], 'after the cactus');
  await ben.type('!', 'Control+End');
  await allShow([ann, ben], '👀 🌵one !');
  assert.deepEqual((await selection()).slice(0, 2), [5, 5]);
  await ann.typeInArea('', 'End', 'Shift+ArrowLeft', 'Shift+ArrowLeft');
  await ben.type('no ', 'Control+Home');
  await allShow([ann, ben], 'no 👀 🌵one !');
  assert.deepEqual(await selection(), [11, 13, 'backward']);
  await ann.typeInArea('.');
  await allShow([ann, ben], 'no 👀 🌵one.');
});

for (const [where, field] of /** @type {const} */ ([
  ['the editor', 'type'],
  ['the text field', 'typeInArea'],
])) {
  test(`others type into a word while an input method composes it in ${where}`, options, async () => {
    const [ann, ben] = [await openEditor(), await openEditor()];
    await ann.type('[]');
    await allShow([ann, ben], '[]');
    await ann[field]('', 'Control+Home', 'ArrowRight');
    const composition = await startComposition(ann);
    await composition.show('に');
    await composition.show('にほ');
    await until('Ben sees the composed text', async () => (await ben.text()) === '[にほ]');
    await ben.type('<', 'Control+Home');
    await ben.type('>', 'Control+End');
    await ben.type('x', 'Control+Home', 'ArrowRight', 'ArrowRight', 'ArrowRight');
    await until('the changes are in the other field', async () =>
      [await ann.text(), await ann.areaText()].includes('<[にxほ]>'),
    );
    await composition.show('にほん');
    await composition.end('日本');
    const { text } = await until('all are equal', async () => {
      const shown = await allShow([ann, ben]);
      return shown.text.includes('日本') && shown.text.includes('<') && shown;
    });
    assert.match(text, /^<\[x?日本x?\]>$/);
    assert.equal([...text].sort().join(''), [...'<[x日本]>'].sort().join(''));
    await ann.page.keyboard.type('!');
    await allShow([ann, ben], text.replace('日本', '日本!'));
  });
}

test('line breaks of other systems are pasted as line feeds', options, async () => {
  const [ann, ben] = [await openEditor(), await openEditor()];
  await ann.editor.evaluate((content) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', 'one\r\ntwo\rthree');
    content.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  });
  await allShow([ann, ben], 'one\ntwo\nthree');
});

test('an edit that the document refuses does not stay in the fields', options, async () => {
  const ann = await openEditor();
  await ann.type('one');
  await ann.says('Connected, saved');
  const url = `http://${server.address}/v1/docs/${encodeURIComponent(DOCUMENT)}/commit`;
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify({ ops: [{ delete: 'notes', row: 'n1' }] }),
  });
  assert.ok(response.ok);
  await allShow([ann], '');
  const problem = ann.root.locator('.problem', { hasText: 'notes' });
  await ann.type('x');
  await problem.waitFor();
  await ann.typeInArea('y');
  await allShow([ann], '');
});

const limits = { ...options, timeout: options.timeout + ROUNDS * ROUND_MS };

test(`after ${ROUNDS} random rounds with the seed ${SEED}, both have each typed letter once`, limits, async () => {
  const random = randomNumbers(SEED);
  const views = [await openEditor(), await openEditor()];
  const compositions = [await startComposition(views[0]), await startComposition(views[1])];
  /** The typed letters, each another one. Some have two code units. */
  const typed = /** @type {string[]} */ ([]);
  const newLetter = () => {
    const letter = String.fromCodePoint((random(3) === 0 ? FIRST_WIDE : FIRST_LETTER) + typed.length);
    typed.push(letter);
    return letter;
  };
  const newLetters = () => Array.from({ length: 1 + random(4) }, newLetter).join('');
  const newPlace = () => [
    ['Control+Home', 'Control+End', 'Home', 'End', 'ArrowLeft'][random(5)] ?? '',
    ...Array(random(6)).fill(['ArrowLeft', 'ArrowRight', 'ArrowUp'][random(3)]),
  ];

  /**
   * Chooses what one of them does. Both do it at the same time.
   *
   * @param {number} index
   */
  const choose = (index) => {
    const view = views[index];
    const field = random(2) === 0 ? 'type' : 'typeInArea';
    const place = newPlace();
    const kind = random(10);
    if (kind === 0) return () => view.connected.click();
    if (kind === 1) return () => view[field]('', 'Control+z', 'Control+y');
    if (kind < 5) {
      const [first, second] = [newLetter(), newLetter()];
      return async () => {
        await view[field]('', ...place);
        await compositions[index]?.show(first);
        await compositions[index]?.show(first + second);
        await compositions[index]?.end(first + second);
      };
    }
    const letters = newLetters() + (random(8) === 0 ? '\n' : '');
    return () => view[field](letters, ...place);
  };

  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all([0, 1].map(choose).map((act) => act()));
  }
  for (const { connected } of views) await connected.check();
  const { text } = await until('both have all letters', async () => {
    const shown = await allShow(views);
    return [...shown.text].length >= typed.length && shown;
  });
  assert.equal([...text.replaceAll('\n', '')].sort().join(''), typed.sort().join(''));
});
