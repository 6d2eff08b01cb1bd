import { request } from 'node:http';
import { LicensingError, Status, statusOf } from '@keyhaven/core/errors';
import { z } from 'zod';

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
const failure = z.object({ status: z.number(), message: z.string(), remedy: z.string() });

/** One request to the admin API; the text of the answer. @throws LicensingError, that of the LM where it refused */
export const askLm = (
  target: LmTarget,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: { readonly type: string; readonly text: string },
): Promise<string> =>
  new Promise((resolve, reject) => {
    const at = `${target.host}:${target.port}`;
    const headers = body === undefined ? {} : { 'content-type': body.type, 'content-length': Buffer.byteLength(body.text) };
    const sent = request({ host: target.host, port: target.port, method, path, headers, timeout: TIMEOUT_MS, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', fail);
      response.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        if (response.statusCode === 200) resolve(text);
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

const refusalIn = (text: string, code: number, at: string): LicensingError => {
  try {
    const json: unknown = JSON.parse(text);
    const { status, message, remedy } = failure.parse(json);
    const known = statusOf(status) ?? Status.INT_ERR;
    const own = new LicensingError(known).message;
    return new LicensingError(known, { detail: message.startsWith(own) ? message.slice(own.length).trim() : message, remedy });
  } catch {
    return new LicensingError(Status.LOCAL_COMM_ERR, { detail: `${at} answered with HTTP ${code}, not like a license manager.` });
  }
};
