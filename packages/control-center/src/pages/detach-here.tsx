import type { ProductInfo } from '@keyhaven/core/admin';
import { useState } from 'preact/hooks';
import { ask } from '../api/http.ts';
import { useApp } from '../app-context.ts';
import { DaysField, SeatsField } from '../ui/days-field.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { sayMoment } from '../ui/format.ts';
import { secondsOf } from './lent-here.ts';

type Detached = { readonly key: string; readonly product: number; readonly until: string };

/** What helps when the owner says no. */
const IfRefused = ({ owner }: { readonly owner: string }) => (
  <p class="quiet">
    {owner} must allow this. If it refuses, ask its administrator to switch on <em>Enable Detaching of Licenses</em> there: Configuration,
    Detachable Licenses.
  </p>
);

/** Borrows a product of another computer over the network. */
export const DetachHereDialog = ({ product, onClose }: { readonly product: ProductInfo; readonly onClose: () => void }) => {
  const { act, tell, live } = useApp();
  const [days, setDays] = useState('7');
  const [seats, setSeats] = useState('');
  const [busy, setBusy] = useState(false);
  const owner = product.licenseManager.hostname;
  const submit = async (): Promise<void> => {
    setBusy(true);
    const wish = {
      licenseManager: product.licenseManager.guid,
      key: product.key,
      product: product.product,
      duration: secondsOf(days),
      ...(seats === '' ? {} : { seats: Number(seats) }),
    };
    const done = await act(`Asking ${owner}`, () => ask<Detached>('POST', '/api/v1/detach-here', { json: wish }));
    setBusy(false);
    if (done === undefined) return;
    tell({ kind: 'good', text: `${product.name} is on this computer until ${sayMoment(done.until)}.` });
    onClose();
    live.refresh();
  };
  return (
    <Dialog title={`Detach ${product.name} to this computer`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <p>
          This computer gets the license from {owner} for a time and needs no network for it meanwhile. {owner} has so many seats less until
          then, or until you return it here.
        </p>
        <div class="grid">
          <DaysField value={days} onValue={setDays} />
          <SeatsField value={seats} most={product.detachable ?? null} here onValue={setSeats} />
        </div>
        <IfRefused owner={owner} />
        <footer>
          <button type="button" class="secondary" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" disabled={busy} aria-busy={busy}>
            Detach to this computer
          </button>
        </footer>
      </form>
    </Dialog>
  );
};

/** Asks the owner of a license that is lent here for more time. */
export const ExtendDialog = ({
  id,
  until,
  owner,
  onFile,
  onClose,
}: {
  readonly id: string;
  readonly until: string;
  readonly owner: string;
  /** For an owner that is out of reach. */
  readonly onFile: () => void;
  readonly onClose: () => void;
}) => {
  const { act, tell, live } = useApp();
  const [days, setDays] = useState('7');
  const [busy, setBusy] = useState(false);
  const submit = async (): Promise<void> => {
    setBusy(true);
    const wish = { key: id, duration: secondsOf(days) };
    const done = await act(`Asking ${owner}`, () => ask<Detached>('POST', '/api/v1/detach-here', { json: wish }));
    setBusy(false);
    if (done === undefined) return;
    tell({ kind: 'good', text: `The license is on this computer until ${sayMoment(done.until)}.` });
    onClose();
    live.refresh();
  };
  return (
    <Dialog title="Keep the license longer" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <p>
          It ends on {sayMoment(until)}. {owner} is asked to lend it for so many days from now on instead, which cannot be earlier than
          that.
        </p>
        <DaysField value={days} onValue={setDays} />
        <IfRefused owner={owner} />
        <p class="quiet">
          {owner} is out of reach?{' '}
          <button type="button" class="plain link" onClick={onFile}>
            Save an ID file
          </button>{' '}
          instead; whoever administers it makes the time longer with it: Products, Detach.
        </p>
        <footer>
          <button type="button" class="secondary" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" disabled={busy} aria-busy={busy}>
            Extend
          </button>
        </footer>
      </form>
    </Dialog>
  );
};
