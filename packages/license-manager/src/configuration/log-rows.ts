import { iniFlag, iniText, one } from '@keyhaven/core/ini';
import { row, type SettingRow, whole } from './setting-row.ts';

/** The settings of the logs (C5). */
export const logRows: readonly SettingRow[] = [
  row(
    'log.access',
    one('SERVER', 'requestlog', iniFlag),
    true,
    '"Write Access Log": what was asked and answered, of the kinds that are switched on, too. See [monitoring.md](monitoring.md#logs).',
  ),
  row('log.local', one('SERVER', 'loglocal', iniFlag), true, 'The access log has what applications of this computer ask.'),
  row('log.remote', one('SERVER', 'logremote', iniFlag), true, 'The access log has what other computers ask.'),
  row('log.admin', one('SERVER', 'logadmin', iniFlag), true, 'The access log has requests of the page and of the admin API.'),
  row('log.errors', one('SERVER', 'errorlog', iniFlag), true, '"Write Error Log": warnings and errors.'),
  row('log.daily', one('SERVER', 'rotatelogs', iniFlag), true, '"Write Log Files Daily": a new file every day (UTC).'),
  row(
    'log.accessMaxKb',
    one('SERVER', 'access_log_maxsize', whole),
    true,
    'Kilobytes after which the access log begins a new file. 0: never.',
  ),
  row(
    'log.errorMaxKb',
    one('SERVER', 'error_log_maxsize', whole),
    true,
    'Kilobytes after which the error log begins a new file. 0: never.',
  ),
  row(
    'log.compressDays',
    one('SERVER', 'zip_logs_days', whole),
    true,
    'Days after which files that are not written any more are compressed (gzip). 0: never.',
  ),
  row(
    'log.deleteDays',
    one('SERVER', 'delete_logs_days', whole),
    true,
    'Days after which files that are not written any more are deleted. 0: never.',
  ),
  row(
    'log.pattern',
    one('LOGPARAMETERS', 'text', iniText(4_096)),
    true,
    '"Edit Log Parameters": what a line of the access log has. See [monitoring.md](monitoring.md#logs).',
  ),
  row('log.json', one('LOGPARAMETERS', 'json', iniFlag), true, 'Lines of both logs are JSON documents, and `log.pattern` is not used.'),
  row(
    'log.directory',
    one('LOGPARAMETERS', 'directory', iniText(4_096)),
    false,
    'The folder of the logs. Without it, `logs` in the state directory.',
  ),
];
