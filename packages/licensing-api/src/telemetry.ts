import { LicensingError } from '@keyhaven/core/errors';
import type { Session } from './session-types.ts';

// Traces through the OpenTelemetry API of an application that has one (C5). Nothing of OpenTelemetry is loaded here: these are the parts of its tracer
// and span that are used. What a tracer throws is nobody's: no call of the API ever fails for it.

type Attributes = Readonly<Record<string, string | number | boolean>>;

export type TelemetrySpan = {
  setAttribute(name: string, value: string | number | boolean): unknown;
  /** 1 is OK, 2 is ERROR, as in OpenTelemetry. */
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
};
export type TelemetryTracer = {
  startSpan(name: string, options?: { kind?: number; attributes?: Record<string, string | number | boolean> }): TelemetrySpan;
};

/** A call to something else (SpanKind.CLIENT). */
const CLIENT = 2;
const [OK, ERROR] = [1, 2];

const silently = <T>(work: () => T): T | undefined => {
  try {
    return work();
  } catch {
    return undefined;
  }
};

/** Runs `work` in a span of that name; without a tracer, just runs it. */
export const traced = async <T>(
  tracer: TelemetryTracer | undefined,
  name: string,
  attributes: Attributes,
  work: () => Promise<T>,
  learned: (result: T) => Attributes = () => ({}),
): Promise<T> => {
  if (tracer === undefined) return work();
  const span = silently(() => tracer.startSpan(`keyhaven.${name}`, { kind: CLIENT, attributes: { ...attributes } }));
  const finish = (code: number, more: Attributes, message?: string): void => {
    silently(() => {
      for (const [key, value] of Object.entries(more)) span?.setAttribute(key, value);
      span?.setStatus(message === undefined ? { code } : { code, message });
    });
    silently(() => span?.end());
  };
  try {
    const result = await work();
    finish(OK, { 'keyhaven.status': 0, ...silently(() => learned(result)) });
    return result;
  } catch (error) {
    const status =
      error instanceof LicensingError ? { 'keyhaven.status': error.status, 'error.type': error.name } : { 'error.type': 'unknown' };
    finish(ERROR, status, error instanceof Error ? error.message : String(error));
    throw error;
  }
};

/** What a span says of the seat that was granted. */
export const seatAttributes = ({ id, key, product, feature, licenseManager }: Session): Attributes => ({
  'keyhaven.session': id,
  'keyhaven.key': key,
  'keyhaven.product': product,
  'keyhaven.feature': feature,
  'keyhaven.license_manager': licenseManager.hostname,
});

/** The same session, whose calls make spans. */
export const tracedSession = (session: Session, tracer: TelemetryTracer | undefined): Session => {
  if (tracer === undefined) return session;
  const attributes = seatAttributes(session);
  const within = <T>(name: string, more: Attributes, work: () => Promise<T>): Promise<T> =>
    traced(tracer, name, { ...attributes, ...more }, work);
  const bytes = (length: number): Attributes => ({ 'keyhaven.bytes': length });
  const logout = (): Promise<void> => within('logout', {}, () => session.logout());
  return {
    ...session,
    encrypt: (data) => within('encrypt', bytes(data.length), () => session.encrypt(data)),
    decrypt: (data) => within('decrypt', bytes(data.length), () => session.decrypt(data)),
    read: (of) => within('read', bytes(of.length), () => session.read(of)),
    write: (of) => within('write', bytes(of.data.length), () => session.write(of)),
    consume: (executions) => within('consume', { 'keyhaven.executions': executions }, () => session.consume(executions)),
    logout,
    [Symbol.asyncDispose]: logout,
  };
};
