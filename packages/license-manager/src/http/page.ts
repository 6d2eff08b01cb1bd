import { sayLicense } from '@keyhaven/core/admin';
import type { HttpFaces } from './faces.ts';

// The page at /: what an administrator wants to see first. Made on the server from the admin API's own shapes, without scripts; every text
// that came from elsewhere is escaped (S8).

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escapeHtml = (text: string | number): string =>
  String(text)
    .replaceAll(/[&<>"']/g, (each) => escapes[each] ?? '')
    .replaceAll(/\p{Cc}/gu, ' ');

const table = (title: string, heads: readonly string[], rows: readonly (readonly (string | number)[])[], none: string): string => {
  const head = heads.map((each) => `<th scope="col">${escapeHtml(each)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((each) => `<td>${escapeHtml(each)}</td>`).join('')}</tr>`).join('');
  return `<section><h2>${escapeHtml(title)}</h2>${rows.length === 0 ? `<p>${escapeHtml(none)}</p>` : `<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`}</section>`;
};

export const pageStyle = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); overflow-wrap: anywhere; }
`;

export const overviewPage = async (faces: HttpFaces): Promise<string> => {
  await faces.fresh();
  const status = faces.status();
  const { overview } = faces;
  const place = (local: boolean, hostname: string): string => (local ? 'Local' : hostname);
  const { duplicates = [] } = status;
  const sections = [
    ...(duplicates.length === 0
      ? []
      : [
          table(
            'Other computers with the LM id of this one',
            ['Address', 'Computer', 'Proven', 'Last heard', 'What to do'],
            duplicates.map(({ address, host, proven, at }) => [
              address,
              host ?? '',
              proven ? 'yes: one of the two is a copy' : 'no: it only says so',
              at,
              proven ? 'Run on one of them: keyhaven lm new-id' : '',
            ]),
            '',
          ),
        ]),
    table(
      'Keys',
      ['Key', 'Vendor', 'Type', 'Location', 'Updates'],
      overview.keys().map((key) => [key.key, key.vendor, key.type, place(key.local, key.licenseManager.hostname), key.updateCounter]),
      'No key is here and none was found on the network. Make one with: keyhaven c2v --vendor-code CODE --out FILE',
    ),
    table(
      'Features',
      ['Feature', 'Name', 'Product', 'Location', 'License', 'In use', 'Seats', 'Waiting'],
      (await overview.features()).map((each) => [
        each.feature,
        each.name,
        each.product,
        place(each.local, each.licenseManager.hostname),
        sayLicense(each.license),
        each.seats.used,
        each.seats.limit ?? 'unlimited',
        each.seats.waiting,
      ]),
      'No feature yet. Apply a license with: keyhaven apply FILE',
    ),
    table(
      'Sessions',
      ['Key', 'Location', 'Feature', 'User', 'Computer', 'Application', 'Process', 'Since'],
      overview
        .sessions('all')
        .map((each) => [
          each.key,
          place(each.local, each.location),
          each.feature ?? '',
          each.user,
          each.host,
          each.application,
          each.pid,
          each.since,
        ]),
      'No application uses a key of this computer, and none of this computer uses a key elsewhere.',
    ),
    table(
      'Other license managers',
      ['Computer', 'Address', 'State', 'Keys', 'GUID'],
      overview.peers().map((each) => [each.hostname, each.address, each.state, each.keys, each.guid]),
      'No other license manager was found.',
    ),
    table(
      'Latest refusals',
      ['At', 'Status', 'User', 'Computer', 'Address', 'Key', 'Feature', 'Why', 'Rule'],
      (await faces.audit({ kind: 'refused', limit: 10 })).map(({ at, scope, detail }) => [
        new Date(at).toISOString(),
        ...['status', 'user', 'host', 'address'].map((name) => detail[name]?.toString() ?? ''),
        scope === 'lm' ? '' : scope,
        ...['feature', 'cause'].map((name) => detail[name]?.toString() ?? ''),
        `${detail['rule']?.toString() ?? ''}${detail['ruleFile'] === undefined ? '' : ` (${String(detail['ruleFile'])}:${String(detail['ruleLine'])})`}`,
      ]),
      'Nobody was refused.',
    ),
  ];
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="3"><title>Keyhaven: ${escapeHtml(status.name)}</title><link rel="stylesheet" href="/style.css"></head><body><h1>Keyhaven Admin Control Center: ${escapeHtml(status.name)}</h1><p>Version ${escapeHtml(status.version)}, up for ${escapeHtml(status.uptime)} s, ${escapeHtml(status.tcp.join(', '))}</p>${sections.join('')}</body></html>\n`;
};
