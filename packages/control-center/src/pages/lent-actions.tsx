import type { KeyInfo } from '@keyhaven/core/admin';
import { useState } from 'preact/hooks';
import { ask } from '../api/http.ts';
import { useApp } from '../app-context.ts';
import { Confirm } from '../ui/dialog.tsx';
import { ExtendDialog } from './detach-here.tsx';
import { useKeyFiles } from './key-files.ts';
import { usePeers } from './lent-here.ts';

// Of a license that is lent to this computer: give it back before its end (cancel), or ask its owner for more time (extend). Over the network where it came
// that way, else by files.

const Buttons = ({
  onReturn,
  onExtend,
  extend,
}: {
  readonly onReturn: () => void;
  readonly onExtend: () => void;
  readonly extend: string;
}) => {
  const { rights } = useApp();
  return (
    <span class="row-actions">
      <button type="button" class="secondary small" disabled={!rights.write} aria-label="Return lent license …" onClick={onReturn}>
        Return …
      </button>{' '}
      <button type="button" class="secondary small" disabled={!rights.write} aria-label={`${extend} lent license`} onClick={onExtend}>
        {extend}
      </button>
    </span>
  );
};

const ByFile = ({ id }: { readonly id: string }) => {
  const { idFile, giveBack } = useKeyFiles(id);
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Buttons extend="Extend by file" onExtend={() => void idFile()} onReturn={() => setAsking(true)} />
      {asking ? (
        <Confirm title="Return the license now?" action="Return" onYes={() => void giveBack()} onClose={() => setAsking(false)}>
          <p>It ends on this computer at once, and the R2H file brings it back to where it came from.</p>
        </Confirm>
      ) : null}
    </>
  );
};

type Told = { readonly told: boolean; readonly detail?: string };

const Online = ({ id, until, guid }: { readonly id: string; readonly until: string; readonly guid: string }) => {
  const { act, tell, live } = useApp();
  const { idFile } = useKeyFiles(id);
  const [open, setOpen] = useState<'return' | 'extend'>();
  const owner = usePeers().find((each) => each.guid === guid)?.hostname ?? 'its owner';
  const close = (): void => setOpen(undefined);
  const giveBack = async (): Promise<void> => {
    const done = await act('Returning', () => ask<Told>('POST', '/api/v1/return-here', { json: { key: id } }));
    if (done === undefined) return;
    const waits = `It ended on this computer, and ${owner} is out of reach: it is told by itself when it is back. See Products.`;
    tell({ kind: 'good', text: done.told ? `The license is given back, and ${owner} has its seats again.` : waits });
    live.refresh();
  };
  return (
    <>
      <Buttons extend="Extend …" onExtend={() => setOpen('extend')} onReturn={() => setOpen('return')} />
      {open === 'return' ? (
        <Confirm title="Return the license now?" action="Return" onYes={() => void giveBack()} onClose={close}>
          <p>It ends on this computer at once, with everything that uses it, and {owner} has its seats again.</p>
        </Confirm>
      ) : null}
      {open === 'extend' ? <ExtendDialog id={id} until={until} owner={owner} onFile={() => void idFile()} onClose={close} /> : null}
    </>
  );
};

export const LentActions = ({ id, lent }: { readonly id: string; readonly lent: NonNullable<KeyInfo['lent']> }) => {
  const { owner, until } = lent;
  return owner === undefined ? <ByFile id={id} /> : <Online id={id} until={until} guid={owner.guid} />;
};
