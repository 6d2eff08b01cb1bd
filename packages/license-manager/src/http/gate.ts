import { Buffer } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { TLSSocket } from 'node:tls';
import { isLoopback } from '@keyhaven/core/discovery';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { FastifyRequest } from 'fastify';
import type { Administration } from '../administration/index.ts';
import { PeerRefusal } from '../peers/index.ts';
import type { HttpFaces } from './faces.ts';
import { HttpRefusal } from './problem.ts';
import type { Caller, Route } from './route.ts';

// The one gate before every route (S7, S15, S19). Whatever administers is for a caller on this computer, or on another one where remote
// administration is on and the password is given; the Host header names this computer, so that no web page elsewhere reaches it by DNS rebinding;
// a request that a web page of another origin makes is refused. What a route needs says its declaration, and nothing else asks.

export const COOKIE = 'keyhaven';

type Guarded = Pick<Route, 'method' | 'need' | 'hostless'>;
type Need = Route['need'];
export type Gate = {
  /** @throws LicensingError, HttpRefusal, PeerRefusal */
  admit(request: FastifyRequest, route: Guarded): Promise<Caller>;
  /** Whether what was admitted would still be: it was logged out, the password is another one, remote administration was switched off. */
  holds(request: FastifyRequest, route: Guarded, caller: Caller): boolean;
};

/**
 * HTTP/1.0 knows no Host header, and scripts that are old enough send none. Browsers always do, so that no page reaches this computer without one (S15).
 * That is for what such scripts ask for; the admin API came later and wants the header.
 */
const needsNoHost = ({ raw, headers }: FastifyRequest, { method, need, hostless }: Guarded): boolean =>
  raw.httpVersion === '1.0' && headers.host === undefined && (hostless === true || (need === 'page' && method === 'GET'));

const hostOf = (header: string | undefined): string =>
  (header ?? '')
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();

/** What a proxy adds. One on this computer speaks for others, so that what it hands on is not from here, whatever its address is (S7). */
const FORWARDED =
  /^(?:forwarded|forwarded-for|via|proxy-connection|x-forwarded(?:-.*)?|x-original-(?:host|forwarded-for)|x-real-ip|x-proxyuser-ip|(?:x-)?(?:client|cluster-client|true-client)-ip|cf-connecting-ip|fastly-client-ip)$/;
const kindOf = ({ ip, headers }: FastifyRequest): Caller['kind'] =>
  isLoopback(ip) && !Object.keys(headers).some((name) => FORWARDED.test(name)) ? 'local' : 'remote';

/** From where a password is tried: whoever guesses through a proxy on this computer keeps nobody out who sits at it (S9). */
export const triedFrom = ({ kind, address }: Pick<Caller, 'kind' | 'address'>): string =>
  kind === 'remote' && isLoopback(address) ? `a proxy at ${address}` : address;

/** A license manager says nothing of the kind: a page in a browser of this computer, or of one that may link, does (S15). */
const ofBrowser = ({ headers }: FastifyRequest): boolean => headers.origin !== undefined || headers['sec-fetch-site'] !== undefined;

const denied = (detail: string, remedy: string): LicensingError => new LicensingError(Status.ACCESS_DENIED, { detail, remedy });

/** Who may not come at all, whatever he knows. */
const barred = (request: FastifyRequest, route: Guarded, faces: HttpFaces): LicensingError | undefined => {
  if (kindOf(request) === 'remote' && !faces.remoteAdministration)
    return denied(
      'Administration from another computer is off.',
      'Administer on the computer itself, or set access.remoteAdministration there.',
    );
  const host = hostOf(request.headers.host);
  const isNamed = !needsNoHost(request, route);
  if (isNamed && request.headers.host === undefined)
    return denied('The request has no Host header.', 'Send one: Host: localhost, or the name or address of this computer.');
  if (isNamed && !faces.hostNames().has(host) && !isLoopback(host))
    return denied(
      `The Host header names ${JSON.stringify(host.slice(0, 80))}, which is not this computer.`,
      'Use the name or address of this computer.',
    );
  const { origin } = request.headers;
  const site = request.headers['sec-fetch-site'];
  // The whole of it with its port: another program's page on this computer is another origin.
  const own = (request.headers.host ?? '').toLowerCase();
  const foreign =
    (origin !== undefined && origin.replace(/^https?:\/\//, '').toLowerCase() !== own) ||
    (site !== undefined && site !== 'same-origin' && site !== 'none');
  return foreign
    ? denied('The request comes from a web page of another origin.', 'Open the page of this license manager itself.')
    : undefined;
};

/** What widens access is changed on this computer only (S7). @throws LicensingError ACCESS_DENIED (5) */
export const onlyHere = ({ kind }: Caller): void => {
  if (kind === 'local') return;
  throw denied('What widens access is not changed from another computer.', 'Change it on the computer of the license manager itself.');
};

/** BOUNDED: cookies of the name that are looked at. */
const MAX_COOKIES = 8;

/**
 * The sessions of the page that a request shows. Cookies know no ports: what another program of this computer, or of its domain, gives the browser by
 * the same name may stand before the true one, and takes nobody's session away (S9).
 */
export const tokensIn = (cookies: string | undefined): readonly string[] =>
  (cookies ?? '')
    .split(';')
    .map((each) => each.trim())
    .filter((each) => each.startsWith(`${COOKIE}=`))
    .slice(0, MAX_COOKIES)
    .map((each) => each.slice(COOKIE.length + 1));

/** The password of HTTP Basic; there is one administrator, so that any user name is his. */
const passwordIn = (authorization: string | undefined): string | undefined => {
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]{1,2000})$/i.exec(authorization ?? '') ?? [];
  if (encoded === undefined) return authorization === undefined ? undefined : '';
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  return text.slice(text.indexOf(':') + 1);
};

/** The same for a wrong password, none, and where none is set. */
const passwordNeeded = (headers: IncomingHttpHeaders): HttpRefusal =>
  new HttpRefusal(401, Status.ACCESS_DENIED, {
    detail: "This needs the administrator's password.",
    remedy:
      'Give the password of this license manager; on its computer it is set with: keyhaven password set, and a forgotten one taken away with: keyhaven password reset.',
    // A script of the page asks by itself; everything else may.
    headers: headers['sec-fetch-dest'] === 'empty' ? {} : { 'www-authenticate': 'Basic realm="Keyhaven", charset="UTF-8"' },
  });

/** @throws HttpRefusal 401, 429 */
export const passwordTry = async (
  administration: Administration,
  password: string,
  address: string,
  headers: IncomingHttpHeaders,
): Promise<void> => {
  const proof = await administration.check(password, address);
  if (proof.kind === 'right') return;
  if (proof.kind === 'wrong') throw passwordNeeded(headers);
  throw new HttpRefusal(429, Status.ACCESS_DENIED, {
    detail: 'Too many wrong passwords.',
    remedy: `Try again in ${proof.seconds} s.`,
    headers: { 'retry-after': String(proof.seconds) },
  });
};

const isSecure = ({ socket }: FastifyRequest): boolean => socket instanceof TLSSocket;

export const createGate = (faces: HttpFaces): Gate => {
  const { administration } = faces;
  /** Whether what a request showed is still right. */
  const proofs = new WeakMap<FastifyRequest, () => boolean>();
  const isAuthenticated = async (request: FastifyRequest): Promise<boolean> => {
    const password = passwordIn(request.headers.authorization);
    if (password !== undefined) {
      await passwordTry(administration, password, triedFrom({ kind: kindOf(request), address: request.ip }), request.headers);
      const { era } = administration;
      proofs.set(request, () => administration.era === era);
      faces.administratorAt?.(request.ip);
      return true;
    }
    const token = tokensIn(request.headers.cookie).find((each) => administration.hasSession(each));
    if (token === undefined) return false;
    proofs.set(request, () => administration.isOpen(token));
    faces.administratorAt?.(request.ip);
    return true;
  };
  const mayPass = (need: Need, { kind, authenticated }: Caller): boolean => {
    if (authenticated || need === 'page') return true;
    if (kind === 'remote') return false;
    if (!administration.passwordSet) return true;
    // "Password Protection" of all pages: what other programs read as metrics is no page.
    return need !== 'configure' && (need === 'metrics' || !faces.page.passwordForAll);
  };
  const admitted = async (request: FastifyRequest, route: Guarded): Promise<Caller> => {
    const refusal = barred(request, route, faces);
    if (refusal !== undefined) throw refusal;
    const kind = kindOf(request);
    const caller = { kind, address: request.ip, authenticated: await isAuthenticated(request) } as const;
    if (!mayPass(route.need, caller)) throw passwordNeeded(request.headers);
    return caller;
  };
  const admit = async (request: FastifyRequest, route: Guarded): Promise<Caller> => {
    const { need } = route;
    const kind = kindOf(request);
    const caller = { kind, address: request.ip, authenticated: false } as const;
    if (need === 'open' || need === 'identity') return caller;
    if (need === 'metrics' && kind === 'remote' && faces.records.remoteMetrics) return caller;
    if (need === 'link') {
      if (ofBrowser(request)) throw new PeerRefusal(403, 'links are for license managers, not for pages in a browser');
      const refusal = kind === 'local' ? undefined : faces.againstRemote(request.ip, isSecure(request));
      if (refusal !== undefined) throw refusal;
      return caller;
    }
    if (need === 'local') {
      const refusal = barred(request, route, faces);
      if (refusal !== undefined) throw refusal;
      if (kind === 'local' && !ofBrowser(request)) return caller;
      throw denied('This is for programs of the computer of the license manager.', 'Ask on that computer, and not from a browser.');
    }
    try {
      return await admitted(request, route);
    } catch (error) {
      if (error instanceof LicensingError) faces.administrationRefused(request.ip, error);
      throw error;
    }
  };
  return {
    admit,
    holds(request, route, caller) {
      const { need } = route;
      if (need === 'metrics' && caller.kind === 'remote' && faces.records.remoteMetrics) return true;
      const authenticated = caller.authenticated && (proofs.get(request)?.() ?? false);
      return barred(request, route, faces) === undefined && mayPass(need, { ...caller, authenticated });
    },
  };
};
