import { Buffer } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { ACTION_DONE, actionIn, uploadPage } from '@keyhaven/core/compat';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { z } from 'zod';
import { widensAccess } from '../configuration/administered.ts';
import type { HttpFaces } from '../http/faces.ts';
import { onlyHere } from '../http/gate.ts';
import { filesIn } from '../http/multipart.ts';
import { HttpRefusal, httpStatusOf } from '../http/problem.ts';
import { bytes, type Caller, type FileAnswer, type Route, route, says, sends } from '../http/route.ts';
import { FILE_LIMIT } from '../http/routes/licenses.ts';
import type { CompatFaces } from './faces.ts';
import { anyQuery, underBoth } from './feed-routes.ts';

// What existing scripts write (C6): none of them sends a token, a cookie or an Origin. A browser does say where a request comes from, and the gate
// refuses those of other origins, whatever their content type; so these routes are for programs of this computer and for whoever has the password.

const html = 'text/html; charset=utf-8';
/** BOUNDED: bytes of an action. */
const ACTION_LIMIT = 64 * 1024;

const refused = (detail: string, remedy: string): LicensingError => new LicensingError(Status.ACCESS_DENIED, { detail, remedy });

/** One file of a form, whatever its field is called, or the body itself. @throws LicensingError UPLOAD_ERROR (57) */
const fileIn = (headers: IncomingHttpHeaders, body: Buffer): Buffer => {
  const type = headers['content-type'] ?? '';
  if (!/^multipart\/form-data\b/i.test(type)) return body;
  const files = filesIn(type, body);
  const [file] = files;
  if (files.length !== 1 || file === undefined)
    throw new LicensingError(Status.UPLOAD_ERROR, { detail: `${files.length} files came at once.`, remedy: 'Send one file.' });
  return file.bytes;
};

/** The page says what happened, and so does the code: some read the one, and some the other. */
const uploaded = (error: LicensingError | undefined, text: string): FileAnswer => ({
  code: error === undefined ? 200 : httpStatusOf(error.status),
  headers: { 'content-type': html },
  body: Buffer.from(uploadPage(error?.status ?? 0, text)),
});

export const actionRoutes = (faces: HttpFaces, compat: CompatFaces): Route[] => {
  const configure = async (settings: Readonly<Record<string, unknown>>, caller: Caller): Promise<void> => {
    if (!caller.authenticated && faces.administration.passwordSet)
      throw new HttpRefusal(401, Status.ACCESS_DENIED, {
        detail: "Settings need the administrator's password.",
        remedy: 'Give the password of this license manager.',
        headers: { 'www-authenticate': 'Basic realm="Keyhaven", charset="UTF-8"' },
      });
    // What stays as it is widens nothing: scripts send all that they know.
    const { search, access } = compat.settings();
    const now: Readonly<Record<string, unknown>> = {
      'search.broadcast': search.broadcast,
      'search.aggressive': search.aggressive,
      'search.addresses': search.addresses,
      'access.remoteLicenses': access.remoteLicenses,
      'access.remoteClients': access.remoteClients,
    };
    const changes = Object.entries(settings).filter(([path, value]) => JSON.stringify(now[path]) !== JSON.stringify(value));
    if (changes.some(([path]) => widensAccess(path))) onlyHere(caller);
    if (changes.length > 0) await faces.settings.change(Object.fromEntries(changes), caller.address);
  };
  const act = async (body: Buffer, caller: Caller): Promise<string> => {
    const action = actionIn(body.toString('utf8'));
    switch (action.kind) {
      case 'end session':
        await faces.kill(action.session, caller.address);
        return ACTION_DONE;
      case 'settings':
        await configure(action.settings, caller);
        return ACTION_DONE;
      case 'unknown':
        throw new LicensingError(Status.INVALID_PARAMETER, {
          detail: action.reason,
          remedy: 'docs/guide/interoperability.md has what is understood.',
        });
    }
  };
  const newId = async (query: Readonly<Record<string, unknown>>, headers: IncomingHttpHeaders, caller: Caller): Promise<string> => {
    if (!Object.hasOwn(query, 'Create_new_lmid'))
      throw new LicensingError(Status.INVALID_PARAMETER, {
        detail: 'It names no action.',
        remedy: 'docs/guide/interoperability.md has what is understood.',
      });
    if (!compat.settings().compat.newLmIdByGet)
      throw refused('A new LM id by a link is off.', 'Use keyhaven, the Admin Control Center, or set compat.newLmIdByGet.');
    // A link or a picture on any page could be this request; programs send nothing of the kind.
    if (Object.keys(headers).some((name) => name.startsWith('sec-fetch-')) || headers.referer !== undefined || headers.origin !== undefined)
      throw refused('The request comes from a browser.', 'Use the Admin Control Center.');
    onlyHere(caller);
    await faces.newId(false, caller.address);
    return ACTION_DONE;
  };
  const checkIn = async (headers: IncomingHttpHeaders, body: Buffer): Promise<FileAnswer> => {
    try {
      const { key, updateCounter } = await faces.apply(fileIn(headers, body).toString('latin1'));
      return uploaded(undefined, `The update was applied: key ${key}, update counter ${updateCounter}.`);
    } catch (error) {
      const known = error instanceof LicensingError ? error : new LicensingError(Status.INT_ERR, { cause: error });
      return uploaded(known, `${known.message} ${known.remedy}`);
    }
  };

  return [
    ...underBoth('action.html').flatMap((url) => [
      route({
        method: 'POST',
        url,
        need: 'write',
        summary: 'Ends a session, or changes settings',
        body: bytes(ACTION_LIMIT, 'deletelogin=ID, or a block of settings', {
          'text/plain': z.string(),
          'application/x-www-form-urlencoded': z.string(),
        }),
        answer: says(html, 'OK.'),
        run: ({ body, caller }) => act(body, caller),
      }),
      route({
        method: 'GET',
        url,
        need: 'configure',
        summary: 'Create_new_lmid, where the settings let it',
        query: anyQuery,
        answer: says(html, 'OK.'),
        run: ({ query, headers, caller }) => newId(query, headers, caller),
      }),
    ]),
    ...underBoth('checkin_file.html').map((url) =>
      route({
        method: 'POST',
        url,
        need: 'write',
        summary: 'Applies a license file',
        body: bytes(FILE_LIMIT, 'A form with one file', { 'multipart/form-data': z.looseObject({ check_in_file: z.string() }) }),
        answer: sends(html),
        run: ({ headers, body }) => checkIn(headers, body),
      }),
    ),
  ];
};
