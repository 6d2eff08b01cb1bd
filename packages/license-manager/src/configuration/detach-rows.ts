import { iniDecimal, iniFlag, iniNumber, iniText, many, one } from '@keyhaven/core/ini';
import { row, type SettingRow, whole } from './setting-row.ts';

/** The settings of detaching (K5). */
export const detachRows: readonly SettingRow[] = [
  row(
    'detach.enabled',
    one('SERVER', 'enabledetach', iniFlag),
    true,
    'Detaching of licenses to other computers. Without it, administrators may and applications may not; `false`: nobody; `true`: both.',
  ),
  row('detach.maxDays', one('SERVER', 'detachmaxdays', iniDecimal), true, 'Days for which a license is detached at most.'),
  row(
    'detach.reservedSeats',
    one('SERVER', 'reservedseats', whole),
    true,
    '"Reserved Licenses": so many seats of each feature stay for logins here and are never detached. Of this and `detach.reservedPercent` the greater holds.',
  ),
  row(
    'detach.reservedPercent',
    one('SERVER', 'reservedpercent', iniNumber(0, 100)),
    true,
    '"Reserved Licenses" in percent of the seats of each feature, rounded up.',
  ),
  row(
    'detach.expiredDays',
    one('SERVER', 'commuter_delete_days', whole),
    true,
    'Days after its end when a license that was detached to this computer is deleted, with its memory; its owner has the seats back by then, if it has run meanwhile. 0: never.',
  ),
  row(
    'detach.products',
    many('DETACH', 'rule', iniText(256)),
    true,
    '"Per-Product Settings": rules such as `product:5,enabled=0,maxdays=7,reserved=2`, one to an entry, also with `vendor:`, `key:` and `reservedpercent=`. The first that matches says what it says; the rest is as for all products.',
  ),
];
