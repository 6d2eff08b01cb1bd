import { type Checked, quoted } from './test-of-text.ts';

// What the XML form of a scope may carry besides the scope: how a feature is to be logged in to (field-facts 1.4).

export type LoginOptions = {
  /** Seats that the session takes together; 1 unless given. */
  readonly seats?: number;
  /** Executions that the login uses up; 1 unless given. */
  readonly executions?: number;
  /** End the session when the license expires; false unless given. */
  readonly dieAtExpiration?: boolean;
  /** Take over a cloud session that another computer holds; false unless given. */
  readonly occupyCloudSession?: boolean;
};

const optionNames = ['network_seats_to_consume', 'execution_count_to_consume', 'die_at_expiration', 'occupy_cloud_session'] as const;
export type OptionName = (typeof optionNames)[number];

export const optionOf = (name: string): OptionName | undefined => optionNames.find((option) => option === name);

/** `options` with one more; a second value that differs from the first is a fault. */
export function readOption(options: LoginOptions, name: OptionName, text: string): Checked<LoginOptions> {
  const next = withOption(options, name, text.trim());
  if (next === undefined) return { kind: 'fault', reason: `${quoted(text)} is not a value of ${name}` };
  const [before, after] = [optionAttributes(options)[name], optionAttributes(next)[name]];
  if (before !== undefined && before !== after) return { kind: 'fault', reason: `${name} is given twice` };
  return { kind: 'ok', value: next };
}

/** The attributes of the feature element that say the same. */
export function optionAttributes(options: LoginOptions): Readonly<Partial<Record<OptionName, string>>> {
  return {
    ...(options.seats === undefined ? {} : { network_seats_to_consume: String(options.seats) }),
    ...(options.executions === undefined ? {} : { execution_count_to_consume: String(options.executions) }),
    ...(options.dieAtExpiration === undefined ? {} : { die_at_expiration: options.dieAtExpiration ? '1' : '0' }),
    ...(options.occupyCloudSession === undefined ? {} : { occupy_cloud_session: options.occupyCloudSession ? '1' : '0' }),
  };
}

function withOption(options: LoginOptions, name: OptionName, text: string): LoginOptions | undefined {
  const count = /^\d{1,10}$/.test(text) && Number(text) >= 1 && Number(text) <= 0xffff_ffff ? Number(text) : undefined;
  const choice = text === '1' ? true : text === '0' ? false : undefined;
  switch (name) {
    case 'network_seats_to_consume':
      return count === undefined ? undefined : { ...options, seats: count };
    case 'execution_count_to_consume':
      return count === undefined ? undefined : { ...options, executions: count };
    case 'die_at_expiration':
      return choice === undefined ? undefined : { ...options, dieAtExpiration: choice };
    case 'occupy_cloud_session':
      return choice === undefined ? undefined : { ...options, occupyCloudSession: choice };
  }
}
