import type { KeyInfo } from '@keyhaven/core/admin';
import { linkTo } from '../router.ts';
import { KeyLink, Location } from '../ui/bits.tsx';
import { type ListColumn, RemoteList } from '../ui/list.tsx';
import { Badge, Empty } from '../ui/notice.tsx';

export const KeyState = ({ of }: { readonly of: KeyInfo }) => {
  if (of.damage !== null) return <Badge kind="bad">{of.damage}</Badge>;
  if (of.warnings !== undefined && of.warnings.length > 0) return <Badge kind="warn">{of.warnings.join('; ')}</Badge>;
  return <Badge kind="good">Serves</Badge>;
};

const columns: readonly ListColumn<KeyInfo>[] = [
  { head: 'Key', sort: 'key', cell: ({ key }) => <KeyLink id={key} /> },
  { head: 'Vendor', sort: 'vendor', numeric: true, cell: ({ vendor }) => vendor },
  { head: 'Type', sort: 'type', cell: ({ type }) => type },
  { head: 'Location', cell: (row) => <Location {...row} /> },
  { head: 'Updates', numeric: true, cell: ({ updateCounter }) => updateCounter },
  { head: 'State', cell: (row) => <KeyState of={row} /> },
];

export const KeysPage = ({ query }: { readonly query: URLSearchParams }) => (
  <RemoteList
    list="keys"
    caption="Keys"
    wanted={query.get('q') ?? ''}
    topics={['keys', 'peers']}
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
