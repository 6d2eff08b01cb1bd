import { Status } from '@keyhaven/core/errors';
import { MAX_BODY } from '@keyhaven/core/link';
import { z } from 'zod';
import { PeerRefusal } from '../../peers/index.ts';
import type { HttpFaces } from '../faces.ts';
import { healthOf } from '../health.ts';
import { HttpRefusal } from '../problem.ts';
import { answers, type Route, route, says, text } from '../route.ts';
import { peerInfo } from '../shapes.ts';

// LM to LM (R7; docs/protocol/link.md), and whether this one is there.

/** BOUNDED: what a stranger may send before its identity is proven, and what a linked LM may (S14). */
const HANDSHAKE_LIMIT = 16 * 1024;
const LINK_LIMIT = MAX_BODY * 1.5;

/** BOUNDED: license managers that are told. */
const MOST_KNOWN = 1_024;

export const linkRoutes = ({ link, witness, overview }: Pick<HttpFaces, 'link' | 'witness' | 'overview'>): Route[] => {
  const answer = says('text/plain', 'As docs/protocol/link.md has it.');
  const need = 'link';
  return [
    route({
      method: 'POST',
      url: '/lm/v1/hello',
      need,
      summary: 'Begins a link',
      body: text(HANDSHAKE_LIMIT, 'A hello'),
      answer,
      run: ({ body, caller }) => link.hello(body, caller.address),
    }),
    route({
      method: 'POST',
      url: '/lm/v1/confirm',
      need,
      summary: 'Proves an identity',
      body: text(HANDSHAKE_LIMIT, 'A confirmation'),
      answer,
      run: ({ body, caller }) => link.confirm(body, caller.address),
    }),
    route({
      method: 'POST',
      url: '/lm/v1/exchange',
      need,
      summary: 'Messages of a link',
      body: text(LINK_LIMIT, 'Sealed messages'),
      answer,
      run: ({ body, caller }) => link.exchange(body, caller.address),
    }),
    route({
      method: 'POST',
      url: '/lm/v1/listen',
      need,
      summary: 'Waits for messages of a link',
      body: text(HANDSHAKE_LIMIT, 'A sealed request'),
      answer,
      run: ({ body }) => link.listen(body),
    }),
    route({
      method: 'POST',
      url: '/lm/v1/station',
      need,
      summary: 'Proves to other license managers that an embedded one runs on this computer; for processes of this computer',
      body: text(HANDSHAKE_LIMIT, 'What is to be signed, and by which process'),
      answer,
      run({ body, caller, ends }) {
        if (caller.kind === 'local' && ends !== undefined) return witness(body, ends);
        throw new PeerRefusal(403, 'this computer is proven to its own processes only');
      },
    }),
    route({
      method: 'GET',
      url: '/lm/v1/known',
      need: 'local',
      summary:
        'The license managers that this one knows, for External and Integrated LMs of this computer (R2): no password, and not at the administration port',
      answer: answers(z.array(peerInfo.pick({ guid: true, address: true, state: true, keys: true }))),
      // What every login of an application of this computer may find out.
      run: () =>
        overview
          .peers()
          .slice(0, MOST_KNOWN)
          .map(({ guid, address, state, keys }) => ({ guid, address, state, keys })),
    }),
  ];
};

export const healthRoutes = ({ records }: Pick<HttpFaces, 'records'>): Route[] => [
  route({
    method: 'GET',
    url: '/healthz',
    need: 'open',
    summary: 'Whether the process answers',
    answer: answers(z.strictObject({ status: z.literal('ok') })),
    run: () => ({ status: 'ok' }),
  }),
  route({
    method: 'GET',
    url: '/readyz',
    need: 'open',
    summary: 'Whether it serves: its sockets are open and its ledger can be written; 503 where not, with the reasons',
    answer: answers(z.strictObject({ status: z.enum(['ready', 'degraded']), reasons: z.array(z.string()).optional() })),
    async run() {
      const { state, reasons } = await healthOf(records, false);
      if (state === 'ready') return { status: state };
      if (state === 'degraded') return { status: state, reasons };
      throw new HttpRefusal(503, Status.DEVICE_ERR, {
        detail: `Not ready: ${reasons.join('; ')}.`,
        remedy: 'The error log of the license manager has the details.',
      });
    },
  }),
];
