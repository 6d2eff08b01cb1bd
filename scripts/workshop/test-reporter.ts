import { writeFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';
import { TALLY_FILE, type Tally } from './tally.ts';

// A reporter beside the one that people read: writes what `scripts/test.ts` needs for its last lines to the file named by TALLY_FILE.

const nameOf = (module: TestModule, test: TestCase): string => `${module.relativeModuleId} > ${test.fullName}`;

function reasonOf({ options }: TestCase, broken: boolean): string {
  if (options.mode === 'todo') return 'not written yet';
  return broken && options.mode !== 'skip' ? 'its suite failed' : 'no reason given';
}

const hasErrors = (part: TestModule | TestSuite): boolean => part.errors().length > 0;

export default class TallyReporter implements Reporter {
  #selective = false;

  onInit(vitest: Vitest): void {
    this.#selective = vitest.config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const tally: Tally = { passed: 0, failed: unhandled.length, unselected: 0, skipped: [] };
    for (const module of modules) {
      // A file that does not load, or a hook that fails, is a failure of its own: its tests are reported as skipped.
      const broken = [module, ...module.children.allSuites()].filter(hasErrors);
      tally.failed += broken.length;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') tally.passed += 1;
        else if (result.state !== 'skipped') tally.failed += 1;
        else if (result.note === undefined && this.#selective) tally.unselected += 1;
        else {
          tally.skipped.push({ name: nameOf(module, test), reason: result.note ?? reasonOf(test, broken.length > 0) });
        }
      }
    }
    const file = process.env[TALLY_FILE];
    if (file !== undefined) writeFileSync(file, JSON.stringify(tally));
  }
}
