import type { FeatureInfo } from '@keyhaven/core/admin';
import { linkTo } from '../router.ts';
import { KeyLink, LicenseText, Location, Seats } from '../ui/bits.tsx';
import { type ListColumn, RemoteList } from '../ui/list.tsx';
import { Empty } from '../ui/notice.tsx';

const COUNTED = { login: 'Login', process: 'Process', station: 'Station' } as const;

const columns: readonly ListColumn<FeatureInfo>[] = [
  { head: 'Feature', sort: 'feature', numeric: true, cell: ({ feature }) => feature },
  { head: 'Name', sort: 'name', cell: ({ name }) => name },
  { head: 'Product', sort: 'product', numeric: true, cell: ({ product, key }) => <a href={linkTo('products', { key })}>{product}</a> },
  { head: 'Key', sort: 'key', cell: ({ key }) => <KeyLink id={key} /> },
  { head: 'Location', cell: (row) => <Location {...row} /> },
  { head: 'License', sort: 'ends', cell: ({ license }) => <LicenseText license={license} now={Date.now()} /> },
  {
    head: 'Seats',
    sort: 'used',
    cell: ({ seats, key, feature }) => (
      <a class="bare" href={linkTo('sessions', { key, feature })}>
        <Seats seats={seats} />
      </a>
    ),
  },
  { head: 'Counted by', cell: ({ count, network }) => `${COUNTED[count]}${network ? '' : ', here only'}` },
];

export const FeaturesPage = ({ query }: { readonly query: URLSearchParams }) => (
  <RemoteList
    list="features"
    caption="Features"
    wanted={query.get('q') ?? ''}
    filters={Object.fromEntries([...query].filter(([name]) => ['key', 'product'].includes(name)))}
    topics={['features', 'sessions', 'waiting']}
    columns={columns}
    keyOf={(row) => `${row.key} ${row.product} ${row.feature} ${row.licenseManager.guid}`}
    empty={
      <Empty title="No feature yet.">
        Features come with a license: <a href={linkTo('update')}>apply a license file</a>.
      </Empty>
    }
  />
);
