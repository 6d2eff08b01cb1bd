import { explain, Status } from '@keyhaven/core/errors';
import { expect, it } from 'vitest';
import { MAX_SESSIONS } from './channel-sessions.ts';

it('the text of TMOF (4) names the number of sessions that a process may have at a key', () => {
  expect(explain(Status.TMOF).remedy).toContain(` ${MAX_SESSIONS.toLocaleString('en-US')} of them at each key`);
});
