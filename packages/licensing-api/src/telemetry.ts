import { LicensingError } from '@keyhaven/core/errors';
import type { FormatInput } from '@keyhaven/core/format';
import type { LoginOptions } from './login-options.ts';
import type { Session } from './session-types.ts';

// Traces through the OpenTelemetry API of an application that has one (C5, docs/decisions/0024). Nothing of OpenTelemetry is loaded here: these are the
// parts of its tracer and span that are used. A span has the span that is active in the application for its parent, and is itself never made active: what
// a call leaves behind, such as a connection, belongs to no call. What a tracer throws is nobody's: no call of the API ever fails for it.

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export type TelemetrySpan = {
  setAttribute(name: string, value: string | number | boolean): unknown;
  /** 2 is ERROR, as in OpenTelemetry; of what succeeds the status is for the application to set. */
  setStatus(status: { code: number; message?: string }): unknown;
  recordException?(exception: Error): unknown;
  end(): void;
};
export type TelemetryTracer = {
  startSpan(name: string, options?: { kind?: number; attributes?: Record<string, string | number | boolean> }): TelemetrySpan;
};

/** A call to something else (SpanKind.CLIENT). */
const CLIENT = 2;
const ERROR = 2;

const silently = <T>(work: () => T): T | undefined => {
  try {
    return work();
  } catch {
    return undefined;
  }
};

const say = (span: TelemetrySpan | undefined, attributes: SpanAttributes): void => {
  for (const [name, value] of Object.entries(attributes)) span?.setAttribute(name, value);
};

const fail = (span: TelemetrySpan | undefined, error: unknown): void => {
  const status = error instanceof LicensingError ? { 'keyhaven.status': error.status } : {};
  say(span, { ...status, 'error.type': error instanceof Error ? error.name : '_OTHER' });
  if (error instanceof Error) span?.recordException?.(error);
  span?.setStatus({ code: ERROR, message: error instanceof Error ? error.message : String(error) });
};

/** Runs `work` in a span of that name; without a tracer, just runs it. */
export const traced = async <T>(
  tracer: TelemetryTracer | undefined,
  name: string,
  attributes: () => SpanAttributes,
  work: () => Promise<T>,
  learned: (result: T) => SpanAttributes = () => ({}),
): Promise<T> => {
  if (tracer === undefined) return work();
  // Of arguments that are not checked yet: what cannot be read of them is left out.
  const span = silently(() => tracer.startSpan(`keyhaven.${name}`, { kind: CLIENT, attributes: { ...silently(attributes) } }));
  try {
    const result = await work();
    silently(() => say(span, { 'keyhaven.status': 0, ...learned(result) }));
    return result;
  } catch (error) {
    silently(() => fail(span, error));
    throw error;
  } finally {
    silently(() => span?.end());
  }
};

/** What a span says of the seat that was granted. The id names a session to administrators; what resumes one is a secret, and is not here (S5). */
export const seatAttributes = ({ id, key, product, feature, licenseManager }: Session): SpanAttributes => ({
  'keyhaven.session.id': id,
  'keyhaven.key': key,
  'keyhaven.product': product,
  'keyhaven.feature': feature,
  'keyhaven.lm.kind': licenseManager.kind,
  'server.address': licenseManager.hostname,
});

const named = (name: string, text: unknown): SpanAttributes =>
  typeof text === 'string' && /^\w{1,40}$/.test(text) ? { [name]: text } : {};
/** Where the format is a name; one of the application's own is a text of any length. */
export const formatAttributes = (format: unknown): SpanAttributes => named('keyhaven.format', format);
export const featureAttributes = ({ feature }: LoginOptions): SpanAttributes => ({ 'keyhaven.feature': feature });
/** Likewise, of a transfer. */
export const actionAttributes = (action: string): SpanAttributes => named('keyhaven.action', action);

/** The same session, whose calls make spans. */
export const tracedSession = (session: Session, tracer: TelemetryTracer | undefined): Session => {
  if (tracer === undefined) return session;
  const attributes = seatAttributes(session);
  const within = <T>(name: string, more: () => SpanAttributes, work: () => Promise<T>): Promise<T> =>
    traced(tracer, name, () => ({ ...attributes, ...silently(more) }), work);
  const bytes = (length: number): SpanAttributes => ({ 'keyhaven.bytes': length });
  const none = (): SpanAttributes => ({});
  const file = (of: { readonly file: number; readonly offset: number }): SpanAttributes => ({
    'keyhaven.file': of.file,
    'keyhaven.offset': of.offset,
  });
  const logout = (): Promise<void> => within('logout', none, () => session.logout());
  // The overloads of `info` differ in their answers only.
  const info = (format?: FormatInput): Promise<unknown> =>
    within<unknown>(
      'info',
      () => formatAttributes(format),
      () => (format === undefined ? session.info() : session.info(format)),
    );
  return {
    ...session,
    encrypt: (data) =>
      within(
        'encrypt',
        () => bytes(data.byteLength),
        () => session.encrypt(data),
      ),
    decrypt: (data) =>
      within(
        'decrypt',
        () => bytes(data.byteLength),
        () => session.decrypt(data),
      ),
    read: (of) =>
      within(
        'read',
        () => ({ ...file(of), ...bytes(of.length) }),
        () => session.read(of),
      ),
    write: (of) =>
      within(
        'write',
        () => ({ ...file(of), ...bytes(of.data.byteLength) }),
        () => session.write(of),
      ),
    size: (of) =>
      within(
        'size',
        () => ({ 'keyhaven.file': of }),
        () => session.size(of),
      ),
    clock: () => within('clock', none, () => session.clock()),
    info: info as Session['info'],
    consume: (executions) =>
      within(
        'consume',
        () => ({ 'keyhaven.executions': executions }),
        () => session.consume(executions),
      ),
    logout,
    [Symbol.asyncDispose]: logout,
  };
};
