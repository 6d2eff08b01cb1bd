import { z } from 'zod';
import { MAX_PASSWORD, MIN_PASSWORD } from '../../administration/index.ts';
import type { HttpFaces } from '../faces.ts';
import { COOKIE, onlyHere, passwordTry, tokensIn, triedFrom } from '../gate.ts';
import { answers, json, type Route, route } from '../route.ts';
import { limited } from '../shapes.ts';

// The administrator (S7, S9): who one is here, login of the page, the password.

const password = limited(MAX_PASSWORD, 1);
const cookie = (value: string, secure: boolean, more = ''): string =>
  `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}${more}`;

export const administratorRoutes = (faces: HttpFaces): Route[] => {
  const { administration } = faces;
  return [
    route({
      method: 'GET',
      url: '/api/v1/login',
      need: 'page',
      summary: 'What the caller may do, and whether he has to log in for more',
      answer: answers(
        z.strictObject({
          authenticated: z.boolean(),
          read: z.boolean(),
          write: z.boolean(),
          configure: z.boolean(),
          widen: z.boolean().meta({ description: 'Settings that widen access.' }),
          page: z
            .strictObject({ refreshSeconds: z.int().min(1), rows: z.int().min(1) })
            .meta({ description: 'How often a page shows itself anew, and how many rows of a table it has.' }),
        }),
      ),
      run({ caller: { kind, authenticated } }) {
        const local = kind === 'local';
        const configure = authenticated || (local && !administration.passwordSet);
        const read = configure || (local && !faces.page.passwordForAll);
        const { refreshSeconds, rows } = faces.page;
        return { authenticated, read, write: read, configure, widen: local && configure, page: { refreshSeconds, rows } };
      },
    }),
    route({
      method: 'POST',
      url: '/api/v1/login',
      need: 'page',
      summary: 'Logs in to the page: a cookie for half an hour after its last use',
      body: json(z.strictObject({ password })),
      answer: answers(z.strictObject({ status: z.literal('logged in') })),
      async run({ body, caller, headers, secure, setHeader }) {
        await passwordTry(administration, body.password, triedFrom(caller), headers);
        setHeader('set-cookie', cookie(administration.login(caller.address), secure));
        return { status: 'logged in' };
      },
    }),
    route({
      method: 'POST',
      url: '/api/v1/logout',
      need: 'page',
      summary: 'Ends the session of the page',
      answer: answers(z.strictObject({ status: z.literal('logged out') })),
      run({ caller, headers, secure, setHeader }) {
        for (const token of tokensIn(headers.cookie)) administration.logout(token, caller.address);
        setHeader('set-cookie', cookie('', secure, '; Max-Age=0'));
        return { status: 'logged out' };
      },
    }),
    route({
      method: 'PUT',
      url: '/api/v1/password',
      need: 'configure',
      summary: 'Sets the password of the administrator; every session of the page ends',
      body: json(z.strictObject({ password: limited(MAX_PASSWORD, MIN_PASSWORD) })),
      answer: answers(z.strictObject({ status: z.literal('set') })),
      async run({ body, caller }) {
        await administration.setPassword(body.password, caller.address);
        return { status: 'set' };
      },
    }),
    route({
      method: 'DELETE',
      url: '/api/v1/password',
      need: 'configure',
      summary: 'Takes the password away; on this computer only, for then everybody here may change settings',
      answer: answers(z.strictObject({ status: z.literal('cleared') })),
      async run({ caller }) {
        onlyHere(caller);
        await administration.setPassword(undefined, caller.address);
        return { status: 'cleared' };
      },
    }),
  ];
};
