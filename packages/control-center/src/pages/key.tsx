import type { KeyInfo } from '@keyhaven/core/admin';
import { useState } from 'preact/hooks';
import { askText } from '../api/http.ts';
import { useApp, useLive } from '../app-context.ts';
import { linkTo } from '../router.ts';
import { KeyLink, Location, Moment, PeerLink, sayType } from '../ui/bits.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { download } from '../ui/download.ts';
import { FileField } from '../ui/file-field.tsx';
import { sayBytes } from '../ui/format.ts';
import { Empty, ProblemNotice, Waiting } from '../ui/notice.tsx';
import { DataTable } from '../ui/table.tsx';
import { type Fact, Facts } from './about.tsx';
import { CertificatesButton } from './certificates.tsx';
import { useKeyFiles } from './key-files.ts';
import { BlinkButton, NameButton } from './key-name.tsx';
import { KeyState } from './keys.tsx';
import { LentActions } from './lent-actions.tsx';
import { usePeers } from './lent-here.ts';
import type { Paged } from './overview.tsx';

// One key: what it is, and what can be done with it.

export type Lent = {
  readonly key: string;
  readonly recipient: string;
  readonly product: number;
  readonly seats: number;
  readonly from: string;
  readonly until: string;
  readonly host: string;
  readonly guid: string;
  readonly sequence: number;
};

const MoveDialog = ({ id, onClose }: { readonly id: string; readonly onClose: () => void }) => {
  const { act, tell, live } = useApp();
  const [recipient, setRecipient] = useState<string>();
  const move = async (): Promise<void> => {
    const file = await act('Moving the key', () => askText('POST', '/api/v1/rehost', { json: { key: id, recipient } }));
    if (file === undefined) return;
    download(`moved-${id}.h2h`, file);
    tell({ kind: 'good', text: 'The key is no more on this computer. Apply the H2H file on the other one; keep it until that is done.' });
    onClose();
    live.refresh();
  };
  return (
    <Dialog title="Move the key to another computer" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void move();
        }}
      >
        <p>The key leaves this computer at once. The file that you get is the only way for it to come to the other one.</p>
        <FileField label="ID file of the other computer" help="There: Diagnostics, Save ID file." onText={setRecipient} />
        <footer>
          <button type="button" class="secondary" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" disabled={recipient === undefined}>
            Move
          </button>
        </footer>
      </form>
    </Dialog>
  );
};

const Actions = ({ of }: { readonly of: KeyInfo }) => {
  const { key: id, lent } = of;
  const { rights } = useApp();
  const [moving, setMoving] = useState(false);
  const { c2v } = useKeyFiles(id);
  return (
    <>
      <p class="actions">
        <button type="button" class="small" disabled={!rights.write} onClick={() => void c2v()}>
          Save C2V
        </button>
        <CertificatesButton id={id} />
        <NameButton of={of} />
        <BlinkButton of={of} />
        {lent === undefined ? (
          <button type="button" class="secondary small" disabled={!rights.write} onClick={() => setMoving(true)}>
            Move to another computer …
          </button>
        ) : (
          <LentActions id={id} lent={lent} />
        )}
      </p>
      {moving ? <MoveDialog id={id} onClose={() => setMoving(false)} /> : null}
    </>
  );
};

const Owner = ({ guid, at }: { readonly guid: string; readonly at: string }) => {
  const peer = usePeers().find((each) => each.guid === guid);
  return (
    <>
      {peer === undefined ? <span title={guid}>A license manager that is out of reach</span> : <PeerLink {...peer} />}, key{' '}
      <KeyLink id={at} />
    </>
  );
};

/** From whom, and until when. */
const lentFacts = (lent: KeyInfo['lent']): readonly Fact[] =>
  lent === undefined
    ? []
    : [
        lent.owner === undefined
          ? ['Lent by key', <KeyLink key="by" id={lent.by} />]
          : ['Lent by', <Owner key="by" guid={lent.owner.guid} at={lent.owner.key} />],
        ['Lent until', <Moment key="until" at={lent.until} />],
      ];

export const KeyPage = ({ id }: { readonly id: string }) => {
  const { value, problem } = useLive<Paged<KeyInfo>>(`/api/v1/list/keys?q=${encodeURIComponent(id)}&limit=50`, 'keys', 'sessions');
  const lent = useLive<readonly Lent[]>('/api/v1/detached', 'keys');
  if (value === undefined) return problem === undefined ? <Waiting /> : <ProblemNotice problem={problem} />;
  // What stands behind it must not move when it comes.
  if (lent.value === undefined && lent.problem === undefined) return <Waiting />;
  const found = value.items.filter(({ key }) => key === id);
  const key = found.find(({ local }) => local) ?? found[0];
  if (key === undefined)
    return (
      <Empty title={`The key ${id} is not here, and nobody on the network has it.`}>
        See <a href={linkTo('keys')}>all keys</a>.
      </Empty>
    );
  const copies = lent.value?.filter((each) => each.key === id) ?? [];
  return (
    <>
      <p>
        <KeyState of={key} />
      </p>
      <Facts
        caption="The key"
        facts={[
          ['Key', key.key],
          ...(key.name === undefined ? [] : ([['Name', key.name]] as const)),
          ['Vendor', String(key.vendor)],
          ['Type', sayType(key.type)],
          ['Location', key.local ? 'This computer' : <Location {...key} />],
          ['Version', key.updateCounter === 1 ? '1 update since it was made' : `${key.updateCounter} updates since it was made`],
          ...(key.sessions === undefined ? [] : ([['Sessions', String(key.sessions)]] as const)),
          ...lentFacts(key.lent),
        ]}
      />
      <p class="actions">
        <a href={linkTo('products', { key: id })}>Products</a>
        <a href={linkTo('features', { key: id })}>Features</a>
        <a href={linkTo('sessions', { key: id })}>Sessions</a>
      </p>
      {key.local ? <Actions of={key} /> : null}
      {copies.length === 0 ? null : (
        <section>
          <h2>Lent to other computers</h2>
          <DataTable
            caption="Lent to other computers"
            columns={[
              { head: 'Computer', cell: ({ host, guid }: Lent) => <span title={guid}>{host}</span> },
              { head: 'Product', cell: ({ product }: Lent) => product },
              { head: 'Seats', cell: ({ seats }: Lent) => seats, numeric: true },
              { head: 'From', cell: ({ from }: Lent) => <Moment at={from} /> },
              { head: 'Until', cell: ({ until }: Lent) => <Moment at={until} /> },
            ]}
            rows={copies}
            keyOf={({ recipient, sequence }: Lent) => `${recipient} ${sequence}`}
            empty={null}
          />
        </section>
      )}
      {key.memory === undefined || key.memory.length === 0 ? null : (
        <section>
          <h2>Memory files</h2>
          <DataTable
            caption="Memory files"
            columns={[
              { head: 'File', cell: ({ file }) => file },
              { head: 'Size', cell: ({ size }) => sayBytes(size), numeric: true },
              { head: 'Access', cell: ({ access }) => ({ ro: 'read only', rw: 'read and write', rwo: 'write once' })[access] },
            ]}
            rows={key.memory}
            keyOf={({ file }) => String(file)}
            empty={null}
          />
        </section>
      )}
    </>
  );
};
