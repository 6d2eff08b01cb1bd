import { Buffer } from 'node:buffer';
import { fromBase64, toBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { answerLink, callLink, LINK_VERSIONS, lmIdentityFrom } from '@keyhaven/core/link';
import { MINUTE, mono, wall } from '@keyhaven/core/time';
import { spanOf, type VersionRange } from '@keyhaven/core/versions';
import { createMemoryLedger } from '@keyhaven/ledger';
import { describe, expect, it } from 'vitest';
import { createSite } from '../authority/site.testing.ts';
import { systemEntropy } from '../machine/index.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { createLinkAnswerer } from './link-answerer.ts';
import { openPeers } from './peers.ts';
import { PeerRefusal, type Post } from './post.ts';
import { createUnspoken, isVersionRefusal, refusedVersion, refuseVersion, tellUnspoken } from './unspoken.ts';

// License managers that have no version of the link in common (T6).

const address = { host: '10.0.0.2', port: 1947 };
const other = lmIdentityFrom(Buffer.alloc(32, 2));

/** An LM of other versions than ours. */
const lmOf =
  (versions: VersionRange): Post =>
  async (_, path, body) => {
    if (path !== '/lm/v1/hello') throw new PeerRefusal(409, 'no such link');
    try {
      return toBase64(answerLink(other, 'keys-1', 1, fromBase64(body) ?? Buffer.alloc(0), systemEntropy, versions).answer);
    } catch (error) {
      throw isVersionRefusal(error) ? refuseVersion(error) : error;
    }
  };
const peersWith = async (post: Post) => {
  const clock = createSimulatedClock();
  const events: string[] = [];
  const peers = await openPeers({
    self: lmIdentityFrom(Buffer.alloc(32, 1)),
    hostname: 'pc-1',
    clock,
    entropy: systemEntropy,
    post,
    ledger: createMemoryLedger({ now: () => wall(0) }),
    onAway: () => undefined,
    onChange: () => undefined,
    onUnspoken: (detail) => events.push(detail),
  });
  return { peers, events };
};
/** A release to come that has forgotten what we speak. */
const LATER = { from: LINK_VERSIONS.to + 1, to: LINK_VERSIONS.to + 2 };
const UPGRADE_US = new RegExp(
  `^10\\.0\\.0\\.2:1947: .* calls speaks ${spanOf(LINK_VERSIONS)} and the license manager of keys-1 ${spanOf(LATER)}: upgrade the license manager that calls\\.$`,
);

describe('an LM with which there is no common version', () => {
  it('is told of once, whether it was found or looked for, and every fruitless search names it', async () => {
    const { peers, events } = await peersWith(lmOf(LATER));
    peers.found(other.guid, address);
    await peers.settled();
    expect(peers.unspoken()).toEqual([expect.stringMatching(UPGRADE_US)]);
    expect(await peers.look(address)).toBeUndefined();
    expect(events).toHaveLength(1);

    const told = tellUnspoken(new LicensingError(Status.KEY_NOT_FOUND, { detail: 'No key.' }), peers.unspoken());
    expect(told).toMatchObject({ status: 7, remedy: expect.stringContaining('Upgrade the side') });
    expect(String(told)).toMatch(/could not be asked: 10\.0\.0\.2:1947: .*upgrade the license manager that calls\.$/);
    const full = new LicensingError(Status.TOO_MANY_USERS);
    expect(tellUnspoken(full, peers.unspoken())).toBe(full);
    await peers.close();
  });

  it('fails the channel of an application with the status that says which side is old, and is forgotten when it speaks ours', async () => {
    let post = lmOf({ from: 0, to: 0 });
    const { peers } = await peersWith((...request) => post(...request));
    const lost = Promise.withResolvers<LicensingError>();
    peers.found(other.guid, address);
    const events = { opened: () => undefined, record: () => undefined, lost: lost.resolve };
    peers.open(other.guid, { key: '1', opening: Buffer.alloc(110) }, { pid: 1, start: 1, user: 'u', host: 'h', application: 'a' }, events);
    const { status, detail } = await lost.promise;
    expect(status).toBe(Status.OLD_LM);
    expect(detail).toMatch(/upgrade the license manager of keys-1\.$/);

    expect(peers.unspoken()).toHaveLength(1);

    // It was upgraded.
    const { clock, authority } = await createSite();
    const catalog = () => ({ version: 1, keys: () => [] });
    const answerer = createLinkAnswerer({ self: other, hostname: 'keys-1', clock, entropy: systemEntropy, authority, catalog });
    post = async (_, path, body) => {
      if (path === '/lm/v1/hello') return answerer.hello(body, '10.0.0.1');
      return path === '/lm/v1/confirm' ? answerer.confirm(body, '10.0.0.1') : answerer.exchange(body, '10.0.0.1');
    };
    expect(await peers.look(address)).toBe(other.guid);
    await peers.settled();
    expect(peers.get(other.guid)?.state).toBe('linked');
    expect(peers.unspoken()).toEqual([]);
    await peers.close();
    answerer.close();
  });

  it('learns it from the LM that it called: HTTP 400 with the status and the side to upgrade (K5)', async () => {
    const { clock, authority } = await createSite();
    const self = lmIdentityFrom(Buffer.alloc(32, 1));
    const catalog = () => ({ version: 1, keys: () => [] });
    const answerer = createLinkAnswerer({ self, hostname: 'keys-1', clock, entropy: systemEntropy, authority, catalog });
    const calling = (versions: VersionRange): string => toBase64(callLink(other, 'pc-1', systemEntropy, versions).hello);
    const refusalOf = (versions: VersionRange): unknown => {
      try {
        return answerer.hello(calling(versions), '10.0.0.3');
      } catch (error) {
        return error;
      }
    };
    expect(refusalOf(LATER)).toMatchObject({
      code: 400,
      message: expect.stringMatching(/^42 .*upgrade the license manager of keys-1\.$/),
    });
    expect(refusalOf({ from: 0, to: 0 })).toMatchObject({ code: 400, message: expect.stringMatching(/^11 .*that calls\.$/) });
    expect(refusalOf({ from: 1, to: LATER.to })).toEqual(expect.any(String));
  });
});

describe('what a stranger says of versions', () => {
  it.each([
    [400, '42 Upgrade.', 42],
    [400, '11 Upgrade.', 11],
    [400, '7 Upgrade.', undefined],
    [400, '42', undefined],
    [400, 'link', undefined],
    [409, '42 Upgrade.', undefined],
    [403, '87 Identities.', 87],
    [403, '42 Upgrade.', undefined],
    [400, '87 Identities.', undefined],
  ])('HTTP %d with %j is the status %s', (code, text, status) => {
    expect(refusedVersion(new PeerRefusal(code, text), address)?.status).toBe(status);
  });

  it('is one line', () =>
    expect(refusedVersion(new PeerRefusal(400, '42 a\u001b[2Jb\u0007'), address)?.detail).toBe('10.0.0.2:1947: a [2Jb .'));

  it('of identities makes a search that found nothing a refusal (87), for a quarter of an hour after it was last said', () => {
    let now = mono(0);
    const unspoken = createUnspoken(() => now);
    const say = () => unspoken.note(address, new PeerRefusal(403, '87 Identities only.'));
    expect(say()).toMatchObject({ status: 87, detail: '10.0.0.2:1947: Identities only.' });
    expect(say(), 'no news').toBeUndefined();
    expect(unspoken.all()).toEqual([]);
    const nothing = new LicensingError(Status.KEY_NOT_FOUND, { detail: 'No key.' });
    expect(tellUnspoken(nothing, [], unspoken.identities())).toMatchObject({
      status: 87,
      message: expect.stringContaining('No key. A license manager asks for an identity: 10.0.0.2:1947: Identities only.') as string,
    });
    const full = new LicensingError(Status.TOO_MANY_USERS);
    expect(tellUnspoken(full, [], unspoken.identities())).toBe(full);
    now = mono(15 * MINUTE);
    expect(unspoken.identities()).toEqual([]);
    expect(tellUnspoken(nothing, [], unspoken.identities())).toBe(nothing);
  });

  it('is kept of 64 addresses', () => {
    const unspoken = createUnspoken();
    for (let host = 0; host < 100; host++) unspoken.note({ host: `h${host}`, port: 1 }, new PeerRefusal(400, '42 Upgrade.'));
    expect(unspoken.all()).toHaveLength(64);
    expect(unspoken.all().at(-1)).toBe('h99:1: Upgrade.');
    unspoken.forget({ host: 'h99', port: 1 });
    expect(unspoken.all()).toHaveLength(63);
  });
});
