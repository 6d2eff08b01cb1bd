import { Buffer } from 'node:buffer';
import type { SaidReply } from './channels.ts';
import type { Said, Spoken } from './tape.ts';

// What a later release must keep saying (docs/protocol/README.md V6): everything that an old application reads, with the same value. It may add fields
// where the protocol says that an application passes over what it does not know, word its texts for people anew, and answer in another order where
// requests have numbers.

/** What one LM said on one connection, by what it answers. */
export type Meaning = {
  /** welcome, refused, or the kind of what has no other place. */
  readonly alone: Readonly<Record<string, unknown>>;
  readonly requests: Readonly<Record<string, unknown>>;
  readonly channels: Readonly<Record<string, unknown>>;
  readonly closes: boolean;
};

type Told = { readonly status: number; json: string };
type ChannelSaid = { opened?: unknown; lost?: unknown; replies: Record<string, unknown>; unread: number };

/** Texts for people are there or not; which is not promised. */
const withoutWords = (said: Said): unknown => {
  const { detail: _, ...rest } = said;
  return rest;
};
const dataOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};
const replyMeans = ({ to, status, body }: SaidReply): unknown => (status === 0 ? { to, status, body } : { to, status });

const meaningOf = (spoken: readonly Spoken[], connection: number): Meaning => {
  const alone: Record<string, unknown> = {};
  const requests: Record<string, unknown> = {};
  const told = new Map<string, Told>(); // BOUNDED by one conversation
  const channels: Record<string, ChannelSaid> = {};
  let closes = false;
  const channelOf = (number: unknown): ChannelSaid => (channels[String(number)] ??= { replies: {}, unread: 0 });
  for (const each of spoken) {
    if (each.connection !== connection || each.from !== 'lm') continue;
    if (!('frames' in each)) {
      closes = true;
      continue;
    }
    for (const { name, says } of each.frames) {
      if (says === undefined) {
        alone[name] = 'not understood';
        continue;
      }
      switch (says.kind) {
        case 'found':
        case 'updated':
          requests[String(says['request'])] = withoutWords(says);
          break;
        case 'told': {
          const before = told.get(String(says['request'])) ?? { status: Number(says['status']), json: '' };
          before.json += Buffer.from(String(says['part']), 'hex').toString('utf8');
          told.set(String(says['request']), before);
          break;
        }
        case 'opened':
          channelOf(says['channel']).opened = says['answer'];
          break;
        case 'lost':
          channelOf(says['channel']).lost = says['status'];
          break;
        case 'record': {
          const inside = says['inside'];
          const to = channelOf(says['channel']);
          if (!Array.isArray(inside)) to.unread += 1;
          else for (const reply of inside as SaidReply[]) to.replies[String(reply.id)] = replyMeans(reply);
          break;
        }
        default:
          alone[says.kind] = withoutWords(says);
      }
    }
  }
  for (const [request, { status, json }] of told)
    requests[request] = { kind: 'told', status, data: status === 0 ? dataOf(json) : undefined };
  return { alone, requests, channels, closes };
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Where `today` does not say what was recorded. More fields in an object are no difference; more or other elements of a list are. */
export const differences = (recorded: unknown, today: unknown, path = ''): string[] => {
  if (Array.isArray(recorded)) {
    if (!Array.isArray(today) || today.length !== recorded.length)
      return [`${path}: a list of ${recorded.length} was ${JSON.stringify(today)}`];
    return recorded.flatMap((each, index) => differences(each, today[index], `${path}[${index}]`));
  }
  if (isObject(recorded)) {
    if (!isObject(today)) return [`${path}: an object was ${JSON.stringify(today)}`];
    return Object.entries(recorded).flatMap(([name, each]) => differences(each, today[name], `${path}.${name}`));
  }
  return Object.is(recorded, today) ? [] : [`${path}: ${JSON.stringify(recorded)} is ${JSON.stringify(today)}`];
};

/** Frames that nobody asked for, and answers that were none, are no additions that an old application passes over. */
const additions = (recorded: Meaning, today: Meaning): string[] =>
  (['alone', 'requests', 'channels'] as const).flatMap((part) =>
    Object.keys(today[part]).flatMap((name) => (name in recorded[part] ? [] : [`${part}.${name}: said by nobody when it was recorded`])),
  );

export const differencesOnWire = (recorded: readonly Spoken[], today: readonly Spoken[]): string[] =>
  [...new Set([...recorded, ...today].map(({ connection }) => connection))].flatMap((connection) => {
    const [then, now] = [meaningOf(recorded, connection), meaningOf(today, connection)];
    return [...differences(then, now, `connection ${connection}`), ...additions(then, now)];
  });

/** All bytes of one side, connection by connection. */
export const bytesSaid = (spoken: readonly Spoken[], from: Spoken['from']): Record<string, string> => {
  const all: Record<string, string> = {};
  for (const each of spoken)
    if (each.from === from && 'frames' in each)
      all[each.connection] = `${all[each.connection] ?? ''}${each.frames.map(({ bytes }) => bytes).join('')}`;
  return all;
};
