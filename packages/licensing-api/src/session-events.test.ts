import { LicensingError, Status } from '@keyhaven/core/errors';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSessionEvents } from './session-events.ts';

const listened = () => {
  const events = createSessionEvents();
  const heard: string[] = [];
  events.on('lost', (error) => heard.push(error === undefined ? 'lost' : `lost ${error.status}`));
  events.on('restored', (error) => heard.push(error === undefined ? 'restored' : 'restored with an error'));
  return { events, heard };
};
const killed = new LicensingError(Status.KILLED_SESSION);

describe('A4 lost and restored', () => {
  it('alternate, and end with at most one lost that has an error, whatever happens', () => {
    const happenings = fc.array(fc.constantFrom('away', 'here', 'ended', 'mute', 'unmute'), { maxLength: 40 });
    fc.assert(
      fc.property(happenings, (all) => {
        const { events, heard } = listened();
        let unmute = (): void => undefined;
        for (const each of all) {
          if (each === 'ended') events.ended(killed);
          else if (each === 'mute') unmute = events.mute();
          else if (each === 'unmute') unmute();
          else events[each === 'away' ? 'away' : 'here']();
        }
        expect(heard.join(' ')).toMatch(/^(?:lost restored ?)*(?:lost)? ?(?:lost 85)?$/);
      }),
    );
  });

  it('tell nothing twice, and nothing after the end', () => {
    const { events, heard } = listened();
    events.here();
    events.away();
    events.away();
    events.here();
    events.here();
    events.ended(killed);
    events.ended(new LicensingError(Status.BROKEN_SESSION));
    events.away();
    events.here();
    expect(heard).toEqual(['lost', 'restored', 'lost 85']);
  });

  it('are silent from a logout on; where the logout failed, what matters of it is told', () => {
    const { events, heard } = listened();
    events.away();
    const unmute = events.mute();
    events.here();
    events.away();
    events.here();
    expect(heard).toEqual(['lost']);
    unmute();
    expect(heard).toEqual(['lost', 'restored']);
    events.mute();
    events.away();
    events.ended(killed);
    expect(heard).toEqual(['lost', 'restored']);
  });

  it('reach the other listeners where one throws, and the exception is not swallowed', async () => {
    const { events, heard } = listened();
    const uncaught: unknown[] = [];
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => uncaught.push(error));
    onTestFinished(() => {
      process.removeAllListeners('uncaughtException');
      for (const each of others) process.on('uncaughtException', each);
    });
    const fault = new Error('a fault of the application');
    events.on('lost', () => {
      throw fault;
    });
    events.on('lost', () => heard.push('after it'));
    events.away();
    expect(heard).toEqual(['lost', 'after it']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(uncaught).toEqual([fault]);
  });
});
