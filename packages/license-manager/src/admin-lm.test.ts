import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startAdminLm } from './admin-lm.ts';
import { createPorts, createTestDevice } from './devices/device.testing.ts';
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
});
