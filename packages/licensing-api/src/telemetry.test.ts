import { LicensingError, Status } from '@keyhaven/core/errors';
import { describe, expect, it } from 'vitest';
import { createConfiguration } from './configuration.ts';
import type { Session } from './session-types.ts';
import { type TelemetryTracer, traced, tracedSession } from './telemetry.ts';

const recorder = (): { readonly tracer: TelemetryTracer; readonly spans: string[] } => {
  const spans: string[] = [];
  const tracer: TelemetryTracer = {
    startSpan(name, options) {
      const said: Record<string, unknown> = { ...options?.attributes };
      let code = 0;
      return {
        setAttribute: (key, value) => void (said[key] = value),
        setStatus: (status) => void (code = status.code),
        recordException: ({ name: of }) => void (said['exception'] = of),
        end: () => void spans.push(`${name} ${code} ${JSON.stringify(said)}`),
      };
    },
  };
  return { tracer, spans };
};

const session = {
  id: 'ab',
  key: '17',
  product: 1,
  feature: 42,
  licenseManager: { guid: 'g', hostname: 'here', address: '127.0.0.1', kind: 'admin' },
  encrypt: async (data: Uint8Array) => data,
  decrypt: () => Promise.reject(new LicensingError(Status.TOO_SHORT)),
  logout: async () => undefined,
} as unknown as Session;
const seat =
  '"keyhaven.session.id":"ab","keyhaven.key":"17","keyhaven.product":1,"keyhaven.feature":42,"keyhaven.lm.kind":"admin","server.address":"here"';

describe('traces of an application that brings a tracer (C5)', () => {
  it('have a span for each call, with its seat and its status', async () => {
    const { tracer, spans } = recorder();
    const of = tracedSession(session, tracer);
    expect(await of.encrypt(new Uint8Array(16))).toHaveLength(16);
    await expect(of.decrypt(new Uint8Array(3))).rejects.toMatchObject({ status: Status.TOO_SHORT });
    await of[Symbol.asyncDispose]();
    expect(spans).toEqual([
      `keyhaven.encrypt 0 {${seat},"keyhaven.bytes":16,"keyhaven.status":0}`,
      `keyhaven.decrypt 2 {${seat},"keyhaven.bytes":3,"keyhaven.status":8,"error.type":"TOO_SHORT","exception":"TOO_SHORT"}`,
      `keyhaven.logout 0 {${seat},"keyhaven.status":0}`,
    ]);
  });

  it('of an application without one are nothing at all', async () => {
    expect(tracedSession(session, undefined)).toBe(session);
    expect(
      await traced(
        undefined,
        'login',
        () => ({}),
        async () => 7,
      ),
    ).toBe(7);
  });

  it('never break a call, whatever the tracer does', async () => {
    const boom = (): never => {
      throw new Error('boom');
    };
    const tracers: TelemetryTracer[] = [
      { startSpan: boom },
      { startSpan: () => ({ setAttribute: boom, recordException: boom, setStatus: boom, end: boom }) },
    ];
    for (const tracer of tracers) {
      expect(
        await traced(
          tracer,
          'login',
          () => ({}),
          async () => 7,
          boom,
        ),
      ).toBe(7);
      await expect(
        traced(
          tracer,
          'login',
          () => ({}),
          () => Promise.reject(new LicensingError(Status.TOO_SHORT)),
        ),
      ).rejects.toMatchObject({
        status: 8,
      });
    }
  });

  it('are asked for with configure, and a tracer that is none is told', () => {
    const store = createConfiguration();
    const { tracer } = recorder();
    store.add({ telemetry: { tracer } });
    expect(store.tracer).toBe(tracer);
    store.add({ broadcast: false });
    expect(store.tracer).toBe(tracer);
    expect(() => store.add({ telemetry: { tracer: {} as never } })).toThrow('startSpan');
  });
});
