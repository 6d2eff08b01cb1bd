import { WireError } from '../bytes/index.ts';
import { LicensingError, Status } from '../errors/index.ts';

// How two ends that were made at different times find a version that both speak (T6). Whoever begins names the lowest and the highest that
// it speaks, whoever answers picks the highest that it speaks too. Where there is none, one of the two is too old, and the refusal says
// which: 42 (OLD_LM) where the answering license manager is, 11 (OLD_DRIVER) where whoever began is. docs/protocol/README.md V1.

export type VersionRange = { readonly from: number; readonly to: number };

/** For the sentence of a refusal: what is spoken, and how the two ends are called. */
export type Conversation = { readonly protocol: string; readonly beginning: string; readonly answering: string };

export const spanOf = ({ from, to }: VersionRange): string => (from === to ? `version ${from}` : `versions ${from} to ${to}`);

/**
 * The version to speak, for the answering end.
 * @throws WireError where the range of the beginning end is empty; LicensingError OLD_LM (42) or OLD_DRIVER (11)
 */
export const chooseVersion = (ours: VersionRange, theirs: VersionRange, { protocol, beginning, answering }: Conversation): number => {
  if (theirs.from > theirs.to) throw new WireError('a range of versions that is empty');
  if (theirs.from <= ours.to && theirs.to >= ours.from) return Math.min(theirs.to, ours.to);
  const weAreOld = theirs.from > ours.to;
  const [old, good] = weAreOld ? [answering, theirs.from] : [beginning, ours.from];
  throw new LicensingError(weAreOld ? Status.OLD_LM : Status.OLD_DRIVER, {
    detail: `In the ${protocol}, ${beginning} speaks ${spanOf(theirs)} and ${answering} ${spanOf(ours)}: upgrade ${old}`,
    remedy: `Upgrade ${old} to a release that speaks version ${good} of the ${protocol}.`,
  });
};
