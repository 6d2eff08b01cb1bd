import type { FeatureInfo, LmStatus } from '@keyhaven/core/admin';
import { useState } from 'preact/hooks';
import { useLive } from '../app-context.ts';
import { linkTo } from '../router.ts';
import { KeyLink, LicenseText, Location, Seats } from '../ui/bits.tsx';
import { type ListColumn, RemoteList } from '../ui/list.tsx';
import { Empty } from '../ui/notice.tsx';
import { useDetached } from './products.tsx';

const COUNTED = { login: 'Login', process: 'Process', station: 'Station' } as const;

/** From where it may be used: this computer, others, remote desktops, virtual machines. */
const accessOf = ({ network, remoteDesktop, virtualMachine }: FeatureInfo): string =>
  ['Loc', network ? 'Net' : '', remoteDesktop === true ? 'Display' : '', virtualMachine === true ? 'VM' : ''].filter(Boolean).join(', ');

type Peaks = {
  readonly items: readonly {
    readonly key: string;
    readonly product: number;
    readonly feature: number;
    readonly peaks: { readonly max: number } | null;
  }[];
};

/** The most seats at a time since the license manager was started. */
const usePeaks = (): ((of: FeatureInfo) => number | undefined) => {
  const status = useLive<LmStatus>('/api/v1/status', 'status').value;
  // The start is the same moment in each answer, but for the second that is cut off.
  const [start, setStart] = useState<string>();
  if (status !== undefined && start === undefined) setStart(new Date(Date.now() - (status.uptime + 1) * 1_000).toISOString());
  const { value } = useLive<Peaks>(start === undefined ? undefined : `/api/v1/usage?from=${start}&by=feature`, 'sessions');
  return ({ key, product, feature, seats, local }) => {
    if (!local || value === undefined) return undefined;
    const found = value.items.find((each) => each.key === key && each.product === product && each.feature === feature);
    return Math.max(found?.peaks?.max ?? 0, seats.used);
  };
};

export const FeaturesPage = ({ query }: { readonly query: URLSearchParams }) => {
  const peak = usePeaks();
  const detached = useDetached();
  const columns: readonly ListColumn<FeatureInfo>[] = [
    { head: 'Feature', sort: 'feature', numeric: true, cell: ({ feature }) => feature },
    { head: 'Name', sort: 'name', room: 'roomy', cell: ({ name }) => name },
    { head: 'Product', sort: 'product', numeric: true, cell: ({ product, key }) => <a href={linkTo('products', { key })}>{product}</a> },
    { head: 'Key', sort: 'key', cell: ({ key }) => <KeyLink id={key} /> },
    { head: 'Location', cell: (row) => <Location {...row} /> },
    { head: 'Restrictions', sort: 'ends', cell: ({ license }) => <LicenseText license={license} now={Date.now()} /> },
    { head: 'Access', cell: accessOf },
    { head: 'Counting', cell: ({ count }) => COUNTED[count] },
    {
      head: 'Logins',
      sort: 'used',
      cell: ({ seats, key, product, feature, local }) =>
        local ? (
          <a class="bare" href={linkTo('sessions', { key, product, feature })}>
            <Seats seats={seats} />
          </a>
        ) : (
          <Seats seats={seats} />
        ),
    },
    {
      head: 'Peak',
      numeric: true,
      cell: (row) => <span title="Most seats at a time since the license manager was started">{peak(row)}</span>,
    },
    { head: 'Detached', numeric: true, cell: (row) => (!row.local || row.detachable !== true ? '' : detached(row)) },
  ];
  return (
    <RemoteList
      list="features"
      caption="Features"
      query={query}
      filters={{ key: 'Key', product: 'Product', vendor: 'Vendor', feature: 'Feature' }}
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
};
