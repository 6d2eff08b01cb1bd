import { Command } from 'commander';
import { z } from 'zod';
import { type Listing, listed } from './listing.ts';
import { withExamples } from './parts.ts';

// keyhaven recent, waiting and detached: who was here of late, who waits for a seat, and what is lent (C2, C3).

const text = z.string();
const recent = z.array(
  z.looseObject({
    name: text,
    host: text.nullable(),
    address: text.nullable(),
    last: text,
    granted: z.number(),
    refused: z.number(),
    cause: text.nullable(),
  }),
);
const waiters = z.array(
  z.looseObject({
    key: text,
    product: z.number(),
    feature: z.number(),
    place: z.number(),
    user: text,
    host: text,
    pid: z.number(),
    application: text,
    seats: z.number(),
    priority: z.number(),
    since: text,
  }),
);
const copies = z.array(
  z.looseObject({
    key: text,
    recipient: text,
    product: z.number(),
    seats: z.number(),
    network: z.boolean(),
    from: text,
    until: text,
    host: text,
  }),
);

const recentOf = (what: 'users' | 'clients'): Listing<z.infer<typeof recent>, object> => ({
  topics: ['sessions', 'denials'],
  read: async (ask) => recent.parse(await ask(`/api/v1/recent/${what}`)),
  heads: ['NAME', 'HOST', 'ADDRESS', 'LAST', 'GRANTED', 'REFUSED', 'LATEST REFUSAL'],
  rows: (found) =>
    found.map(({ name, host, address, last, granted, refused, cause }) => ({
      id: `${name} ${host} ${address}`,
      cells: [name, host, address, last, granted, refused, cause ?? ''],
    })),
  none: 'Nobody has asked for a seat yet.',
});

const waiting: Listing<z.infer<typeof waiters>, object> = {
  topics: ['waiting'],
  read: async (ask) => waiters.parse(await ask('/api/v1/waiting')),
  heads: ['KEY', 'PRODUCT', 'FEATURE', 'PLACE', 'USER', 'HOST', 'PID', 'APPLICATION', 'SEATS', 'PRIORITY', 'SINCE'],
  rows: (found) =>
    found.map(({ key, product, feature, place, user, host, pid, application, seats, priority, since }) => ({
      id: `${key} ${product} ${feature} ${user} ${host} ${pid} ${since}`,
      cells: [key, product, feature, place, user, host, pid, application, seats, priority, since],
    })),
  none: 'Nobody waits for a seat.',
};

const detached: Listing<z.infer<typeof copies>, object> = {
  topics: ['keys'],
  read: async (ask) => copies.parse(await ask('/api/v1/detached')),
  heads: ['KEY', 'PRODUCT', 'LENT KEY', 'HOST', 'SEATS', 'NETWORK', 'FROM', 'UNTIL'],
  rows: (found) =>
    found.map(({ key, product, recipient, host, seats, network, from, until }) => ({
      id: recipient,
      cells: [key, product, recipient, host, seats, network ? 'yes' : 'no', from, until],
    })),
  none: 'No license is lent. Lend one with: keyhaven detach',
};

export const peopleCommands = (): Command[] => {
  const users = new Command('users').description('by user and computer, the latest first');
  const clients = new Command('clients').description('by computer, the latest first');
  return [
    new Command('recent')
      .description('who asked for seats of late')
      .addCommand(withExamples(listed(users, recentOf('users')), 'keyhaven recent users'))
      .addCommand(withExamples(listed(clients, recentOf('clients')), 'keyhaven recent clients --json')),
    withExamples(
      listed(new Command('waiting').description('who waits for a seat, line by line in their order'), waiting),
      'keyhaven waiting --watch',
    ),
    withExamples(
      listed(new Command('detached').description('licenses of the keys here that are lent to other computers, and until when'), detached),
      'keyhaven detached --json',
    ),
  ];
};
