import { type IniKey, iniFlag, iniText, many, one } from '@keyhaven/core/ini';

// Keys of `hasplm.ini` (field-facts 2.2 to 2.8) that nothing will ever use, each with its reason. They are read, checked and left in the file.

export type KeptKey = {
  readonly ini: IniKey<unknown>;
  readonly field: string;
  /** Why it never does anything. */
  readonly never: string;
};

const kept = { kept: true } as const;
const text = (name: string, field: string, never: string): KeptKey => ({ ini: one('UPDATE', name, iniText(4_096), kept), field, never });

const NO_DOWNLOADS = 'nothing is ever downloaded';

export const keptKeys: readonly KeptKey[] = [
  { ini: one('SERVER', 'disable_um', iniFlag, kept), field: 'Do Not Load hasplmv.exe', never: 'no vendor library is ever loaded' },
  text('download_url', 'Language packs', NO_DOWNLOADS),
  text('update_host', 'Updates', NO_DOWNLOADS),
  text('language_url', 'Language packs', NO_DOWNLOADS),
  { ini: many('EMS', 'emsurl', iniText(4_096), kept), field: 'EMS address', never: 'no server of a vendor is ever asked' },
];

/** Sections of `hasplm.ini` whose keys nobody has described; all of them are kept. */
export const keptSections: readonly string[] = ['VENDORS'];
