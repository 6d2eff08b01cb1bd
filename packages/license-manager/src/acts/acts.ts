import { LicensingError, Status } from '@keyhaven/core/errors';
import { type Clock, SECOND } from '@keyhaven/core/time';
import { ASK, type Ask, type Hello } from '@keyhaven/core/wire';
import type { AuditEntry, Ledger, RowKey } from '@keyhaven/ledger';

// Every administrative act is in the audit with who, from where, what and how it ended (C5). Its intent is durable before it begins, so that an act whose
// record cannot be kept is not done; its end takes the place of the intent. Where the disk takes the intent and not the end, the end is owed, told as an
// error, and tried again until it is written; an intent that outlived its license manager is in the audit as an act of which nobody saw the end.

export type Act = {
  /** Method and path as they were asked, without the query; of an application, what it asked for. */
  readonly act: string;
  /** With the password, as a user of this computer without it, an application, or another license manager over its link. */
  readonly by: 'administrator' | 'local user' | 'application' | 'license manager';
  readonly address: string;
  /** Of an application, as it says. */
  readonly user?: string;
  readonly host?: string;
  readonly pid?: number;
  readonly application?: string;
  /** GUID of another license manager, as it has proven it. */
  readonly holder?: string;
};
/** `status` of the catalogue; 0 = done. */
type End = { readonly status: number; readonly cause?: string };

export type Acts = {
  /**
   * Does `work` between its intent and its end, and answers as it does when the end is written, or owed.
   * Rejects with DEVICE_ERR (43) before `work` where the disk does not take the intent.
   */
  perform<T>(act: Act, work: () => T | Promise<T>): Promise<T>;
  /** Acts that are over and whose end the disk has not taken yet. */
  owed(): number;
  close(): void;
};

/** BOUNDED: characters of what is said. */
const MOST = 300;
const AGAIN_MS = 5 * SECOND;

const endOf = (error: unknown): End => ({
  status: error instanceof LicensingError ? error.status : Status.INT_ERR,
  cause: (error instanceof Error ? error.message : String(error)).slice(0, MOST),
});
const entryOf = (act: Act, end: End): AuditEntry => ({
  kind: 'administration',
  scope: 'lm',
  detail: { ...act, act: act.act.slice(0, MOST), ...end },
});
const PREFIX = 'lm/act/';

/** What an application of this computer does to licenses. */
export const applicationAct = (act: string, application: Hello | undefined): Act => {
  const { pid = 0, user = '', host = '', application: name = '' } = application ?? {};
  return { act, by: 'application', address: '127.0.0.1', user, host, pid, application: name };
};

/** What a question makes; undefined where it only asks. */
export const askedAct = ({ wanted }: Pick<Ask, 'wanted'>): string | undefined =>
  (wanted & ASK.recipient) !== 0 ? 'make ID' : (wanted & ASK.newKey) !== 0 ? 'make key' : undefined;

/**
 * @param options.alone nobody else has this ledger, so that every intent in it at the start was left behind. A ledger that processes share (T3, T4) has no
 * intents: one of them cannot tell which are left behind, and what applications do to keys of their user is done by the user.
 */
export const openActs = async (options: {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly alone: boolean;
  /** Of this start. */
  readonly name: string;
  readonly onEvent: (event: { readonly level: 'error' | 'info'; readonly event: string; readonly [detail: string]: unknown }) => void;
}): Promise<Acts> => {
  const { ledger, clock, alone, name, onEvent } = options;
  const owed = new Map<RowKey | AuditEntry, AuditEntry>(); // BOUNDED by acts at a time: while an end is owed and refused, intents are refused, too
  let number = 0;
  let closed = false;
  let cancel = (): void => undefined;

  const write = (intent: RowKey | undefined, entry: AuditEntry): Promise<void> =>
    ledger.update(intent === undefined ? [] : [intent], () => ({
      changes: intent === undefined ? [] : [{ key: intent, row: undefined }],
      audit: [entry],
      reply: undefined,
    }));

  if (alone) {
    const cause = 'its end was not written down: the license manager was ended before';
    for await (const [key, act] of ledger.scan<Act>(PREFIX)) {
      // What cannot be written now is there at the next start.
      await write(key, entryOf(act, { status: Status.INT_ERR, cause })).catch(() => undefined);
    }
  }

  const again = async (): Promise<void> => {
    for (const [intent, entry] of owed) {
      if (closed) return;
      try {
        await write(typeof intent === 'string' ? intent : undefined, entry);
        owed.delete(intent);
      } catch {
        break;
      }
    }
    if (closed) return;
    if (owed.size > 0) cancel = clock.after(AGAIN_MS, () => void again());
    else onEvent({ level: 'info', event: 'the audit of administration is complete again' });
  };
  const end = async (intent: RowKey | undefined, entry: AuditEntry): Promise<void> => {
    try {
      await write(intent, entry);
    } catch (error) {
      const { act, by, address, status } = entry.detail;
      onEvent({ level: 'error', event: 'the end of an administrative act is not in the audit yet', act, by, address, status, error });
      const first = owed.size === 0;
      owed.set(intent ?? entry, entry);
      if (first && !closed) cancel = clock.after(AGAIN_MS, () => void again());
    }
  };

  /** @throws LicensingError DEVICE_ERR (43) */
  const begin = async (act: Act): Promise<RowKey | undefined> => {
    if (!alone) return undefined;
    number += 1;
    const key: RowKey = `${PREFIX}${name}-${number}`;
    try {
      await ledger.update([key], () => ({ changes: [{ key, row: act }], audit: [], reply: undefined }));
      return key;
    } catch (error) {
      // Where the rows of the license manager itself are damaged, the audit is not: it gets both.
      if (error instanceof LicensingError && error.status === Status.STORAGE_CORRUPT) {
        await ledger.update([], () => ({
          changes: [],
          audit: [{ ...entryOf(act, { status: 0 }), kind: 'administration begun' }],
          reply: undefined,
        }));
        return undefined;
      }
      throw new LicensingError(Status.DEVICE_ERR, {
        detail: 'It is not done: it could not be written down in the audit before.',
        remedy: 'Make space on the disk of the state directory, or see the log for what is wrong with it; then ask again.',
        cause: error,
      });
    }
  };

  return {
    async perform(act, work) {
      const intent = await begin(act);
      let answer: Awaited<ReturnType<typeof work>>;
      try {
        answer = await work();
      } catch (error) {
        await end(intent, entryOf(act, endOf(error)));
        throw error;
      }
      await end(intent, entryOf(act, { status: Status.OK }));
      return answer;
    },
    owed: () => owed.size,
    close() {
      closed = true;
      cancel();
    },
  };
};
