// What tests are started with: the same answers whatever terminal, language and time zone a developer has. What a test wants of these it sets itself.

const LEFT_OUT =
  /^(?:FORCE_COLOR|NO_COLOR|CLICOLOR(?:_FORCE)?|COLORTERM|COLUMNS|LINES|LANG|LANGUAGE|LC_\w+|TZ|NODE_DISABLE_COLORS|POSIXLY_CORRECT)$/;
const OWN = { LANG: 'C.UTF-8', TZ: 'UTC' };

export const cleanEnvironment = (of: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(of).filter(([name]) => !LEFT_OUT.test(name))),
  ...OWN,
});

/** The same in place, for the processes that this one starts from now on. */
export const cleanInPlace = (env: NodeJS.ProcessEnv): void => {
  for (const name of Object.keys(env)) if (LEFT_OUT.test(name)) delete env[name];
  Object.assign(env, OWN);
};
