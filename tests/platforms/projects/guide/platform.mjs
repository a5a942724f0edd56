// Runs the page of docs/guide/javascript.md by the commands of the guide. Only the ports differ: the
// browser maps those of the guide to free ones.

import assert from 'node:assert/strict';
import { cp, mkdir, readFile, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { launch } from '../../browser.js';
import { freePort } from '../../project.js';

/** The addresses in the guide, of the server and of the page: the defaults of both programs. */
const SERVER = '127.0.0.1:4747';
const SITE = 'localhost:5173';

/** Reads the page and the commands of the section "A page". */
async function readGuide({ root }) {
  const guide = await readFile(join(root, 'docs/guide/javascript.md'), 'utf8');
  const [section] = guide.match(/^### A page\n.*?(?=^#)/ms) ?? [];
  const blocks = [...(section ?? '').matchAll(/^```(\w+)\n(.*?)^```/gms)];
  const of = (language) => blocks.filter((block) => block[1] === language).map((block) => block[2].trim());
  const [[page], [project, server, vite]] = [of('html'), of('sh')];
  const [create, enter, install] = project.split('\n');
  assert.match(create, /^npm create /);
  assert.equal(enter, 'cd tasks');
  assert.match(install, /^npm install /);
  return { page, create, install, server, vite };
}

/** Creates the project as the guide says, next to a folder that stands for the repository. */
async function createProject(project, { page, create, install }) {
  const { 'create-vite': version } = JSON.parse(await project.read('package.json')).devDependencies;
  assert.ok(create.includes(` vite@${version} `), `${create}: this test has ${version} of create-vite`);
  await mkdir(join(project.folder, 'converge/target/release'), { recursive: true });
  await symlink(
    join(project.root, 'target/release/converge'),
    join(project.folder, 'converge/target/release/converge'),
  );
  await cp(project.tarball, join(project.folder, 'converge/target', basename(project.tarball)));
  await shell(project, create);
  // Vite and its dependencies, whose versions the template leaves open.
  await cp(join(project.folder, 'locked/package-lock.json'), join(project.folder, 'tasks/package-lock.json'));
  await shell(project, `cd tasks && ${install}`);
  await project.write('tasks/index.html', page);
}

/** Runs a command. npm uses the network only for packages that are not in its cache. */
async function shell(project, command) {
  const env = { npm_config_prefer_offline: 'true', npm_config_audit: 'false', npm_config_fund: 'false' };
  await project.runWith(env, 'bash', '-c', command);
}

/** Opens the page in a context of its own. */
async function open(browser) {
  const page = await (await browser.newContext()).newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error));
  const is403 = page.waitForEvent('console', (message) => message.text().includes('403'));
  is403.catch(() => {});
  await page.goto(`http://${SITE}`);
  return {
    errors,
    is403,
    reload: () => page.reload(),
    async add(title) {
      await page.locator('input').fill(title);
      await page.locator('input').press('Enter');
    },
    click: (item) => page.getByText(item).click(),
    says: (text) => page.locator('p', { hasText: text }).waitFor(),
    /** Waits until the list has exactly these items. */
    shows: (...items) =>
      page.waitForFunction(
        (items) => JSON.stringify([...document.querySelectorAll('li')].map((li) => li.textContent).sort()) === items,
        JSON.stringify(items.sort()),
      ),
  };
}

/** Follows the guide in two browsers. */
async function follow(project, guide) {
  const [serverPort, sitePort] = [await freePort(), await freePort()];
  const startServer = (command) =>
    project.startAt(serverPort, 'bash', '-c', `cd converge && ${command} --listen 127.0.0.1:${serverPort}`);
  await project.startAt(sitePort, 'bash', '-c', `cd tasks && ${guide.vite} --host 127.0.0.1 --port ${sitePort}`);
  const rules = [`MAP ${SERVER} 127.0.0.1:${serverPort}`, `MAP ${SITE} 127.0.0.1:${sitePort}`];
  const browser = await launch(`--host-resolver-rules=${rules.join()}`);
  try {
    // Without the option, the server refuses the page.
    let stopServer = await startServer(guide.server.replace(/ --origin \S+/, ''));
    const ann = await open(browser);
    await ann.is403;
    await ann.says('offline');
    await stopServer();
    stopServer = await startServer(guide.server);
    const ben = await open(browser);
    for (const user of [ann, ben]) await user.says('online, unsent changes: 0');

    await ann.add('Buy milk');
    await ben.shows('○ Buy milk');
    await ben.click('Buy milk');
    await ann.shows('✓ Buy milk');

    await stopServer();
    for (const user of [ann, ben]) await user.says('offline');
    await ann.add('Water the plants');
    await ben.add('Feed the cat');
    for (const user of [ann, ben]) {
      await user.says('unsent changes: 1');
      await user.reload();
      await user.says('unsent changes: 1');
    }
    await ann.shows('✓ Buy milk', '○ Water the plants');
    await ben.shows('✓ Buy milk', '○ Feed the cat');

    await startServer(guide.server);
    for (const user of [ann, ben]) {
      await user.shows('✓ Buy milk', '○ Water the plants', '○ Feed the cat');
      await user.says('online, unsent changes: 0');
      assert.deepEqual(user.errors, []);
    }
  } finally {
    await browser.close();
  }
}

export default {
  title: "the guide's page, Vite",
  isCheap: true,
  version: async (project) =>
    JSON.parse(await project.read('locked/package-lock.json')).packages['node_modules/vite'].version,
  checks: {
    'dev server, two browsers': {
      needsBrowser: true,
      needsServer: true,
      async test(project) {
        const guide = await readGuide(project);
        await createProject(project, guide);
        await follow(project, guide);
      },
    },
  },
};
