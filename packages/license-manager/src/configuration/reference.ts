import { z } from 'zod';
import { settingsSchema } from '../settings.ts';
import { keptKeys } from './kept-keys.ts';
import { ruleSections, settingRows } from './setting-rows.ts';

// The reference of all settings, as it is in docs/guide/operate.md: from the schema what a setting may be and is by default, from the rows its
// key in an ini file and its effect.

/** A JSON schema as far as settings need it. */
type Schema = {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly enum?: readonly unknown[];
};
export type SettingFacts = { readonly path: string; readonly type: string; readonly default: string; readonly bounds: string };

const boundsOf = (schema: Schema): string => {
  if (schema.enum !== undefined) return schema.enum.map((each) => JSON.stringify(each)).join(' or ');
  if (schema.minimum !== undefined) return `${schema.minimum} to ${schema.maximum}`;
  if (schema.maxLength !== undefined) return `${schema.minLength} to ${schema.maxLength} characters`;
  return schema.maxItems === undefined ? '-' : `up to ${schema.maxItems}`;
};

const factsOf = (schema: Schema, path = '', required = false): SettingFacts[] => {
  if (schema.properties === undefined) {
    const none = required ? 'required' : 'none';
    const value = schema.default === undefined ? none : JSON.stringify(schema.default);
    return [{ path, type: schema.type ?? '', default: value, bounds: boundsOf(schema) }];
  }
  return Object.entries(schema.properties).flatMap(([name, each]) =>
    factsOf(each, path === '' ? name : `${path}.${name}`, schema.required?.includes(name) ?? false),
  );
};

/** Every setting that the schema has. */
export const settingFacts = (): readonly SettingFacts[] => factsOf(z.toJSONSchema(settingsSchema, { io: 'input' }) as Schema);

const iniNameOf = (path: string): string => {
  const rules = Object.values(ruleSections).find((each) => each.path === path);
  if (rules !== undefined) return rules.ini;
  const row = settingRows.find((each) => each.path === path);
  return row === undefined ? '?' : `[${row.ini.section}] ${row.ini.names[0]}`;
};

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n');

/** Markdown. */
export const settingsTable = (): string =>
  table(
    ['Setting', 'Key in an ini file', 'Type', 'Default', 'Bounds', 'A change holds', 'Meaning'],
    settingFacts().map(({ path, type, default: value, bounds }) => {
      const row = settingRows.find((each) => each.path === path);
      return [
        `\`${path}\``,
        `\`${iniNameOf(path)}\``,
        type,
        value,
        bounds,
        row?.live === true ? 'at once' : 'after a restart',
        row?.effect ?? '?',
      ];
    }),
  );

/** Markdown. */
export const keptTable = (): string =>
  table(
    ['Key of `hasplm.ini`', 'Its field', 'Why it does nothing'],
    keptKeys.map(({ ini, field, never }) => [`\`[${ini.section}] ${ini.names[0]}\``, field, never]),
  );
