import { InvalidArgumentError } from 'commander';
import type { Terminal } from './passphrase.ts';

/** What the commands touch besides files; tests hand in their own. */
export type VendorIo = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  print(text: string): void;
};

/** A sentence for people, or one JSON document. */
export const tell = (io: VendorIo, json: boolean | undefined, text: string, value: unknown): void =>
  io.print(json === true ? JSON.stringify(value) : text);

export const wholeNumber =
  (min: number, max: number) =>
  (text: string): number => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
export const productId = wholeNumber(0, 65_471);
