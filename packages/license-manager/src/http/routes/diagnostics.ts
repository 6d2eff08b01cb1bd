import { z } from 'zod';
import type { HttpFaces } from '../faces.ts';
import { answers, type Route, route, says } from '../route.ts';
import { moment, said, status } from '../shapes.ts';

// Diagnostics (C2): what somebody who helps from afar asks for, in one document. For the local user or the administrator only (S19).

const report = z.looseObject({
  at: moment,
  status,
  computer: z.looseObject({ system: said, release: said, architecture: said, node: said }),
  sections: z.record(z.string(), z.unknown()),
});

export const diagnosticRoutes = ({ diagnostics }: Pick<HttpFaces, 'diagnostics'>): Route[] => {
  const get = { method: 'GET', need: 'read' } as const;
  return [
    route({
      ...get,
      url: '/api/v1/diagnostics',
      summary: 'The license manager and its surroundings, as programs read it',
      answer: answers(report),
      run: () => diagnostics(),
    }),
    route({
      ...get,
      url: '/api/v1/diagnostics/report',
      summary: '"Generate Report": the same as a file for people',
      answer: says('text/plain; charset=utf-8', 'A report.'),
      async run({ setHeader }) {
        const { sections, ...head } = await diagnostics();
        setHeader('content-disposition', 'attachment; filename="keyhaven-report.txt"');
        const all: [string, unknown][] = [...Object.entries(head), ...Object.entries(sections)];
        return all.map(([name, value]) => `== ${name} ==\n${JSON.stringify(value, null, 2)}\n`).join('\n');
      },
    }),
  ];
};
