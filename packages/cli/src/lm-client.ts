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
/** `code` is the status of the catalogue, and `status` that of HTTP; before there was a `code`, `status` was the one of the catalogue. */
const failure = z.object({ code: z.number().optional(), status: z.number(), message: z.string(), remedy: z.string() });

/**
 * One request to the admin API; the text of the answer. The password of KEYHAVEN_ADMIN_PASSWORD goes only to an LM that asks for one.
 * @throws LicensingError, that of the LM where it refused
 */
export const askLm = (
  target: LmTarget,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: { readonly type: string; readonly text: string },
  password?: string,
): Promise<string> =>
  new Promise((resolve, reject) => {
    const at = `${target.host}:${target.port}`;
    const headers = {
      ...(body === undefined ? {} : { 'content-type': body.type, 'content-length': Buffer.byteLength(body.text) }),
      ...(password === undefined ? {} : { authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}` }),
    };
    const sent = request({ host: target.host, port: target.port, method, path, headers, timeout: TIMEOUT_MS, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', fail);
      response.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        if (response.statusCode === 200) return resolve(text);
        const known = process.env['KEYHAVEN_ADMIN_PASSWORD'];
        if (response.statusCode === 401 && password === undefined && known !== undefined && known !== '')
          return resolve(askLm(target, method, path, body, known));
        const elsewhere = response.statusCode === 404 ? adminPortIn(text) : undefined;
        if (elsewhere !== undefined && elsewhere !== target.port)
          resolve(askLm({ ...target, port: elsewhere }, method, path, body, password));
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

/** Where its administration is, for whoever needs more than one answer. @throws LicensingError, that of the LM where it refused */
export const administrationOf = async (target: LmTarget): Promise<LmTarget> => {
  const { adminPort } = z.object({ adminPort: z.int().optional() }).parse(JSON.parse(await askLm(target, 'GET', '/api/v1/status')));
  return { ...target, port: adminPort ?? target.port };
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
