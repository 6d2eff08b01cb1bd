import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createForeignWatch } from './shared-foreign.ts';

describe('the watch for changes of other processes', () => {
  it('asks only while somebody listens, and goes on when one listener of two has left or the file was busy', async () => {
    let asked = 0;
    let version = 1;
    let isBusy = false;
    let heard = Promise.withResolvers<void>();
    const watch = createForeignWatch(() => {
      asked += 1;
      if (isBusy) throw new Error('busy');
      return version;
    });
    await setTimeout(600);
    expect(asked).toBe(0);
    const first = watch.add(() => expect.unreachable());
    const second = watch.add(() => heard.resolve());
    first();
    isBusy = true;
    await setTimeout(300);
    isBusy = false;
    version = 2;
    await heard.promise;
    heard = Promise.withResolvers<void>();
    second();
    second();
    const before = asked;
    version = 3;
    await setTimeout(600);
    expect(asked).toBe(before);
    watch.add(() => heard.resolve()); // hears of what comes, not of what was
    version = 4;
    await heard.promise;
    watch.close();
    const atEnd = asked;
    await setTimeout(600);
    expect(asked).toBe(atEnd);
  });
});
