import { type IniKey, iniNumber } from '@keyhaven/core/ini';
import type { Decoder } from '@keyhaven/core/parse';

// One setting of an Admin LM, as the tables of them are made of.

export type SettingRow = {
  /** As in the schema: `search.broadcast`. */
  readonly path: string;
  readonly ini: IniKey<unknown>;
  /** From what the key says to what the schema takes. */
  readonly read?: (value: never) => unknown;
  /** From the setting to the values of the key; what the setting itself is written as where absent. */
  readonly write?: (setting: unknown) => readonly string[];
  /** Changed while the license manager runs; else after a restart. */
  readonly live: boolean;
  readonly effect: string;
};

export const whole: Decoder<number> = iniNumber(0, Number.MAX_SAFE_INTEGER);

export const row = <T>(
  path: string,
  ini: IniKey<T>,
  live: boolean,
  effect: string,
  more: { readonly read?: (value: T & {}) => unknown; readonly write?: SettingRow['write'] } = {},
): SettingRow => ({ path, ini, live, effect, ...more }) as SettingRow; // The reader gets what its own key reads.
