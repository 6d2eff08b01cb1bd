import type { ProductInfo } from '@keyhaven/core/admin';
import { useState } from 'preact/hooks';
import { askText } from '../api/http.ts';
import { useApp } from '../app-context.ts';
import { DaysField, SeatsField } from '../ui/days-field.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { download } from '../ui/download.ts';
import { FileField } from '../ui/file-field.tsx';
import { secondsOf } from './lent-here.ts';

/** Lends a product to another computer: its ID in, an H2R out (K5). */
export const DetachDialog = ({ product, onClose }: { readonly product: ProductInfo; readonly onClose: () => void }) => {
  const { act, tell } = useApp();
  const [recipient, setRecipient] = useState<string>();
  const [days, setDays] = useState('7');
  const [seats, setSeats] = useState('');
  const submit = async (): Promise<void> => {
    const wish = {
      key: product.key,
      product: product.product,
      recipient,
      duration: secondsOf(days),
      ...(seats === '' ? {} : { seats: Number(seats) }),
    };
    const file = await act('Detaching', () => askText('POST', '/api/v1/detach', { json: wish }));
    if (file === undefined) return;
    download(`detached-${product.key}-${product.product}.h2r`, file);
    tell({ kind: 'good', text: `${product.name} is lent for ${days} days. Apply the H2R file on the other computer.` });
    onClose();
  };
  return (
    <Dialog title={`Detach ${product.name}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <p>The license moves to another computer for a time and comes back by itself. An ID of a lent key makes its time longer.</p>
        <FileField
          label="ID file of the other computer"
          help="There: Diagnostics, ID file; or keyhaven recipient --out FILE."
          onText={setRecipient}
        />
        <div class="grid">
          <DaysField value={days} onValue={setDays} />
          <SeatsField value={seats} most={product.detachable ?? null} onValue={setSeats} />
        </div>
        <footer>
          <button type="button" class="secondary" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" disabled={recipient === undefined}>
            Detach
          </button>
        </footer>
      </form>
    </Dialog>
  );
};
