import { AsyncLocalStorage } from 'node:async_hooks';
import { readFile } from 'node:fs/promises';
import type * as LicensingApi from '@keyhaven/licensing-api';
import { createTestVendor, type LocalLm, startLocalLm } from '@keyhaven/testkit/local-lm';
import { type Context, type ContextManager, context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

// Traces of an application with the SDK of OpenTelemetry (C5): what that gets is what its exporter holds.

const vendor = createTestVendor(
  `
products:
  - id: 1
    name: Survey
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 1 } }
    memory: { readWrite: 64, readOnly: 16 }
`,
  7,
);
const { vendorCode } = vendor;
type Api = typeof LicensingApi;

/** That of an application which has one; the API of OpenTelemetry comes without. */
const contexts = (): ContextManager => {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (of, work, self, ...args) => storage.run(of, () => work.apply(self, args)),
    bind: (_of, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  return manager;
};

describe('an application that brings an SDK of OpenTelemetry (C5)', () => {
  const exporter = new InMemorySpanExporter();
  let local: LocalLm;
  let api: Api;
  let key = '';
  const spans = (): readonly ReadableSpan[] => exporter.getFinishedSpans();
  const names = (): string[] => spans().map(({ name }) => name);

  beforeAll(async () => {
    local = await startLocalLm();
    key = await local.license(vendor);
    // Read when the first call is made.
    process.env['KEYHAVEN_LOCAL_LM'] = `127.0.0.1:${local.port}`;
    api = await import('@keyhaven/licensing-api');
  });
  afterAll(async () => {
    delete process.env['KEYHAVEN_LOCAL_LM'];
    trace.disable();
    context.disable();
    await local[Symbol.asyncDispose]();
  });
  const seen = new Set<string>(); // BOUNDED by the calls of the API
  beforeEach(() => exporter.reset());
  afterEach(() => {
    for (const name of names()) if (name.startsWith('keyhaven.')) seen.add(name);
  });

  it('gets none before it says so, and none from a tracer without an SDK, and every call works', async () => {
    for (const configuration of [{}, { telemetry: { tracer: trace.getTracer('early') } }]) {
      api.configure(configuration);
      const session = await api.login({ vendorCode, feature: 42 });
      expect(await session.decrypt(await session.encrypt(new Uint8Array(16)))).toEqual(new Uint8Array(16));
      await session.logout();
    }
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
    context.setGlobalContextManager(contexts());
    expect(names()).toEqual([]);
  });

  it('gets a span for each call, below the one that is active in it', async () => {
    const tracer = trace.getTracer('survey');
    api.configure({ telemetry: { tracer } });
    await tracer.startActiveSpan('measure', async (measure) => {
      const session = await api.login({ vendorCode, feature: 42 });
      await session.decrypt(await session.encrypt(new Uint8Array(16)));
      await tracer.startActiveSpan('notes', async (notes) => {
        await session.write({ file: 65_524, offset: 0, data: new Uint8Array([1, 2, 3]) });
        await session.read({ file: 65_524, offset: 0, length: 3 });
        await Promise.all([session.size(65_524), session.clock()]);
        notes.end();
      });
      expect((await session.info()).key).toBe(key);
      expect(await session.info('keyinfo')).toContain(key);
      await session.logout();
      measure.end();
    });
    const of = (name: string): ReadableSpan => {
      const found = spans().find((span) => span.name === name);
      if (found === undefined) throw new Error(`no span ${name} among ${names().join(', ')}`);
      return found;
    };
    const below = (parent: string): string[] =>
      spans().flatMap(({ name, parentSpanContext }) => (parentSpanContext?.spanId === of(parent).spanContext().spanId ? [name] : []));
    expect(below('measure')).toEqual([
      'keyhaven.login',
      'keyhaven.encrypt',
      'keyhaven.decrypt',
      'notes',
      'keyhaven.info',
      'keyhaven.info',
      'keyhaven.logout',
    ]);
    expect(below('notes').toSorted()).toEqual(['keyhaven.clock', 'keyhaven.read', 'keyhaven.size', 'keyhaven.write']);
    expect(new Set(spans().map((span) => span.spanContext().traceId)).size).toBe(1);
    const seat = {
      'keyhaven.session.id': expect.stringMatching(/^[0-9a-f]{32}$/),
      'keyhaven.key': key,
      'keyhaven.product': 1,
      'keyhaven.feature': 42,
      'keyhaven.lm.kind': 'admin',
      'server.address': 'test-lm',
      'keyhaven.status': 0,
    };
    expect(of('keyhaven.login').attributes).toEqual(seat);
    expect(of('keyhaven.write').attributes).toEqual({ ...seat, 'keyhaven.file': 65_524, 'keyhaven.offset': 0, 'keyhaven.bytes': 3 });
    expect(of('keyhaven.login')).toMatchObject({ kind: SpanKind.CLIENT, status: { code: SpanStatusCode.UNSET }, events: [] });
  });

  it('gets what went wrong: the status, its name, the error', async () => {
    await using session = await api.login({ vendorCode, feature: 42 });
    await expect(api.login({ vendorCode, feature: 42 })).rejects.toMatchObject({ status: 38 });
    await expect(session.decrypt(new Uint8Array(3))).rejects.toMatchObject({ name: 'TOO_SHORT' });
    await expect(session.read({ file: 9, offset: 0, length: -1 })).rejects.toMatchObject({ status: 501 });
    await expect(session.consume(1)).rejects.toMatchObject({ status: 104 });
    const stopped = AbortSignal.abort();
    await expect(api.login({ vendorCode, feature: 42, signal: stopped })).rejects.toThrow('aborted');
    const failed = spans().filter(({ status }) => status.code === SpanStatusCode.ERROR);
    expect(failed.map(({ name, attributes }) => [name, attributes['keyhaven.status'], attributes['error.type']])).toEqual([
      ['keyhaven.login', 38, 'TOO_MANY_USERS'],
      ['keyhaven.decrypt', 8, 'TOO_SHORT'],
      ['keyhaven.read', 501, 'INVALID_PARAMETER'],
      ['keyhaven.consume', 104, 'INV_OPTION'],
      ['keyhaven.login', undefined, 'AbortError'],
    ]);
    for (const { events, status } of failed) {
      expect(events.map(({ name, attributes }) => [name, attributes?.['exception.message']])).toEqual([['exception', status.message]]);
    }
  });

  it('gets those that are of no session', async () => {
    expect(await api.getInfo({ vendorCode, feature: 42 })).toHaveLength(1);
    expect(await api.getInfo({ vendorCode, format: 'keyinfo' })).toContain(key);
    await api.getInfo({ vendorCode, format: '<haspformat><feature><attribute name="id" /></feature></haspformat>' });
    await expect(api.update({ data: 'no license' })).rejects.toBeInstanceOf(api.LicensingError);
    await expect(api.transfer({ vendorCode, action: 'rehost' })).rejects.toMatchObject({ status: 58 });
    await api.recipient();
    await api.requestKey({ vendorCode, lm: 'admin' } as never).catch(() => undefined);
    expect(
      spans().map(({ name, attributes, status }) => [name, status.code === SpanStatusCode.ERROR, attributes['keyhaven.format']]),
    ).toEqual([
      ['keyhaven.get_info', false, undefined],
      ['keyhaven.get_info', false, 'keyinfo'],
      ['keyhaven.get_info', false, undefined],
      ['keyhaven.update', true, undefined],
      ['keyhaven.transfer', true, undefined],
      ['keyhaven.recipient', false, undefined],
      ['keyhaven.request_key', expect.any(Boolean), undefined],
    ]);
    expect(spans()[4]?.attributes['keyhaven.action']).toBe('rehost');
  });

  it('gets no secret: nothing of data, of tokens and of the vendor code', async () => {
    const data = new TextEncoder().encode('the secret of the application');
    await using session = await api.login({ vendorCode, feature: 42 });
    const sealed = await session.encrypt(data);
    await session.write({ file: 65_524, offset: 0, data });
    await session.decrypt(sealed);
    await session.logout();
    const all = JSON.stringify(spans().map(({ name, attributes, events, status }) => ({ name, attributes, events, status })));
    for (const secret of [vendorCode, 'the secret', Buffer.from(data).toString('base64'), Buffer.from(sealed).toString('base64')])
      expect(all).not.toContain(secret);
    const known = new Set(['keyhaven.session.id', 'keyhaven.key', 'keyhaven.product', 'keyhaven.feature', 'keyhaven.lm.kind']);
    for (const each of ['server.address', 'keyhaven.status', 'keyhaven.bytes', 'keyhaven.file', 'keyhaven.offset']) known.add(each);
    expect(spans().flatMap(({ attributes }) => Object.keys(attributes).filter((each) => !known.has(each)))).toEqual([]);
  });

  it('gets those that docs/guide/monitoring.md lists, and no others', async () => {
    const guide = await readFile(new URL('../../docs/guide/monitoring.md', import.meta.url), 'utf8');
    const rows = guide.split('\n').filter((line) => line.startsWith('| `keyhaven.'));
    const listed = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(keyhaven\.\w+)`/g)].map(([, name]) => name));
    expect(seen).toEqual(new Set(listed));
  });
});
