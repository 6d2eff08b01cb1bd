import type { KeyInfo, ProductInfo } from '@keyhaven/core/admin';
import { useState } from 'preact/hooks';
import { useApp, useLive } from '../app-context.ts';
import { linkTo } from '../router.ts';
import { KeyLink, Location } from '../ui/bits.tsx';
import { sayDay, sayLimit } from '../ui/format.ts';
import { type ListColumn, RemoteList } from '../ui/list.tsx';
import { Empty, Waiting } from '../ui/notice.tsx';
import { DetachDialog } from './detach.tsx';
import { DetachHereDialog } from './detach-here.tsx';
import type { Lent } from './key.tsx';
import { LentActions } from './lent-actions.tsx';
import type { Returning } from './lent-here.ts';
import type { Paged } from './overview.tsx';
import { ReturningSection } from './returning.tsx';

/** Seats of a product that are with other computers. */
export const useDetached = (): ((of: { readonly key: string; readonly product: number }) => number) => {
  const { value } = useLive<readonly Lent[]>('/api/v1/detached', 'keys', 'features');
  return ({ key, product }) =>
    (value ?? []).filter((each) => each.key === key && each.product === product).reduce((sum, { seats }) => sum + seats, 0);
};

export const ProductsPage = ({ query }: { readonly query: URLSearchParams }) => {
  const { rights } = useApp();
  const [wanted, setWanted] = useState<ProductInfo>();
  const detached = useDetached();
  const here = useLive<Paged<KeyInfo>>('/api/v1/list/keys?local=true&limit=1000', 'keys');
  const returns = useLive<readonly Returning[]>('/api/v1/returns', 'keys', 'peers');
  const lentOf = (key: string) => here.value?.items.find((each) => each.key === key)?.lent;
  const columns: readonly ListColumn<ProductInfo>[] = [
    { head: 'Product', sort: 'product', numeric: true, cell: ({ product }) => product },
    { head: 'Name', sort: 'name', room: 'roomy', cell: ({ name }) => name },
    { head: 'Vendor', sort: 'vendor', numeric: true, cell: ({ vendor }) => vendor },
    { head: 'Key', sort: 'key', cell: ({ key }) => <KeyLink id={key} /> },
    { head: 'Location', cell: (row) => <Location {...row} /> },
    {
      head: 'Features',
      numeric: true,
      cell: ({ features, key, product }) => <a href={linkTo('features', { key, product })}>{features}</a>,
    },
    { head: 'Seats', numeric: true, cell: ({ seats }) => sayLimit(seats) },
    {
      head: 'Detachable',
      cell: ({ local, detachable, key }) => {
        const lent = local ? lentOf(key) : undefined;
        return lent !== undefined ? `Lent here until ${sayDay(lent.until)}` : detachable !== undefined ? 'Yes' : local ? 'No' : '';
      },
    },
    { head: 'Detached', numeric: true, cell: (row) => (row.local ? detached(row) : '') },
    {
      head: 'Available',
      numeric: true,
      cell: ({ local, detachable }) => (detachable !== undefined ? sayLimit(detachable) : local ? 0 : ''),
    },
    {
      head: 'Action',
      bare: true,
      cell: (row) => {
        const lent = row.local ? lentOf(row.key) : undefined;
        if (lent !== undefined) return <LentActions id={row.key} lent={lent} />;
        if (row.detachable === undefined) return null;
        const what = row.local ? 'Detach' : 'Detach here';
        return (
          <span class="row-actions">
            <button
              type="button"
              class="secondary small"
              disabled={!rights.write}
              aria-label={
                row.local ? `Detach ${row.name} …` : `Detach here … ${row.name} of ${row.licenseManager.hostname} to this computer`
              }
              title={row.local ? undefined : 'To this computer, over the network'}
              onClick={() => setWanted(row)}
            >
              {`${what}\u00a0…`}
            </button>
          </span>
        );
      },
    },
  ];
  if (returns.value === undefined && returns.problem === undefined) return <Waiting />;
  return (
    <>
      <ReturningSection returns={returns.value ?? []} />
      <RemoteList
        list="products"
        caption="Products"
        query={query}
        filters={{ key: 'Key', vendor: 'Vendor' }}
        topics={['keys', 'peers', 'sessions', 'features']}
        columns={columns}
        keyOf={({ key, product, licenseManager }) => `${key} ${product} ${licenseManager.guid}`}
        empty={
          <Empty title="No product yet.">
            Products come with a license: <a href={linkTo('update')}>apply a license file</a>.
          </Empty>
        }
      />
      {wanted === undefined ? null : wanted.local ? (
        <DetachDialog product={wanted} onClose={() => setWanted(undefined)} />
      ) : (
        <DetachHereDialog product={wanted} onClose={() => setWanted(undefined)} />
      )}
    </>
  );
};
