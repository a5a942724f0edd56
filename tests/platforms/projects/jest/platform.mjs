import { rm } from 'node:fs/promises';
import { join } from 'node:path';

const environment = (name) => ({
  async test(project) {
    await rm(join(project.folder, 'outcome'), { force: true });
    await project.run('jest', `--env=${name}`);
    project.passed(await project.read('outcome'));
  },
});

export default {
  title: 'Jest, CommonJS and Babel',
  tool: 'jest',
  checks: { node: environment('node'), jsdom: environment('jsdom') },
};
