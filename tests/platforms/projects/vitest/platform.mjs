const environment = (name) => ({
  test: (project) => project.runSuite('vitest', 'run', `--environment=${name}`, '--disable-console-intercept'),
});

export default {
  title: 'Vitest',
  tool: 'vitest',
  checks: { node: environment('node'), jsdom: environment('jsdom') },
};
