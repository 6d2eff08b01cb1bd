import { type IniKey, iniFlag, iniNumber, iniText, many, one } from '@keyhaven/core/ini';

// Keys of `hasplm.ini` (field-facts 2.2 to 2.8) that nothing uses yet, or never will. They are read, checked and left in the file. A value
// that asks for something is told louder than the value that such a file is born with.

export type KeptKey = {
  readonly ini: IniKey<unknown>;
  /** What a new file says; undefined where it says nothing, or any value is the same. */
  readonly usual?: string;
  /** Why it never does anything; absent = not yet. */
  readonly never?: string;
  readonly field: string;
};

const flag = (name: string, field: string, more: Partial<KeptKey> = {}): KeptKey => ({
  ini: one('SERVER', name, iniFlag, { kept: true }),
  usual: '0',
  field,
  ...more,
});
const count = (name: string, usual: string, max: number, field: string, more: Partial<KeptKey> = {}): KeptKey => ({
  ini: one('SERVER', name, iniNumber(0, max), { kept: true }),
  usual,
  field,
  ...more,
});
const text = (section: string, name: string, field: string, more: Partial<KeptKey> = {}): KeptKey => ({
  ini: one(section, name, iniText(4_096), { kept: true }),
  field,
  ...more,
});

const NO_DOWNLOADS = 'nothing is ever downloaded';
const NO_LIBRARIES = 'no vendor library is ever loaded';

export const keptKeys: readonly KeptKey[] = [
  count('pagerefresh', '3', 86_400, 'Display refresh time'),
  count('linesperpage', '20', 100_000, 'Table rows per page'),
  flag('enablehaspc2v', 'Generate C2V for HASP key'),
  count('old_files_delete_days', '90', 36_500, 'Delete temporary files after days'),
  flag('disable_um', 'Do Not Load hasplmv.exe', { never: NO_LIBRARIES }),
  flag('pidfile', 'Write PID file'),
  flag('passacc', 'Password Protection'),
  count('reservedseats', '0', 1_000_000, 'Reserved Licenses, seats'),
  count('reservedpercent', '0', 100, 'Reserved Licenses, percent'),
  count('commuter_delete_days', '7', 36_500, 'Delete expired detached records after days'),
  text('UPDATE', 'download_url', 'Language packs', { never: NO_DOWNLOADS }),
  text('UPDATE', 'update_host', 'Updates', { never: NO_DOWNLOADS }),
  text('UPDATE', 'language_url', 'Language packs', { never: NO_DOWNLOADS }),
  { ini: many('EMS', 'emsurl', iniText(4_096), { kept: true }), field: 'EMS address' },
];

/** Sections of `hasplm.ini` whose keys nobody has described; all of them are kept. */
export const keptSections: readonly string[] = ['VENDORS'];
