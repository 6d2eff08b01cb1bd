// Answers to those who ask in HTTP/1.0 without a Host header what listens here: programs that know license managers by the bytes of the
// answer, in the order in which they come (C6). Everybody else gets the answers of the HTTP server.

/** What the license manager calls itself in HTTP: the interface that it offers, not its own version, which strangers need not know (S19). */
export const SERVER_NAME = 'HASP LM/25.02';

const hardened =
  "X-Frame-Options: SAMEORIGIN\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: strict-origin\r\nCache-Control: no-store\r\nCross-Origin-Resource-Policy: same-origin\r\nContent-Security-Policy: default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'\r\nConnection: close\r\n";
const html = (title: string, text: string): string => `<title>${title}</title>\n<h1>${title}</h1>\n${text}\n`;
/** Of 106 bytes, by which it is known. */
const MOVED = html('302 Moved', 'Page is at: <a href="/_int_/index.html">/_int_/index.html</a>');
const NOT_IMPLEMENTED = html(
  '501 Not Implemented',
  'Your request was not understood or not allowed by this server.\n<p>Please contact the administrator.',
);

/** @param now milliseconds since 1970 */
const movedAnswer = (now: number): string =>
  `HTTP/1.0 302 Moved\r\nServer: ${SERVER_NAME}\r\nDate: ${new Date(now).toUTCString()}\r\nLocation: /_int_/index.html\r\nContent-Type: text/html\r\nContent-Length: ${MOVED.length}\r\n${hardened}\r\n${MOVED}`;
const notImplementedAnswer = (now: number): string =>
  `HTTP/0.0 501 Not Implemented\r\nServer: ${SERVER_NAME}\r\nDate: ${new Date(now).toUTCString()}\r\nContent-Type: text/html\r\nContent-Length: ${NOT_IMPLEMENTED.length}\r\n${hardened}\r\n${NOT_IMPLEMENTED}`;

/** The whole answer, after which the connection ends; undefined = the HTTP server answers. @param head the first bytes of a connection, as latin1 */
export const oldHttpAnswer = (head: string, now: number): string | undefined => {
  const end = head.indexOf('\r\n\r\n');
  if (end < 0 || /\r\nhost[ \t]*:/i.test(head.slice(0, end))) return undefined;
  const [line = ''] = head.split('\r\n', 1);
  if (/^GET \/ HTTP\/1\.0$/.test(line)) return movedAnswer(now);
  return /^OPTIONS \S{1,200} (?:HTTP|RTSP)\/1\.0$/.test(line) ? notImplementedAnswer(now) : undefined;
};
