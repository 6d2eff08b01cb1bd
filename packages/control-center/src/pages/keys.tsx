import type { KeyInfo } from '@keyhaven/core/admin';
import { useApp } from '../app-context.ts';
import { linkTo } from '../router.ts';
import { KeyAndName, Location, sayType } from '../ui/bits.tsx';
import { sayDay } from '../ui/format.ts';
import { type ListColumn, RemoteList } from '../ui/list.tsx';
import { Badge, Empty } from '../ui/notice.tsx';
import { CertificatesButton } from './certificates.tsx';
import { useKeyFiles } from './key-files.ts';

export const KeyState = ({ of }: { readonly of: KeyInfo }) => {
  if (of.damage !== null) return <Badge kind="bad">Disabled: {of.damage}</Badge>;
  if (of.warnings !== undefined && of.warnings.length > 0) return <Badge kind="warn">{of.warnings.join('; ')}</Badge>;
  if (of.lent !== undefined) return <Badge kind="quiet">Lent to this computer until {sayDay(of.lent.until)}</Badge>;
  return <Badge kind="good">Serves</Badge>;
};

const SaveC2v = ({ id }: { readonly id: string }) => {
  const { rights } = useApp();
  const { c2v } = useKeyFiles(id);
  return (
    <button type="button" class="secondary small" disabled={!rights.write} aria-label={`Save C2V of key ${id}`} onClick={() => void c2v()}>
      C2V
    </button>
  );
};

const columns: readonly ListColumn<KeyInfo>[] = [
  { head: 'Key', sort: 'key', cell: ({ key, name }) => <KeyAndName id={key} name={name} /> },
  { head: 'Location', cell: (row) => <Location {...row} /> },
  { head: 'Vendor', sort: 'vendor', numeric: true, cell: ({ vendor }) => vendor },
  { head: 'Type', sort: 'type', room: 'tight', cell: ({ type }) => sayType(type) },
  { head: 'Version', numeric: true, cell: ({ updateCounter }) => <span title="Updates since it was made">{updateCounter}</span> },
  {
    head: 'Sessions',
    numeric: true,
    cell: ({ key, sessions }) => (sessions === undefined ? '' : <a href={linkTo('sessions', { key })}>{sessions}</a>),
  },
  { head: 'State', cell: (row) => <KeyState of={row} /> },
  {
    head: 'Actions',
    bare: true,
    cell: ({ key, local }) => (
      <span class="row-actions">
        <a href={linkTo('products', { key })}>Products</a> <a href={linkTo('features', { key })}>Features</a>{' '}
        {local ? (
          <>
            <SaveC2v id={key} /> <CertificatesButton id={key} label={`Certificates of key ${key}`} />
          </>
        ) : null}
      </span>
    ),
  },
];

export const KeysPage = ({ query }: { readonly query: URLSearchParams }) => (
  <RemoteList
    list="keys"
    caption="Keys"
    query={query}
    filters={{ vendor: 'Vendor', type: 'Type', local: 'Local' }}
    topics={['keys', 'peers', 'sessions']}
    columns={columns}
    keyOf={({ key, licenseManager }) => `${key} ${licenseManager.guid}`}
    empty={
      <Empty title="No key is here, and none was found on the network.">
        <a href={linkTo('update')}>Get a first key from your vendor</a>, or see on the <a href={linkTo('network')}>Network</a> page why
        other license managers are not found.
      </Empty>
    }
  />
);
