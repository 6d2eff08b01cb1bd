import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { FileAnswer } from './route.ts';

// The pages of the Admin Control Center (C1), handed in by whoever starts the license manager: a fixed table in memory. A route stands for each of
// them and for nothing else, so that no path of a request reaches a file (S17).

export type Asset = {
  /** The path in a URL. */
  readonly url: string;
  readonly type: string;
  /** Its name changes with its content. */
  readonly immutable: boolean;
  readonly bytes: Uint8Array;
  readonly gzip: Uint8Array;
  readonly brotli: Uint8Array;
};

/** Nothing inline, nothing from elsewhere, and no text becomes HTML or script (S8). */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');
const FOR_GOOD = 'public, max-age=31536000, immutable';

/** Whether a header of Accept-Encoding takes this coding. */
const takes = (header: string, coding: string): boolean =>
  header.split(',').some((each) => {
    const [name = '', ...parameters] = each.split(';').map((part) => part.trim().toLowerCase());
    return name === coding && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });

/** The answer to a request for one of them; 304 where the asker has it. */
export const assetAnswer = (asset: Asset): ((headers: IncomingHttpHeaders) => FileAnswer) => {
  const tag = createHash('sha256').update(asset.bytes).digest('base64url').slice(0, 22);
  const codings = [
    ['br', Buffer.from(asset.brotli)],
    ['gzip', Buffer.from(asset.gzip)],
  ] as const;
  const plain = Buffer.from(asset.bytes);
  return (headers) => {
    const [coding, body] = codings.find(([name]) => takes(String(headers['accept-encoding'] ?? ''), name)) ?? [undefined, plain];
    const etag = `"${tag}${coding === undefined ? '' : `-${coding}`}"`;
    const common = {
      etag,
      vary: 'accept-encoding',
      'cache-control': asset.immutable ? FOR_GOOD : 'no-cache',
      'content-security-policy': PAGE_POLICY,
    };
    const has = (headers['if-none-match'] ?? '').split(',').some((each) => each.trim().replace(/^W\//, '') === etag);
    if (has) return { code: 304, headers: common };
    return {
      code: 200,
      headers: { ...common, 'content-type': asset.type, ...(coding === undefined ? {} : { 'content-encoding': coding }) },
      body,
    };
  };
};
