import { cp } from 'node:fs/promises';
import { join } from 'node:path';

const build = (entry, output, page, isClient = false) => ({
  needsBrowser: true,
  needsServer: isClient,
  async test(project) {
    await project.run('webpack', '--mode=production', `--entry=./${entry}`, `--output-path=${output}`);
    await cp(join(project.folder, page), join(project.folder, output, 'index.html'));
    const url = await project.serve(output);
    await (isClient ? project.clientPage(url) : project.page(url));
  },
});

export default {
  title: 'webpack',
  tool: 'webpack',
  checks: {
    'page and worker': build('main.js', 'dist', 'index.html'),
    client: build('client-page.js', 'client', 'client.html', true),
    'page, by require': build('common.cjs', 'common', 'index.html'),
  },
};
