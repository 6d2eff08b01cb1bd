import { Buffer } from 'node:buffer';
import { WireError } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type FileAnswer, type FileQuestion, fileParts } from '@keyhaven/core/link';
import { asLicensingError } from '../local/index.ts';
import { type Link, type Links, push } from './answerer-links.ts';
import { MAX_UNDER_WAY } from './file-asking.ts';

// What other LMs ask to be lent and give back (K5, K26). It is done beside the exchange that brought it, which is answered with *more* meanwhile (K7).

/** Who asks: proven by the link, and what it calls itself. */
export type FileAsker = { readonly guid: string; readonly host: string; readonly address: string };
/** Resolves to the file, of a return to nothing. What it rejects with is said to the other LM. */
export type AnswerFile = (from: FileAsker, wish: FileQuestion['wish'], document: Buffer) => Promise<Uint8Array>;

export type Files = {
  /** @throws WireError where more is asked at a time than may be */
  ask(link: Link, question: FileQuestion, address: string): void;
  /** Whether something is under way. */
  busy(link: Link): boolean;
};

/** BOUNDED: questions of all links under way. */
const MAX_TOGETHER = 256;

const refusalOf = (number: number, error: unknown): FileAnswer => {
  const { status, detail = '', remedy } = asLicensingError(error);
  return { kind: 'file', number, more: false, status, detail, remedy, part: Buffer.alloc(0) };
};

export const createFiles = (answer: AnswerFile | undefined, links: () => Links): Files => {
  const underWay = new Map<Link, number>(); // BOUNDED by MAX_TOGETHER
  let together = 0;
  const count = (link: Link, by: 1 | -1): void => {
    together += by;
    const of = (underWay.get(link) ?? 0) + by;
    if (of === 0) underWay.delete(link);
    else underWay.set(link, of);
  };
  const done = (link: Link, blocks: readonly FileAnswer[]): void => {
    if (!links().isOpen(link)) return;
    for (const block of blocks) push(link, block);
  };
  return {
    ask(link, { number, wish, document }, address) {
      if ((underWay.get(link) ?? 0) >= MAX_UNDER_WAY) throw new WireError('more files asked for at a time than may be');
      const { guid, hostname } = link.keys.peer;
      if (answer === undefined || together >= MAX_TOGETHER) {
        const detail = answer === undefined ? 'This license manager does not lend.' : 'Too many license managers ask at the same time.';
        done(link, [
          refusalOf(number, new LicensingError(answer === undefined ? Status.REQ_NOT_SUPP : Status.REMOTE_COMM_ERR, { detail })),
        ]);
        return;
      }
      count(link, 1);
      const settled = (blocks: readonly FileAnswer[]): void => {
        count(link, -1);
        done(link, blocks);
      };
      answer({ guid, host: hostname, address }, wish, Buffer.from(document)).then(
        (file) => settled(fileParts(number, file)),
        (error: unknown) => settled([refusalOf(number, error)]),
      );
    },
    busy: (link) => underWay.has(link),
  };
};
