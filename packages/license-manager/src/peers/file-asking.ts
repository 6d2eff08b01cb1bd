import { Buffer } from 'node:buffer';
import { LicensingError, Status, statusOf } from '@keyhaven/core/errors';
import { DOCUMENT_LIMIT } from '@keyhaven/core/license';
import type { FileAnswer, FileQuestion } from '@keyhaven/core/link';
import { type Clock, SECOND } from '@keyhaven/core/time';
import type { ToSend } from './link-caller.ts';

// Questions for files to one other LM (K5, K26): few at a time, each answered once, or refused. What may have been done although no answer came is for the
// caller to ask again: the same document twice is one act.

export type FileAsking = {
  /**
   * The file; of a return nothing.
   * @throws LicensingError what the peer says; OLD_LM (42) where it speaks no version 3; REMOTE_COMM_ERR (40) where it does not answer
   */
  ask(wish: FileQuestion['wish'], document: Uint8Array): Promise<Buffer>;
  /** @returns whether somebody waited for it */
  take(block: FileAnswer): boolean;
  /** The peer says that it has answered everything: what it did not answer it will not. */
  complete(): void;
  /** What was asked is lost. */
  broken(error: LicensingError): void;
};

/** BOUNDED: questions under way, here and at the answering LM; the rest wait. */
export const MAX_UNDER_WAY = 4;
/** BOUNDED: questions that wait. */
const MAX_WAITING = 64;
/** Shorter than a call of an application may take (A6), so that it hears 40 of this license manager and not its silence. */
const ANSWER_MS = 8 * SECOND;
/** Blocks of this version carry files. */
const NEEDED = 3;

type Question = {
  readonly wish: FileQuestion['wish'];
  readonly document: Uint8Array;
  readonly done: (file: Buffer) => void;
  readonly failed: (error: LicensingError) => void;
  readonly parts: Buffer[]; // BOUNDED by DOCUMENT_LIMIT
  size: number;
  sent: boolean;
  cancel: () => void;
};

const unreachable = (detail: string): LicensingError => new LicensingError(Status.REMOTE_COMM_ERR, { detail });

/** `nameOf`: of the peer, for people. */
export const createFileAsking = (clock: Clock, nameOf: () => string, send: (question: ToSend) => void): FileAsking => {
  const underWay = new Map<number, Question>(); // BOUNDED by MAX_UNDER_WAY
  let waiting: Question[] = []; // BOUNDED by MAX_WAITING
  let last = 0;

  const end = (number: number): Question | undefined => {
    const question = underWay.get(number);
    underWay.delete(number);
    question?.cancel();
    return question;
  };
  const fail = (number: number, error: LicensingError): void => end(number)?.failed(error);
  const next = (): void => {
    while (underWay.size < MAX_UNDER_WAY) {
      const question = waiting.shift();
      if (question === undefined) return;
      last = (last % 0xffff_ffff) + 1;
      const number = last;
      underWay.set(number, question);
      question.cancel = clock.after(ANSWER_MS, () => {
        fail(number, unreachable(`The license manager of ${nameOf()} did not answer.`));
        next();
      });
      send((version) => {
        if (underWay.get(number) !== question) return undefined;
        question.sent = true;
        if (version >= NEEDED) return { kind: 'ask file', number, wish: question.wish, document: question.document };
        const detail = `The license manager of ${nameOf()} speaks version ${version} of the link, and lending over the network needs version ${NEEDED}: upgrade the license manager of ${nameOf()}`;
        const remedy = `Upgrade Keyhaven on ${nameOf()}, or detach and return with files.`;
        fail(number, new LicensingError(Status.OLD_LM, { detail, remedy }));
        return undefined;
      });
    }
  };

  return {
    ask: (wish, document) =>
      new Promise((done, failed) => {
        if (waiting.length >= MAX_WAITING) {
          failed(unreachable(`Too much is asked of the license manager of ${nameOf()} already.`));
          return;
        }
        waiting.push({ wish, document, done, failed, parts: [], size: 0, sent: false, cancel: () => undefined });
        next();
      }),
    take({ number, more, status, detail, remedy, part }) {
      const question = underWay.get(number);
      if (question?.sent !== true) return false;
      if (status !== 0) {
        const known = statusOf(status) ?? Status.REMOTE_COMM_ERR;
        fail(number, new LicensingError(known, { ...(detail === '' ? {} : { detail }), ...(remedy === '' ? {} : { remedy }) }));
      } else {
        question.parts.push(Buffer.from(part));
        question.size += part.length;
        if (question.size > DOCUMENT_LIMIT || (more && part.length === 0))
          fail(number, unreachable(`The license manager of ${nameOf()} sent something larger than a license.`));
        else if (!more) end(number)?.done(Buffer.concat(question.parts));
      }
      next();
      return true;
    },
    complete() {
      for (const [number, { sent }] of [...underWay])
        if (sent) fail(number, unreachable(`The license manager of ${nameOf()} gave no answer to what it was asked.`));
      next();
    },
    broken(error) {
      const lost = [...underWay.keys()];
      const never = waiting;
      waiting = [];
      for (const number of lost) fail(number, error);
      for (const { failed } of never) failed(error);
    },
  };
};
