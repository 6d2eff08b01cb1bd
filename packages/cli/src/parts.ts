import { LicensingError, Status } from '@keyhaven/core/errors';
import { DAYS_FORMS, DURATION_FORMS, parseDays, parseDuration } from '@keyhaven/core/parse';
import { type Command, InvalidArgumentError } from 'commander';
import type { z } from 'zod';
import { askLm, parseTarget } from './lm-client.ts';

// What commands that ask the admin API have in common (C4).

/** The options of every command that asks a license manager. */
export type Common = { readonly lm: string; readonly json?: boolean };

const asBody = (value: object): { readonly type: string; readonly text: string } => ({
  type: 'application/json',
  text: JSON.stringify(value),
});

/** @throws LicensingError, that of the LM where it refused; LOCAL_COMM_ERR where it answers something else than this version of it does */
export const askJson = async <T>(
  shape: z.ZodType<T>,
  lm: string,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: object,
): Promise<T> => {
  const text = await askLm(parseTarget(lm), method, path, body === undefined ? undefined : asBody(body));
  try {
    const json: unknown = JSON.parse(text);
    return shape.parse(json);
  } catch (cause) {
    throw new LicensingError(Status.LOCAL_COMM_ERR, {
      detail: `${lm} did not answer like a license manager of this version.`,
      remedy: 'Upgrade the older one of the two.',
      cause,
    });
  }
};

/** @throws LicensingError, that of the LM where it refused */
export const askLmText = (lm: string, method: 'GET', path: string): Promise<string> => askLm(parseTarget(lm), method, path);

/** A reader of an option that is a whole number; anything else is wrong usage (exit status 2). */
export const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };

const within = (value: number | undefined, least: number, most: number, forms: string, unit: string): number => {
  if (value === undefined) throw new InvalidArgumentError(`It must be ${forms}.`);
  if (value >= least && value <= most) return value;
  throw new InvalidArgumentError(`It must be from ${least} to ${most} ${unit}; it is ${value}.`);
};

/** A reader of an option that is a duration; seconds. Anything else is wrong usage (exit status 2). */
export const duration =
  (least: number, most: number) =>
  (text: string): number =>
    within(parseDuration(text), least, most, DURATION_FORMS, 'seconds');

/** A reader of an option that is a number of days. Anything else is wrong usage (exit status 2). */
export const days =
  (least: number, most: number) =>
  (text: string): number =>
    within(parseDays(text), least, most, DAYS_FORMS, 'days');

/** Examples below the help of a command. */
export const withExamples = (command: Command, ...lines: readonly string[]): Command =>
  command.addHelpText('after', `\n${lines.length === 1 ? 'Example' : 'Examples'}:\n${lines.map((line) => `  ${line}\n`).join('')}`);
