import type { FeatureInfo, KeyInfo, PeerInfo, ProductInfo, SessionInfo } from '@keyhaven/core/admin';
import { useLive } from '../app-context.ts';
import { linkTo } from '../router.ts';
import { sayMoment } from '../ui/format.ts';
import { Empty, ProblemNotice, Waiting } from '../ui/notice.tsx';
import { labelOf, type SettingsAnswer, tabOf } from './configuration/fields.ts';
import type { AuditRecord, Paged } from './overview.tsx';
import { pages } from './places.ts';

// Search everywhere: what the license manager finds in each of its lists.

const SHOWN = 10;
type Hit = { readonly id: string; readonly text: string; readonly href: string };

const useFound = <Row,>(list: string, q: string, hitOf: (row: Row) => Hit) => {
  const { value, problem } = useLive<Paged<Row>>(`/api/v1/list/${list}?limit=${SHOWN}&q=${encodeURIComponent(q)}`, 'keys');
  return { list, problem, total: value?.total, hits: value?.items.map(hitOf) ?? [] };
};

const useFoundPlaces = (q: string): readonly Hit[] => {
  const { value } = useLive<SettingsAnswer>('/api/v1/settings', 'settings');
  const wanted = q.toLowerCase();
  const has = (...texts: readonly string[]): boolean => texts.some((each) => each.toLowerCase().includes(wanted));
  return [
    ...pages.filter(({ title }) => has(title)).map(({ name, title }) => ({ id: name, text: title, href: linkTo(name) })),
    ...(value?.settings ?? [])
      .filter(({ path, effect }) => has(path, labelOf(path), effect))
      .map(({ path }) => ({
        id: path,
        text: `${labelOf(path)} (${path})`,
        href: linkTo('configuration', { tab: tabOf(path), setting: path }),
      })),
  ];
};

export const SearchPage = ({ q }: { readonly q: string }) => {
  const all = [
    useFound<KeyInfo>('keys', q, ({ key, name, type, licenseManager }) => ({
      id: `${key} ${licenseManager.guid}`,
      text: [key, ...(name === undefined ? [] : [name]), type, licenseManager.hostname].join(', '),
      href: linkTo('key', { id: key }),
    })),
    useFound<ProductInfo>('products', q, ({ product, name, key }) => ({
      id: `${key} ${product}`,
      text: `${name} (${product}) in key ${key}`,
      href: linkTo('products', { q }),
    })),
    useFound<FeatureInfo>('features', q, ({ feature, name, key, product, licenseManager }) => ({
      id: `${key} ${product} ${feature} ${licenseManager.guid}`,
      text: `${name} (${feature}) in key ${key}`,
      href: linkTo('features', { q }),
    })),
    useFound<SessionInfo>('sessions', q, ({ id, user, host, application, feature }) => ({
      id,
      text: `${user} at ${host}, ${application}, feature ${feature}`,
      href: linkTo('sessions', { q }),
    })),
    useFound<AuditRecord>('audit', q, ({ sequence, at, kind, detail }) => ({
      id: String(sequence),
      text: `${sayMoment(at)}: ${kind} ${[detail['user'], detail['host'] ?? detail['address'], detail['cause']].filter(Boolean).join(', ')}`,
      href: linkTo('log', { tab: 'audit', q }),
    })),
    useFound<PeerInfo>('peers', q, ({ guid, hostname, address }) => ({
      id: guid,
      text: `${hostname} (${address})`,
      href: linkTo('network'),
    })),
  ];
  const places = useFoundPlaces(q);
  const problem = all.find((each) => each.problem !== undefined)?.problem;
  if (problem !== undefined) return <ProblemNotice problem={problem} />;
  if (all.some(({ total }) => total === undefined)) return <Waiting />;
  const found = all.filter(({ hits }) => hits.length > 0);
  if (found.length === 0 && places.length === 0)
    return (
      <Empty title={`“${q}” is in no key, product, feature, session or license manager.`}>
        Try a part of a name, a user, a computer or a number.
      </Empty>
    );
  return (
    <>
      {places.length === 0 ? null : (
        <section>
          <h2>Pages and settings</h2>
          <ul>
            {places.slice(0, SHOWN).map(({ id, text, href }) => (
              <li key={id}>
                <a href={href}>{text}</a>
              </li>
            ))}
          </ul>
        </section>
      )}
      {found.map(({ list, hits, total = 0 }) => (
        <section key={list}>
          <h2>{list === 'peers' ? 'Other license managers' : `${list.charAt(0).toUpperCase()}${list.slice(1)}`}</h2>
          <ul>
            {hits.map(({ id, text, href }) => (
              <li key={id}>
                <a href={href}>{text}</a>
              </li>
            ))}
          </ul>
          {total > hits.length ? (
            <p>
              <a href={list === 'peers' ? linkTo('network') : list === 'audit' ? linkTo('log', { tab: 'audit', q }) : linkTo(list, { q })}>
                All {total}
              </a>
            </p>
          ) : null}
        </section>
      ))}
    </>
  );
};
