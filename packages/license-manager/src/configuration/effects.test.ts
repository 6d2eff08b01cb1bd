import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keptKeys } from './kept-keys.ts';
import { settingRows } from './setting-rows.ts';

// C2: every setting has an effect that a test shows, or is declared without effect with a reason. A setting that is added without both fails here.

const root = join(import.meta.dirname, '../../../..');
const LM = 'packages/license-manager/src';

/** By setting: the source that acts on it, the test that shows what it does, and a word of that test. */
const EFFECTS: Readonly<Record<string, readonly [consumer: string, test: string, word: string]>> = {
  name: [`${LM}/admin-lm.ts`, 'test/e2e/configuration.test.ts', 'name'],
  bind: [`${LM}/listen-on.ts`, 'test/e2e/doctor-hosts.test.ts', 'bind = ['],
  port: [`${LM}/admin-doors.ts`, 'test/e2e/bad-state.test.ts', '--port'],
  localOnly: [`${LM}/listen-on.ts`, 'test/e2e/visibility.test.ts', 'localOnly = true'],
  ipv6: [`${LM}/listen-on.ts`, 'test/e2e/visibility.test.ts', 'ipv6'],
  adminPort: [`${LM}/admin-doors.ts`, 'test/e2e/visibility.test.ts', 'adminPort'],
  idleConnectionMinutes: [`${LM}/admin-lm.ts`, 'packages/core/src/wire/listening-connection.test.ts', 'idle'],
  sessionIdleMinutes: [`${LM}/admin-lm.ts`, `${LM}/authority/key-channel.test.ts`, 'idle'],
  'page.refreshSeconds': ['packages/control-center/src/app-context.ts', 'test/e2e/configured.test.ts', 'refreshSeconds: 7'],
  'page.rows': ['packages/control-center/src/ui/list.tsx', 'test/e2e/configured.test.ts', 'rows: 50'],
  'page.passwordForAll': [`${LM}/http/gate.ts`, 'test/e2e/near-remote.test.ts', 'passwordForAll = true'],
  pidFile: [`${LM}/admin-lm.ts`, 'test/e2e/configured.test.ts', 'keyhaven.pid'],
  temporaryFileDays: [`${LM}/admin-lm.ts`, `${LM}/machine/left-files.test.ts`, 'days'],
  hardwareC2v: [`${LM}/admin-lm.ts`, `${LM}/keystore/hardware-c2v.test.ts`, 'C2V'],
  'search.broadcast': [`${LM}/search-settings.ts`, 'test/e2e/discovery-routed.test.ts', 'broadcast'],
  'search.aggressive': [`${LM}/search-settings.ts`, 'test/e2e/between-lms.test.ts', 'aggressive = true'],
  'search.addresses': [`${LM}/search-names.ts`, 'test/e2e/between-lms.test.ts', 'addresses = ['],
  'search.intervalMinutes': [`${LM}/search-settings.ts`, 'packages/core/src/discovery/search.test.ts', 'interval'],
  'access.remoteClients': [`${LM}/access/rules-of-settings.ts`, 'test/e2e/access-modes.test.ts', 'remoteClients'],
  'access.remoteLicenses': [`${LM}/admin-lm.ts`, 'packages/core/src/doctor/diagnose.test.ts', 'remoteLicenses'],
  'access.remoteAdministration': [`${LM}/admin-lm.ts`, `${LM}/http/every-route.test.ts`, 'remoteAdministration: true'],
  'access.remoteMetrics': [`${LM}/records.ts`, `${LM}/http/callers.test.ts`, 'remoteMetrics: true'],
  'access.users': [`${LM}/access/rules-of-settings.ts`, 'test/e2e/access.test.ts', 'users'],
  'access.clients': [`${LM}/access/rules-of-settings.ts`, 'test/e2e/access-remote.test.ts', 'clients'],
  'access.publicAddress': [`${LM}/admin-lm.ts`, 'test/e2e/configured.test.ts', 'publicaddress ='],
  'protection.duplicateKey': [`${LM}/admin-lm.ts`, `${LM}/protection/keys-twice.test.ts`, "duplicateKey: 'warn'"],
  'protection.custom': [`${LM}/admin-lm.ts`, `${LM}/machine/fingerprint/linux.test.ts`, 'custom'],
  'detach.enabled': [`${LM}/transfer/detach-terms.ts`, `${LM}/transfer/detach-settings.test.ts`, 'enabled'],
  'detach.maxDays': [`${LM}/transfer/detach-terms.ts`, `${LM}/transfer/transfers.test.ts`, 'maxDays'],
  'detach.reservedSeats': [`${LM}/transfer/detach-terms.ts`, 'test/e2e/configured.test.ts', 'reservedseats = 2'],
  'detach.reservedPercent': [`${LM}/transfer/detach-terms.ts`, 'packages/core/src/transfer/reserved.test.ts', 'reservedPercent'],
  'detach.expiredDays': [`${LM}/transfer/expired.ts`, `${LM}/transfer/detach-settings.test.ts`, 'expired'],
  'detach.products': [`${LM}/transfer/detach-terms.ts`, 'test/e2e/configured.test.ts', 'rule = product:1,enabled=0'],
  'updates.folder': [`${LM}/admin-drop-folder.ts`, `${LM}/updates/drop-folder.test.ts`, 'folder'],
  'tls.certificate': [`${LM}/admin-start.ts`, 'test/e2e/proxy-tls.test.ts', 'certificate ='],
  'tls.key': [`${LM}/admin-start.ts`, 'test/e2e/proxy-tls.test.ts', 'key ='],
  'tls.peers': [`${LM}/admin-start.ts`, 'test/e2e/proxy-tls.test.ts', 'peers'],
  'tls.authorities': [`${LM}/admin-start.ts`, 'test/e2e/proxy-tls.test.ts', 'authorities'],
  'proxy.connect': [`${LM}/admin-start.ts`, 'test/e2e/proxy-tls.test.ts', 'connect = "manual"'],
  'proxy.host': [`${LM}/admin-start.ts`, 'test/e2e/proxy-tls.test.ts', 'host ='],
  'proxy.port': [`${LM}/admin-start.ts`, `${LM}/peers/carriages.test.ts`, 'port'],
  'log.access': [`${LM}/log/logs.ts`, `${LM}/log/logs.test.ts`, 'access = true'],
  'log.local': ['packages/core/src/log/access-line.ts', `${LM}/log/logs.test.ts`, 'local = true'],
  'log.remote': ['packages/core/src/log/access-line.ts', `${LM}/log/logs.test.ts`, 'remote = true'],
  'log.admin': ['packages/core/src/log/access-line.ts', `${LM}/log/logs.test.ts`, 'admin = true'],
  'log.errors': [`${LM}/log/logs.ts`, 'test/e2e/health.test.ts', 'errors = true'],
  'log.daily': [`${LM}/log/log-file.ts`, `${LM}/log/log-file.test.ts`, 'daily: true'],
  'log.accessMaxKb': [`${LM}/log/logs.ts`, `${LM}/log/log-file.test.ts`, 'maxBytes'],
  'log.errorMaxKb': [`${LM}/log/logs.ts`, `${LM}/log/log-file.test.ts`, 'maxBytes'],
  'log.compressDays': [`${LM}/log/logs.ts`, `${LM}/log/log-file.test.ts`, 'compressDays: 2'],
  'log.deleteDays': [`${LM}/log/logs.ts`, `${LM}/log/log-file.test.ts`, 'deleteDays: 4'],
  'log.pattern': [`${LM}/log/logs.ts`, `${LM}/log/logs.test.ts`, 'pattern'],
  'log.json': [`${LM}/log/logs.ts`, `${LM}/log/logs.test.ts`, 'json: true'],
  'log.directory': [`${LM}/records.ts`, `${LM}/log/log-file.test.ts`, 'directory'],
  'limits.connections': [`${LM}/admin-doors.ts`, `${LM}/front/front.test.ts`, 'connections: 16'],
  'limits.connectionsPerAddress': [`${LM}/admin-doors.ts`, `${LM}/front/front.test.ts`, 'connectionsPerAddress: 8'],
  'limits.firstByteSeconds': [`${LM}/admin-doors.ts`, `${LM}/front/front.test.ts`, 'firstByteMs'],
  'rest.idleSeconds': [`${LM}/compat/open.ts`, `${LM}/compat/rest-idle.test.ts`, 'idleSeconds'],
  'compat.newLmIdByGet': [`${LM}/compat/action-routes.ts`, `${LM}/compat/pages.test.ts`, 'make a new LM id only where that is switched on'],
};

const read = (file: string): string => (existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : '');

describe('every setting of an Admin LM', () => {
  it('is in the table of effects, and nothing else is', () => {
    expect(Object.keys(EFFECTS).toSorted()).toEqual(settingRows.map(({ path }) => path).toSorted());
  });

  it.each(Object.entries(EFFECTS))('%s is acted on, and a test shows its effect', (path, [consumer, test, word]) => {
    const name = path.split('.').at(-1) ?? '';
    expect(read(consumer), consumer).toMatch(new RegExp(`\\b${name}\\b`));
    expect(read(test), test).toContain(word);
  });

  it('that has no effect says why', () => {
    for (const { ini, never } of keptKeys) expect(never, ini.names[0]).toMatch(/\w+ \w+/);
  });
});
