import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../bytes/index.ts';
import { fill, someBytes } from '../bytes/wire.testing.ts';
import { LicensingError, Status } from '../errors/index.ts';
import { type Channel, createChannel, RECORD_OVERHEAD } from './record.ts';

const pair = (seed = 0): readonly [Channel, Channel] => {
  const [toKey, toApplication] = [fill(44, 1 + seed), fill(44, 2 + seed)];
  return [createChannel(fill(8, 9), toKey, toApplication), createChannel(fill(8, 9), toApplication, toKey)];
};
const expectRefused = (channel: Channel, record: Uint8Array): void => {
  const attempt = (): unknown => channel.open(record);
  expect(attempt).toThrow(LicensingError);
  expect(attempt).toThrow(expect.objectContaining({ status: Status.SCHAN_ERR }));
};
/** Refused, and after that nothing opens any more, not even what would have been right. */
const expectPoisoned = (channel: Channel, record: Uint8Array, right: Uint8Array): void => {
  expectRefused(channel, record);
  expectRefused(channel, right);
};

describe('records', () => {
  it('come in order in both directions, with 24 bytes more than their contents (C7)', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), someBytes), { maxLength: 12 }), (messages) => {
        const [application, key] = pair();
        for (const [up, contents] of messages) {
          const [from, to] = up ? [application, key] : [key, application];
          const record = from.seal(contents);
          expect(record.length).toBe(contents.length + RECORD_OVERHEAD);
          expect(hex(to.open(record))).toBe(hex(contents));
        }
      }),
    );
  });

  it('say nothing about contents that are the same', () => {
    const [application] = pair();
    const bodies = [0, 1, 2].map(() => hex(application.seal(fill(16, 5)).subarray(8)));
    expect(new Set(bodies).size).toBe(3);
  });

  it('are the same whether their ciphers were made before or when they were needed', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('prepare', 'up', 'down'), someBytes), { maxLength: 15 }), (steps) => {
        const [[application, key], [other, otherKey]] = [pair(), pair()];
        for (const [step, contents] of steps) {
          if (step === 'prepare') {
            application.prepare();
            key.prepare();
            continue;
          }
          const record = (step === 'up' ? application : key).seal(contents);
          expect(hex(record)).toBe(hex((step === 'up' ? other : otherKey).seal(contents)));
          expect(hex((step === 'up' ? key : application).open(record))).toBe(hex(contents));
          (step === 'up' ? otherKey : other).open(record);
        }
      }),
    );
  });

  it('of the two directions differ: the key and nonce of one are not those of the other', () => {
    const [application, key] = pair();
    expect(hex(application.seal(fill(16, 5)))).not.toBe(hex(key.seal(fill(16, 5))));
  });
});

describe('a record ends the channel with 46 (C8, C9)', () => {
  it('where any bit of it was flipped', () => {
    const length = pair()[0].seal(fill(16, 5)).length;
    for (let bit = 0; bit < length * 8; bit += 1) {
      const [application, key] = pair();
      const record = application.seal(fill(16, 5));
      const flipped = Buffer.from(record);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expectPoisoned(key, flipped, record);
    }
  });

  it('where it was cut or made longer', () => {
    const length = pair()[0].seal(fill(16, 5)).length;
    for (let cut = 0; cut < length; cut += 1) {
      const [application, key] = pair();
      const record = application.seal(fill(16, 5));
      expectPoisoned(key, record.subarray(0, cut), record);
    }
    const [application, key] = pair();
    const record = application.seal(fill(16, 5));
    expectPoisoned(key, Buffer.concat([record, Buffer.of(0)]), record);
  });

  it('where it comes twice, or the one before it was dropped, or two changed places', () => {
    const three = (): readonly [Channel, Buffer, Buffer, Buffer] => {
      const [application, key] = pair();
      return [key, application.seal(fill(1, 1)), application.seal(fill(1, 2)), application.seal(fill(1, 3))];
    };
    const [repeated, first, second] = three();
    repeated.open(first);
    expectPoisoned(repeated, first, second);
    const [dropped, , next, last] = three();
    expectPoisoned(dropped, next, last);
    const [reordered, one, two] = three();
    expectPoisoned(reordered, two, one);
  });

  it('also where its cipher was made before it came', () => {
    const [application, key] = pair();
    const record = application.seal(fill(16, 5));
    key.prepare();
    expectPoisoned(key, Buffer.concat([record.subarray(0, -1), Buffer.of((record.at(-1) ?? 0) ^ 1)]), record);
    key.prepare();
    expectRefused(key, record);
  });

  it('where it comes back to whoever sent it', () => {
    const [application, key] = pair();
    expectPoisoned(application, application.seal(fill(9, 1)), key.seal(fill(9, 1)));
  });

  it('where it is of another channel, by its keys or by its id alone', () => {
    const [, key] = pair();
    expectPoisoned(key, pair(10)[0].seal(fill(9, 1)), pair()[0].seal(fill(9, 1)));
    const elsewhere = createChannel(fill(8, 8), fill(44, 1), fill(44, 2));
    expectPoisoned(pair()[1], elsewhere.seal(fill(9, 1)), pair()[0].seal(fill(9, 1)));
  });

  it('where its counter was changed to the one that is due', () => {
    const [application, key] = pair();
    const [first, second] = [application.seal(fill(9, 1)), application.seal(fill(9, 2))];
    expectPoisoned(key, Buffer.concat([first.subarray(0, 8), second.subarray(8)]), first);
  });

  it('where it is random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const [application, key] = pair();
        expectPoisoned(key, bytes, application.seal(fill(1, 1)));
      }),
    );
  });
});
