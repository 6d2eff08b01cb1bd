import { iniFlag, iniNumber, one } from '@keyhaven/core/ini';
import { row, type SettingRow, whole } from './setting-row.ts';

/** The basic settings of an existing license manager that are neither of the network nor of logs (field-facts 2.2). */
export const pageRows: readonly SettingRow[] = [
  row(
    'page.refreshSeconds',
    one('SERVER', 'pagerefresh', iniNumber(0, 86_400)),
    true,
    '"Display refresh time": seconds after which the Admin Control Center shows a page anew. In an ini file 0 is 1.',
    { read: (seconds) => Math.max(1, seconds) },
  ),
  row(
    'page.rows',
    one('SERVER', 'linesperpage', iniNumber(0, 100_000)),
    true,
    '"Table rows per page" of the Admin Control Center. In an ini file what is out of the bounds is the nearest that is not.',
    { read: (rows) => Math.min(1_000, Math.max(1, rows)) },
  ),
  row(
    'page.passwordForAll',
    one('SERVER', 'passacc', iniFlag),
    true,
    '"Password Protection": where a password is set, it is needed on this computer, too, for all that the page and the admin API show and do; else for the configuration only. `/metrics` needs none here.',
  ),
  row(
    'pidFile',
    one('SERVER', 'pidfile', iniFlag),
    false,
    '"Write PID file": the number of the process in `keyhaven.pid` in the state directory, until it ends.',
  ),
  row(
    'temporaryFileDays',
    one('SERVER', 'old_files_delete_days', whole),
    true,
    'Days after which temporary files of its own are deleted that a crash left in the state directory. 0: never.',
  ),
  row(
    'hardwareC2v',
    one('SERVER', 'enablehaspc2v', iniFlag),
    true,
    '"Generate C2V for HASP key": C2V documents of keys in hardware are made, signed by the key itself. Off: refused with error 16.',
  ),
];
