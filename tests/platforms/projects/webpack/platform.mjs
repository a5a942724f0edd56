import { cp } from 'node:fs/promises';
import { join } from 'node:path';

const build = (entry, output, page) => ({
  needsBrowser: true,
  async test(project) {
    await project.run('webpack', '--mode=production', `--entry=./${entry}`, `--output-path=${output}`);
    await cp(join(project.folder, page), join(project.folder, output, 'index.html'));
    await project.page(await project.serve(output));
  },
});

export default {
  title: 'webpack',
  tool: 'webpack',
  checks: {
    'page and worker': build('main.js', 'dist', 'index.html'),
    'page, by require': build('common.cjs', 'common', 'index.html'),
  },
};
