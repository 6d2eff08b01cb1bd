import { LicensingError } from '@keyhaven/core/errors';
import { z } from 'zod';
import type { HttpFaces } from '../faces.ts';
import { problemOf } from '../problem.ts';
import { answers, json, type Route, route } from '../route.ts';
import { id, keyId, limited, moment, problem, said } from '../shapes.ts';

// Who uses, who waits, who was here of late (C2, C3): "Show Recent Users", "Show Recent Client Access", the lines, and the end of several sessions.

/** BOUNDED: records of the audit that are looked through, and rows that are told. */
const MAX_AUDIT = 10_000;
const MAX_RECENT = 500;
const count = z.int().min(0);

const recent = z.strictObject({
  name: said.meta({ description: 'The user, or the computer.' }),
  host: said.nullable(),
  address: said.nullable(),
  last: moment,
  granted: count,
  refused: count,
  cause: said.nullable().meta({ description: 'Why the latest refusal.' }),
});
type Recent = z.infer<typeof recent>;

const recentBy = async (faces: Pick<HttpFaces, 'audit'>, field: 'user' | 'host'): Promise<readonly Recent[]> => {
  const found = new Map<string, Recent>(); // BOUNDED by MAX_AUDIT
  const [granted, refused] = await Promise.all(['granted', 'refused'].map((kind) => faces.audit({ kind, limit: MAX_AUDIT })));
  for (const { kind, at, detail } of [...(granted ?? []), ...(refused ?? [])].toSorted((a, b) => b.at - a.at)) {
    const text = (name: string): string | null => detail[name]?.toString() ?? null;
    const name = text(field) ?? (field === 'host' ? text('address') : null);
    if (name === null) continue;
    const key = field === 'user' ? `${name} ${text('host')}` : `${name} ${text('address')}`;
    const known = found.get(key) ?? {
      name,
      host: text('host'),
      address: text('address'),
      last: new Date(at).toISOString(),
      granted: 0,
      refused: 0,
      cause: kind === 'refused' ? text('cause') : null,
    };
    const cause = known.cause ?? (kind === 'refused' ? text('cause') : null);
    found.set(key, { ...known, cause, [kind]: kind === 'granted' ? known.granted + 1 : known.refused + 1 });
  }
  return [...found.values()].slice(0, MAX_RECENT);
};

export const peopleRoutes = (faces: Pick<HttpFaces, 'audit' | 'kill' | 'waiting'>): Route[] => {
  const get = { method: 'GET', need: 'read' } as const;
  return [
    route({
      ...get,
      url: '/api/v1/recent/users',
      summary: 'Who asked for seats of late, by user and computer; the latest first',
      answer: answers(z.array(recent)),
      run: () => recentBy(faces, 'user'),
    }),
    route({
      ...get,
      url: '/api/v1/recent/clients',
      summary: 'Which computers asked for seats of late; the latest first',
      answer: answers(z.array(recent)),
      run: () => recentBy(faces, 'host'),
    }),
    route({
      ...get,
      url: '/api/v1/waiting',
      summary: 'Who waits for a seat, line by line in their order',
      answer: answers(
        z.array(
          z.strictObject({
            key: keyId,
            product: id,
            feature: id,
            place: count,
            user: said,
            host: said,
            address: said,
            pid: count,
            application: said,
            seats: count,
            priority: z.number(),
            since: moment,
          }),
        ),
      ),
      run: () => faces.waiting(),
    }),
    route({
      method: 'POST',
      url: '/api/v1/sessions/kill',
      need: 'write',
      summary: 'Ends several sessions; each is told',
      body: json(z.strictObject({ sessions: z.array(limited(200)).min(1).max(1_000) })),
      answer: answers(z.strictObject({ ended: z.array(said), refused: z.array(z.strictObject({ session: said, problem })) })),
      async run({ body, caller }) {
        const ended: string[] = []; // BOUNDED by the request
        const refused: { readonly session: string; readonly problem: unknown }[] = []; // BOUNDED by the request
        for (const session of new Set(body.sessions)) {
          try {
            await faces.kill(session, caller.address);
            ended.push(session);
          } catch (error) {
            if (!(error instanceof LicensingError)) throw error;
            refused.push({ session, problem: problemOf(error) });
          }
        }
        return { ended, refused };
      },
    }),
  ];
};
