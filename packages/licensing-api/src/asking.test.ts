import { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';
import { type HostKind, keyKinds, type Situation, select } from '@keyhaven/core/hosts';
import { describe, expect, it } from 'vitest';
import { createAsking, isElsewhere } from './asking.ts';

const situation: Situation = {
  choice: 'auto',
  adminRuns: 'unknown',
  externalBeside: true,
  integratedAvailable: true,
  userStore: true,
  nearSearch: false,
  kinds: keyKinds,
};
const failing = (...failures: readonly (readonly [HostKind, StatusCode])[]): LicensingError => {
  const asking = createAsking(select(situation));
  for (const [kind, status] of failures) asking.failed(kind, new LicensingError(status, { detail: `Said by ${kind}` }));
  return asking.refusal();
};

describe('what an application is told when no license manager does it (T5)', () => {
  it.each([
    ['no free seat, whoever said it', ['external', Status.KEY_DISABLED], ['admin', Status.TOO_MANY_USERS], 'admin'],
    ['another refusal before "not here"', ['external', Status.FEATURE_NOT_FOUND], ['admin', Status.FEATURE_EXPIRED], 'admin'],
    [
      'that its own license manager does not work before "not here"',
      ['external', Status.LOCAL_COMM_ERR],
      ['admin', Status.KEY_NOT_FOUND],
      'external',
    ],
    ['"not here" before that no Admin LM runs', ['external', Status.KEY_NOT_FOUND], ['admin', Status.LOCAL_COMM_ERR], 'external'],
    [
      'the last of those without a free seat, where the login ended',
      ['external', Status.TOO_MANY_USERS],
      ['admin', Status.TOO_MANY_USERS],
      'admin',
    ],
    ['of equals the first', ['external', Status.FEATURE_NOT_FOUND], ['admin', Status.KEY_NOT_FOUND], 'external'],
    ['its own before the Admin LM, where neither works', ['external', Status.LOCAL_COMM_ERR], ['admin', Status.LOCAL_COMM_ERR], 'external'],
  ] as const)('%s', (_name, first, second, told) => {
    expect(failing(first, second)).toMatchObject({ detail: `Said by ${told}.`, status: first[0] === told ? first[1] : second[1] });
  });

  it('comes with what each of them said, and keeps remedy and cause', () => {
    const asking = createAsking(select(situation));
    const cause = new Error('why');
    asking.failed('external', new LicensingError(Status.LOCAL_COMM_ERR, { detail: 'Gone', remedy: 'Look', cause }));
    asking.failed('admin', new LicensingError(Status.LOCAL_COMM_ERR));
    const error = asking.refusal();
    expect(error).toMatchObject({ remedy: 'Look.', cause });
    expect(error.explanation).toEqual([
      'external: asked. The user has a store of keys of this vendor. It said 33 LOCAL_COMM_ERR: Gone.',
      expect.stringMatching(/^admin: asked\. .* It said 33 LOCAL_COMM_ERR: The application cannot talk/),
      'integrated: not asked. The External LM beside the application is used instead.',
    ]);
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({
      status: 33,
      selection: [{ licenseManager: 'external', asked: true }, {}, {}],
    });
  });

  it('is the refusal of the selection where nobody could be asked', () => {
    const asking = createAsking(select({ ...situation, choice: 'external', kinds: ['sl-adminmode'] }));
    expect(asking.ask).toEqual([]);
    expect(asking.refusal()).toMatchObject({ status: 16, selection: { length: 3 } });
  });
});

describe('the explanation of what was done', () => {
  it('says who did it, who was asked in vain, and who was not needed', () => {
    const asking = createAsking(select({ ...situation, userStore: false }));
    expect(asking.done('admin').map(({ licenseManager, asked }) => [licenseManager, asked])).toEqual([
      ['admin', true],
      ['external', false],
      ['integrated', false],
    ]);
    asking.failed('admin', new LicensingError(Status.TOO_MANY_USERS));
    const notes = asking.done('external');
    expect(notes.map(({ asked }) => asked)).toEqual([true, true, false]);
    expect(notes[0]?.why).toMatch(/ It said 38 TOO_MANY_USERS: /);
  });
});

it('another license manager is asked only where this one has nothing to do with it', () => {
  const goesOn = [
    Status.KEY_NOT_FOUND,
    Status.KEYID_NOT_FOUND,
    Status.UNKNOWN_RECIPIENT,
    Status.SCOPE_RESULTS_EMPTY,
    Status.LOCAL_COMM_ERR,
  ];
  const stops = [Status.INV_SIG, Status.UPDATE_TOO_OLD, Status.TOO_MANY_USERS, Status.UPDATE_BLOCKED, Status.SCHAN_ERR, Status.INT_ERR];
  expect(goesOn.filter((status) => !isElsewhere(new LicensingError(status)))).toEqual([]);
  expect(stops.filter((status) => isElsewhere(new LicensingError(status)))).toEqual([]);
});
