import { Buffer } from 'node:buffer';
import { WireError } from '@keyhaven/core/bytes';
import type { LicensingError } from '@keyhaven/core/errors';
import type { Block } from '@keyhaven/core/link';
import type { Authority, KeyChannel, Party } from '../authority/index.ts';
import type { Caller, Seen } from '../callers/index.ts';
import { asLicensingError } from '../local/index.ts';
import { type Link, type Links, push } from './answerer-links.ts';
import { pushFacts } from './answerer-sessions.ts';

// The channels that applications of other computers have to keys here, each inside of the link of its LM (K9, K10).

export type Channels = {
  /** @throws WireError for a number that is taken, or one too many */
  open(link: Link, block: Extract<Block, { kind: 'open' | 'open for' }>, address: string): void;
  record(link: Link, channel: number, record: Uint8Array): void;
  close(link: Link, channel: number): void;
  /** Of a link that has ended. */
  forget(channel: KeyChannel): void;
  attached(channel: KeyChannel, session: string): void;
  /** Whether something is under way that an exchange is held for. */
  busy(link: Link): boolean;
  /** Whether somebody waits for a seat. */
  patient(link: Link): boolean;
};

export const MAX_CHANNELS = 65_536;

const vouched = ({ process, forwarded }: Extract<Block, { kind: 'open for' }>): Caller => {
  const seen: Seen = { unit: process, forwarded };
  return { seen: () => seen };
};

export const createChannels = (authority: Authority, links: () => Links): Channels => {
  const byChannel = new Map<KeyChannel, Link>(); // BOUNDED by channels
  /** Channels that their LM closed. A login in one of them may still become durable, and its LM has to hear of the session to give it back. */
  const closed = new WeakMap<KeyChannel, { readonly link: Link; readonly number: number }>();

  const leave = (link: Link, channel: number): KeyChannel | undefined => {
    const open = link.channels.get(channel);
    link.channels.delete(channel);
    if (open === undefined) return undefined;
    link.numbers.delete(open);
    byChannel.delete(open);
    link.working.delete(open);
    link.patient.delete(open);
    return open;
  };

  return {
    open(link, block, address) {
      const { channel } = block;
      if (link.channels.has(channel) || link.opening.has(channel) || link.channels.size + link.opening.size >= MAX_CHANNELS)
        throw new WireError('a channel that is open already, or one too many');
      const lose = (error: LicensingError): void => {
        leave(link, channel);
        push(link, { kind: 'lost', channel, status: error.status, detail: error.detail ?? '' });
      };
      const opened = (open: KeyChannel): void => {
        link.channels.set(channel, open);
        link.numbers.set(open, channel);
        byChannel.set(open, link);
        push(link, { kind: 'opened', channel, answer: open.answer });
      };
      try {
        const station = links().stationOf(link);
        const party: Party = {
          holder: link.keys.peer.guid,
          address,
          process: undefined,
          ...(station === undefined ? {} : { station }),
          // An LM that says nothing vouches for nothing: its applications are believed.
          ...(block.kind === 'open' ? {} : { caller: vouched(block) }),
        };
        const record = (bytes: Uint8Array): void => push(link, { kind: 'record', channel, record: bytes });
        const opening = [block.key, block.opening, party, record, lose, () => link.wake?.()] as const;
        const atDevice = authority.openAtDevice(...opening);
        if (atDevice === undefined) return opened(authority.open(...opening));
        link.opening.add(channel);
        // Closed meanwhile, or the link is gone: nobody waits for it.
        const wanted = (): boolean => link.opening.delete(channel) && links().isOpen(link);
        atDevice.then(
          (open) => (wanted() ? opened(open) : open.close()),
          (error: unknown) => {
            if (wanted()) lose(asLicensingError(error));
          },
        );
      } catch (error) {
        lose(asLicensingError(error));
      }
    },
    record(link, number, record) {
      const channel = link.channels.get(number);
      if (channel === undefined) return;
      link.working.add(channel);
      link.patient.add(channel);
      channel.receive(record);
    },
    close(link, number) {
      link.opening.delete(number);
      const open = leave(link, number);
      if (open === undefined) return;
      closed.set(open, { link, number });
      open.close();
    },
    forget: (channel) => void byChannel.delete(channel),
    attached(channel, session) {
      const gone = closed.get(channel);
      const link = byChannel.get(channel) ?? gone?.link;
      const number = link?.numbers.get(channel) ?? gone?.number;
      if (link === undefined || number === undefined || !links().isOpen(link)) return;
      push(link, { kind: 'attached', channel: number, session: Buffer.from(session, 'hex') });
      pushFacts(authority, link, session);
    },
    busy(link) {
      if (link.opening.size > 0) return true;
      for (const channel of link.working) {
        if (channel.busy > 0) return true;
        link.working.delete(channel);
      }
      return false;
    },
    patient(link) {
      for (const channel of link.patient) {
        if (channel.held > 0) return true;
        link.patient.delete(channel);
      }
      return false;
    },
  };
};
