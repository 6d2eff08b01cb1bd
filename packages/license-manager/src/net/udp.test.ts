import { createSocket } from 'node:dgram';
import type { Interface } from '@keyhaven/core/discovery';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { describe, expect, it } from 'vitest';
import { freePort } from './free-port.testing.ts';
import { chooseLocal, openUdp, type UdpProblem } from './udp.ts';

const nothing = (): void => {};

describe('the sockets of a license manager', () => {
  it('refuse a port in use with a sentence that names it and says what to do', async () => {
    const port = await freePort();
    const first = await openUdp({ port, bind: ['127.0.0.1'], onDatagram: nothing });
    const second = openUdp({ port, bind: ['127.0.0.2', '127.0.0.1'], onDatagram: nothing });
    await expect(second).rejects.toBeInstanceOf(LicensingError);
    await expect(second).rejects.toMatchObject({
      status: Status.LOCAL_COMM_ERR,
      message: expect.stringContaining(`UDP 127.0.0.1:${port} is in use by another process`),
      remedy: expect.stringContaining('Another license manager probably runs'),
    });
    // What the second one had opened before is closed again.
    const third = await openUdp({ port, bind: ['127.0.0.2'], onDatagram: nothing });
    await third.close();
    await first.close();
    await (await openUdp({ port, bind: ['127.0.0.1'], onDatagram: nothing })).close();
  });

  it('refuse an address that this computer does not have', async () => {
    const refused = openUdp({ port: await freePort(), bind: ['192.0.2.1'], onDatagram: nothing });
    await expect(refused).rejects.toMatchObject({ status: Status.LOCAL_COMM_ERR, message: expect.stringContaining('EADDRNOTAVAIL') });
  });

  it('open IPv4 always, and IPv6 where there is IPv6 (L2)', async () => {
    const udp = await openUdp({ port: await freePort(), bind: [], onDatagram: nothing });
    expect(udp.addresses[0]).toMatchObject({ address: '0.0.0.0', family: 4 });
    const sixth = await new Promise<boolean>((resolve) => {
      const probe = createSocket('udp6').once('error', () => resolve(false));
      probe.bind(0, '::1', () => probe.close(() => resolve(true)));
    });
    expect(udp.addresses.some(({ address }) => address === '::')).toBe(sixth);
    await udp.close();
  });

  it('carry bytes, and say which socket heard them', async () => {
    const port = await freePort();
    const heard: string[] = [];
    let arrived = nothing;
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const one = await openUdp({ port, bind: ['127.0.0.1'], onDatagram: nothing });
    const two = await openUdp({
      port,
      bind: ['127.0.0.2', '127.0.0.3'],
      onDatagram(bytes, from) {
        heard.push(`${Buffer.from(bytes).toString()} from ${from.address} at ${from.local}`);
        if (heard.length === 2) arrived();
      },
    });
    expect(await one.send({ to: '127.0.0.2', port }, Buffer.from('a'))).toBeUndefined();
    expect(await one.send({ to: '127.0.0.3', port }, Buffer.from('b'))).toBeUndefined();
    await arrival;
    expect(new Set(heard)).toEqual(new Set(['a from 127.0.0.1 at 127.0.0.2', 'b from 127.0.0.1 at 127.0.0.3']));
    await one.close();
    await two.close();
  });

  it('report what cannot be sent, and never throw', async () => {
    const problems: UdpProblem[] = [];
    const port = await freePort();
    const udp = await openUdp({ port, bind: ['127.0.0.1'], onDatagram: nothing, onProblem: (problem) => problems.push(problem) });
    const bytes = new Uint8Array(40);
    expect(await udp.send({ to: '192.0.2.1', port }, bytes)).toBe('NO_SOCKET');
    expect(await udp.send({ to: 'fe80::1%eth0', port }, bytes)).toBe('NO_SOCKET');
    expect(await udp.send({ to: '127.0.0.1', port: 0 }, bytes)).toBeTypeOf('string');
    expect(await udp.send({ to: 'no.such.name', port, local: '127.0.0.1' }, bytes)).toBeTypeOf('string');
    expect(await udp.send({ to: '127.0.0.1', port }, new Uint8Array(70_000))).toBe('EMSGSIZE');
    await udp.close();
    expect(await udp.send({ to: '127.0.0.1', port }, bytes)).toBe('CLOSED');
    expect(problems).toHaveLength(6);
    expect(udp.failures.get('NO_SOCKET')).toBe(2);
  });
});

describe('the socket for a target', () => {
  const links: Interface[] = [
    { name: 'eth0', address: '10.0.0.1', family: 4, broadcast: '10.0.0.255' },
    { name: 'eth1', address: '10.0.1.1', family: 4, broadcast: '10.0.1.255' },
    { name: 'eth0', address: 'fe80::1', family: 6, broadcast: 'ff02::1%eth0' },
  ];
  const bound = ['127.0.0.1', '10.0.0.1', '10.0.1.1', 'fe80::1%eth0'];

  it.each([
    ['the one that heard the question', { to: '10.0.0.9', port: 1, local: '10.0.1.1' }, '10.0.1.1'],
    ['the one of the interface of a broadcast', { to: '10.0.1.255', port: 1, via: 'eth1' }, '10.0.1.1'],
    ['the one of the interface of a multicast', { to: 'ff02::1%eth0', port: 1, via: 'eth0' }, 'fe80::1%eth0'],
    ['none for an interface without a socket', { to: '10.0.9.255', port: 1, via: 'eth9' }, undefined],
    ['the nearest for a single address', { to: '10.0.1.77', port: 1 }, '10.0.1.1'],
    ['a loopback one for a loopback address', { to: '127.0.0.2', port: 1 }, '127.0.0.1'],
    ['none of another family', { to: '::1', port: 1 }, undefined],
  ])('is %s', (_name, target, expected) => {
    expect(chooseLocal(bound, target, links)).toBe(expected);
  });

  it('is the general one where one is open', () => {
    expect(chooseLocal(['0.0.0.0', '::'], { to: '10.0.1.255', port: 1, via: 'eth1' }, links)).toBe('0.0.0.0');
    expect(chooseLocal(['0.0.0.0', '::'], { to: 'ff02::1%eth0', port: 1, via: 'eth0' }, links)).toBe('::');
  });
});
