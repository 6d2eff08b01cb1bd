import { request } from 'node:http';
import { LicensingError, Status, statusOf } from '@keyhaven/core/errors';
import { z } from 'zod';
import { ADMIN_PASSWORD } from './password-file.ts';
import { withProgress } from './progress.ts';

/** Where an Admin LM's HTTP is. */
export type LmTarget = { readonly host: string; readonly port: number };

/** @throws LicensingError INVALID_PARAMETER */
export const parseTarget = (text: string): LmTarget => {
  const found = /^(?:\[([0-9a-fA-F:.%a-z]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = found?.[1] ?? found?.[2];
  const port = Number(found?.[3] ?? 1947);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new LicensingError(Status.INVALID_PARAMETER, {
      detail: `${JSON.stringify(text)} is no HOST:PORT.`,
      remedy: 'Write it like 127.0.0.1:1947 or [::1]:1947.',
    });
  }
  return { host, port };
};

const TIMEOUT_MS = 15_000;
/** `code` is the status of the catalogue, and `status` that of HTTP; before there was a `code`, `status` was the one of the catalogue. */
const failure = z.object({ code: z.number().optional(), status: z.number(), message: z.string(), remedy: z.string() });

/** The administrator's password of this command, from --password-file or the environment. */
const knownPassword = (): string | undefined => process.env[ADMIN_PASSWORD] || undefined;
const basic = (password: string): string => `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;

export type Ask = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: { readonly type: string; readonly text: string };
  readonly password?: string;
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte after which the license manager counts as gone; 15 s. */
  readonly silenceMs?: number;
  /** Each part of the answer as it comes, where it is not to be kept. */
  readonly onPart?: (part: Buffer) => void;
};

/** @throws LicensingError LOCAL_COMM_ERR (33) where nothing answers; that of the LM where it refused */
const send = (target: LmTarget, ask: Ask): Promise<string> =>
  new Promise((resolve, reject) => {
    const at = `${target.host}:${target.port}`;
    const { method, path, body, password, signal, silenceMs = TIMEOUT_MS, onPart } = ask;
    const headers = {
      ...(body === undefined ? {} : { 'content-type': body.type, 'content-length': Buffer.byteLength(body.text) }),
      ...(password === undefined ? {} : { authorization: basic(password) }),
    };
    const options = { host: target.host, port: target.port, method, path, headers, timeout: silenceMs, agent: false } as const;
    const sent = request({ ...options, ...(signal === undefined ? {} : { signal }) }, (response) => {
      const parts: Buffer[] = [];
      const streams = onPart !== undefined && response.statusCode === 200;
      response.on('data', (part: Buffer) => {
        if (streams) onPart(part);
        else parts.push(part);
      });
      response.on('error', fail);
      response.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        if (response.statusCode === 200) return resolve(text);
        const known = knownPassword();
        if (response.statusCode === 401 && password === undefined && known !== undefined)
          return resolve(send(target, { ...ask, password: known }));
        const elsewhere = response.statusCode === 404 ? adminPortIn(text) : undefined;
        if (elsewhere !== undefined && elsewhere !== target.port) resolve(send({ ...target, port: elsewhere }, ask));
        else reject(refusalIn(text, response.statusCode ?? 0, at));
      });
    });
    const fail = (cause: NodeJS.ErrnoException): void => {
      reject(
        new LicensingError(Status.LOCAL_COMM_ERR, {
          detail: `${at}: ${cause.code === 'ECONNREFUSED' ? 'no license manager listens there' : cause.message}.`,
          remedy: 'Start it with: keyhaven lm, or name another one with --lm HOST:PORT.',
          cause,
        }),
      );
    };
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.on('error', fail);
    sent.end(body?.text);
  });

/**
 * One request to the admin API; the text of the answer. The password of KEYHAVEN_ADMIN_PASSWORD goes only to an LM that asks for one.
 * @throws LicensingError, that of the LM where it refused
 */
export const askLm = (
  target: LmTarget,
  method: Ask['method'],
  path: string,
  body?: { readonly type: string; readonly text: string },
  silenceMs = TIMEOUT_MS,
): Promise<string> =>
  withProgress(
    `waiting for the license manager at ${target.host}:${target.port}`,
    send(target, { method, path, silenceMs, ...(body === undefined ? {} : { body }) }),
  );

/** The same without telling that it takes long, and with an end from outside. @throws LicensingError */
export const askQuietly = (target: LmTarget, path: string, signal: AbortSignal): Promise<string> =>
  send(target, { method: 'GET', path, signal });

/** BOUNDED: characters of one event. */
const MAX_EVENT = 4 * 1024 * 1024;
/** The license manager says something at least every 15 seconds. */
const SILENCE_MS = 40_000;

/**
 * The events of a stream of the admin API, each with its data. Resolves when the license manager ends it.
 * @throws LicensingError LOCAL_COMM_ERR (33) where it is gone; that of the LM where it refused
 */
export const followLm = async (
  target: LmTarget,
  path: string,
  signal: AbortSignal,
  onEvent: (event: string, data: string) => void,
): Promise<void> => {
  const own = new AbortController();
  const decoder = new TextDecoder();
  const read = { rest: '', event: '', fault: undefined as Error | undefined };
  const onPart = (part: Buffer): void => {
    const lines = (read.rest + decoder.decode(part, { stream: true })).split('\n');
    read.rest = lines.pop() ?? '';
    try {
      if (read.rest.length > MAX_EVENT) throw new LicensingError(Status.LOCAL_COMM_ERR, { detail: 'An event is too long.' });
      for (const line of lines) {
        if (line.startsWith('event: ')) read.event = line.slice(7);
        else if (line.startsWith('data: ')) onEvent(read.event, line.slice(6));
      }
    } catch (error) {
      read.fault ??= error instanceof Error ? error : new Error(String(error));
      own.abort();
    }
  };
  try {
    await send(target, { method: 'GET', path, silenceMs: SILENCE_MS, onPart, signal: AbortSignal.any([signal, own.signal]) });
  } catch (error) {
    throw read.fault ?? error;
  }
};

/** A license manager whose administration has a port of its own says to this computer which one. */
const adminPortIn = (text: string): number | undefined => {
  try {
    const json: unknown = JSON.parse(text);
    return z.object({ adminPort: z.int().min(1).max(65_535) }).parse(json).adminPort;
  } catch {
    return undefined;
  }
};

const refusalIn = (text: string, code: number, at: string): LicensingError => {
  try {
    const json: unknown = JSON.parse(text);
    const { status, code: number = status, message, remedy } = failure.parse(json);
    const known = statusOf(number) ?? Status.INT_ERR;
    const own = new LicensingError(known).message;
    return new LicensingError(known, { detail: message.startsWith(own) ? message.slice(own.length).trim() : message, remedy });
  } catch {
    return new LicensingError(Status.LOCAL_COMM_ERR, { detail: `${at} answered with HTTP ${code}, not like a license manager.` });
  }
};
