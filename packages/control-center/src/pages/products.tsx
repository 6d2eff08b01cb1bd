import type { ProductInfo } from '@keyhaven/core/admin';
import { useState } from 'preact/hooks';
import { useApp } from '../app-context.ts';
import { linkTo } from '../router.ts';
import { KeyLink } from '../ui/bits.tsx';
import { type ListColumn, RemoteList } from '../ui/list.tsx';
import { Empty } from '../ui/notice.tsx';
import { DetachDialog } from './detach.tsx';

export const ProductsPage = ({ query }: { readonly query: URLSearchParams }) => {
  const { rights } = useApp();
  const [wanted, setWanted] = useState<ProductInfo>();
  const columns: readonly ListColumn<ProductInfo>[] = [
    { head: 'Product', sort: 'product', numeric: true, cell: ({ product }) => product },
    { head: 'Name', sort: 'name', cell: ({ name }) => name },
    { head: 'Vendor', sort: 'vendor', numeric: true, cell: ({ vendor }) => vendor },
    { head: 'Key', sort: 'key', cell: ({ key }) => <KeyLink id={key} /> },
    { head: 'Location', cell: ({ local }) => (local ? 'This computer' : 'Network') },
    {
      head: 'Features',
      numeric: true,
      cell: ({ features, key, product }) => <a href={linkTo('features', { key, product })}>{features}</a>,
    },
    {
      head: 'Action',
      bare: true,
      cell: (row) =>
        row.local ? (
          <button type="button" class="secondary small" disabled={!rights.write} onClick={() => setWanted(row)}>
            Detach …
          </button>
        ) : null,
    },
  ];
  return (
    <>
      <RemoteList
        list="products"
        caption="Products"
        wanted={query.get('q') ?? ''}
        filters={query.has('key') ? { key: query.get('key') ?? '' } : {}}
        topics={['keys', 'peers']}
        columns={columns}
        keyOf={({ key, product, local }) => `${key} ${product} ${local}`}
        empty={
          <Empty title="No product yet.">
            Products come with a license: <a href={linkTo('update')}>apply a license file</a>.
          </Empty>
        }
      />
      {wanted === undefined ? null : <DetachDialog product={wanted} onClose={() => setWanted(undefined)} />}
    </>
  );
};
