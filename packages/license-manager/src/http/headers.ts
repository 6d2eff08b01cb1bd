import { SERVER_NAME } from '@keyhaven/core/compat';

/** On every answer: nothing runs, nothing is framed, nothing is kept (S8). */
export const SECURITY_HEADERS = {
  // What existing programs know a license manager by (C6).
  server: SERVER_NAME,
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
} as const;
