import { createHmac } from 'node:crypto';
import { request } from 'node:http';

// A client of the REST licensing API, written from the contract alone: nothing of the license manager's own code is used. Its encoder ends bodies
// with a line feed, and its Host header has no port.

export type RestReply = { readonly code: number; readonly text: string; readonly json: Record<string, unknown> };
export type RestClientOptions = {
  readonly port: number;
  readonly identity: string;
  readonly secret: string;
  readonly vendor: number;
  readonly now?: () => number;
};

export const signatureFor = (identity: string, secret: string, date: string, path: string, body: string): string => {
  const derived = createHmac('sha256', Buffer.from(secret, 'ascii')).update('X-LDK-Identity-WS-V1').digest();
  return createHmac('sha256', derived).update(identity).update(date).update(path).update('^').update(body).digest('hex');
};

export const send = (
  port: number,
  method: string,
  target: string,
  headers: Record<string, string>,
  body = '',
  host = '127.0.0.1',
): Promise<RestReply> =>
  new Promise((resolve, reject) => {
    const all = { host: 'localhost', ...headers, ...(body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) }) };
    const sent = request({ host, port, method, path: target, agent: false, headers: all }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        let json: Record<string, unknown> = {};
        try {
          json = Object(JSON.parse(text));
        } catch {
          // Not JSON: a test sees that by `text`.
        }
        resolve({ code: response.statusCode ?? 0, text, json });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });

export const createRestClient = ({ port, identity, secret, vendor, now = Date.now }: RestClientOptions) => {
  const base = `/sentinel/ldk_runtime/v1/vendors/${vendor}`;
  const signed = (path: string, body = '', at = now()): Record<string, string> => {
    const date = `${new Date(at).toISOString().slice(0, 19)}Z`;
    const signature = signatureFor(identity, secret, date, decodeURIComponent(path), body);
    return {
      'x-ldk-identity-ws': `V1, Identity=${identity}, RequestDate=${date}, Signature=${signature}`,
      'x-ldk-instance': '',
      'content-type': 'application/json',
    };
  };
  const call = (method: string, path: string, { query = '', body = '', at = now() } = {}): Promise<RestReply> =>
    send(port, method, `${base}${path}${query}`, signed(`${base}${path}`, body, at), body);
  return {
    base,
    signed,
    call,
    login: (featureId: number, more: object = {}, at = now()) =>
      call('POST', '/sessions', { body: `${JSON.stringify({ featureId, ...more })}\n`, at }),
    refresh: (session: string, at = now()) => call('POST', `/sessions/${session}/refresh`, { at }),
    read: (session: string, query: string) => call('GET', `/sessions/${session}/read`, { query }),
    logout: (session: string, at = now()) => call('DELETE', `/sessions/${session}`, { at }),
  };
};
