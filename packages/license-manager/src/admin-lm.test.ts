import { Socket } from 'node:dgram';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Status } from '@keyhaven/core/errors';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startAdminLm } from './admin-lm.ts';
import { createPorts, createTestDevice } from './devices/device.testing.ts';
import { ownAddress } from './http/launch.testing.ts';
import { createTestVendor } from './keystore/vendor.testing.ts';
import type { LmEvent } from './lm/index.ts';
import { freePort } from './net/free-port.testing.ts';
import { parseSettings } from './settings.ts';

describe('an Admin LM', () => {
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  it('serves a key in hardware that is plugged in when it starts, and finds nothing wrong with it (K7)', async () => {
    const stateDirectory = await mkdtemp(join(tmpdir(), 'keyhaven-admin-'));
    closers.push(() => rm(stateDirectory, { recursive: true, force: true }));
    const vendor = createTestVendor();
    const { device, id } = createTestDevice(vendor, { wish: { features: [{ id: 42 }] } });
    const ports = createPorts();
    ports.plug(device);
    const events: LmEvent[] = [];
    const settings = parseSettings('', { bind: ['127.0.0.1'], port: await freePort(), name: 'devices', search: { broadcast: false } });
    const lm = await startAdminLm({ settings, stateDirectory, devices: ports.source, onEvent: (event) => events.push(event) });
    closers.push(() => lm.close());
    expect(events.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
    expect(events).toContainEqual({ level: 'info', event: 'key plugged in', key: id });
    expect(lm.status().keys).toBe(1);
  });

  it('answers who asks while it starts: with 503 and what to do until it can, never with 500 (S6)', async () => {
    const stateDirectory = await mkdtemp(join(tmpdir(), 'keyhaven-admin-'));
    closers.push(() => rm(stateDirectory, { recursive: true, force: true }));
    const port = await freePort();
    const settings = parseSettings('', { bind: ['127.0.0.1'], port, name: 'early', search: { broadcast: false } });
    // Its UDP sockets are not there yet, and its TCP port is.
    const held = Promise.withResolvers<void>();
    const bind = Socket.prototype.bind;
    const slow = vi.spyOn(Socket.prototype, 'bind').mockImplementation(function bindLater(this: Socket, ...of: unknown[]) {
      held.promise.then(() => void Reflect.apply(bind, this, of)).catch(() => undefined);
      return this;
    });
    closers.push(async () => slow.mockRestore());
    const starting = startAdminLm({ settings, stateDirectory });
    const ask = async (path: string): Promise<readonly [code: number, text: string]> => {
      for (;;) {
        const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`).catch(() => undefined);
        if (answer !== undefined) return [answer.status, await answer.text()];
        await new Promise(setImmediate);
      }
    };
    for (const path of ['status', 'network/upcoming', 'network/events', 'diagnostics', 'openapi.json']) {
      const [code, text] = await ask(path);
      expect([path, code, JSON.parse(text)]).toEqual([
        path,
        503,
        expect.objectContaining({
          code: Status.SYS_ERR,
          detail: expect.stringContaining('starting'),
          remedy: expect.stringContaining('again'),
        }),
      ]);
    }
    expect((await ask('settings'))[0]).toBe(200);
    held.resolve();
    const lm = await starting;
    closers.push(() => lm.close());
    expect((await ask('status'))[0]).toBe(200);
  });

  it('says in its log and its diagnostics that other computers administer without TLS (S7, S13)', async (context) => {
    const address = ownAddress();
    if (address === undefined) return context.skip('this computer has no address but loopback');
    const stateDirectory = await mkdtemp(join(tmpdir(), 'keyhaven-admin-'));
    closers.push(() => rm(stateDirectory, { recursive: true, force: true }));
    const port = await freePort();
    const of = (remoteAdministration: boolean) =>
      parseSettings('', {
        bind: ['127.0.0.1', address],
        port,
        name: 'plain',
        search: { broadcast: false },
        access: { remoteAdministration },
      });
    const said: unknown[] = [];
    const onEvent = ({ level, event, detail }: LmEvent): void => void (event === 'administration' && said.push([level, detail]));
    const lm = await startAdminLm({ settings: of(true), stateDirectory, onEvent });
    closers.push(() => lm.close());
    const warning = expect.stringMatching(/without TLS/) as string;
    const unset = expect.stringMatching(/no password is set/) as string;
    const told = [
      ['warn', warning],
      ['warn', unset],
    ];
    expect(said).toEqual(told);
    const diagnostics = async (): Promise<unknown> =>
      ((await (await fetch(`http://127.0.0.1:${port}/api/v1/diagnostics`)).json()) as { sections: { remarks: unknown } }).sections.remarks;
    expect(await diagnostics()).toMatchObject([{ detail: warning }, { detail: unset }]);
    lm.reconfigure(of(false));
    expect(await diagnostics()).toEqual([]);
    lm.reconfigure(of(true));
    expect(said).toEqual([...told, ...told]);
  });
});
