import { useState } from 'preact/hooks';
import { Dialog } from '../../ui/dialog.tsx';

// What an identity may (C6): asked for when it is issued and when it is changed.

export type Identity = {
  readonly id: string;
  readonly issuedTo: string;
  readonly rights: readonly string[];
  readonly limitTo?: readonly { readonly key: string; readonly product?: number }[];
  readonly expires?: string;
  readonly disabled: boolean;
  readonly since: string;
  readonly state: 'enabled' | 'disabled' | 'expired';
  readonly lastUsed?: string;
  readonly maxMachines?: number;
  readonly machines?: readonly { readonly machine: string; readonly since: string }[];
};
/** As PUT takes it; POST takes it without what is null. */
export type IdentityWish = {
  readonly issuedTo: string;
  readonly rights: readonly string[];
  readonly limitTo: Identity['limitTo'] | null;
  readonly expires: string | null;
  readonly maxMachines: number | null;
  readonly unregister?: readonly string[];
};

/** `KEY` or `KEY:PRODUCT`, as the command line has it. */
export const limitText = ({ limitTo }: Pick<Identity, 'limitTo'>): string =>
  limitTo?.map(({ key, product }) => (product === undefined ? key : `${key}:${product}`)).join(' ') ?? '';
const LIMITS = '\\s*[1-9]\\d{0,19}(:\\d{1,10})?(\\s+[1-9]\\d{0,19}(:\\d{1,10})?)*\\s*';
const limitsIn = (text: string): NonNullable<Identity['limitTo']> =>
  text
    .trim()
    .split(/\s+/)
    .map((each) => {
      const [key = '', product] = each.split(':');
      return product === undefined ? { key } : { key, product: Number(product) };
    });

const RIGHTS = [
  { right: 'login', label: 'May log in, and take seats' },
  { right: 'list', label: 'May see keys, products and features' },
] as const;

export const IdentityDialog = ({
  of,
  onClose,
  onSubmit,
}: {
  /** Absent = a new one. */
  readonly of?: Identity;
  readonly onClose: () => void;
  readonly onSubmit: (wish: IdentityWish) => void;
}) => {
  const [issuedTo, setIssuedTo] = useState(of?.issuedTo ?? '');
  const [rights, setRights] = useState<readonly string[]>(of?.rights ?? ['login', 'list']);
  const [limit, setLimit] = useState(of === undefined ? '' : limitText(of));
  const [expires, setExpires] = useState(of?.expires?.slice(0, 10) ?? '');
  const [computers, setComputers] = useState(String(of?.maxMachines ?? ''));
  const [gone, setGone] = useState<readonly string[]>([]);
  const submit = (): void =>
    onSubmit({
      issuedTo,
      rights: RIGHTS.flatMap(({ right }) => (rights.includes(right) ? [right] : [])),
      limitTo: limit.trim() === '' ? null : limitsIn(limit),
      // What the form does not change stays to the second.
      expires: expires === '' ? null : of?.expires?.slice(0, 10) === expires ? of.expires : `${expires}T23:59:59.000Z`,
      maxMachines: computers === '' ? null : Number(computers),
      ...(gone.length === 0 ? {} : { unregister: gone }),
    });
  const toggled = (all: readonly string[], each: string, on: boolean): readonly string[] =>
    on ? [...all, each] : all.filter((other) => other !== each);
  return (
    <Dialog title={of === undefined ? 'Issue an identity' : `Change ${of.id}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <label>
          Issued to
          <input type="text" required maxLength={200} value={issuedTo} onInput={({ currentTarget }) => setIssuedTo(currentTarget.value)} />
        </label>
        {RIGHTS.map(({ right, label }) => (
          <label key={right}>
            <input
              type="checkbox"
              checked={rights.includes(right)}
              onInput={({ currentTarget }) => setRights(toggled(rights, right, currentTarget.checked))}
            />{' '}
            {label}
          </label>
        ))}
        <label>
          Limited to
          <input type="text" pattern={LIMITS} value={limit} onInput={({ currentTarget }) => setLimit(currentTarget.value)} />
          <small>KEY or KEY:PRODUCT, with spaces between. Empty: every key of this computer.</small>
        </label>
        <label>
          Expires at the end of
          <input type="date" value={expires} onInput={({ currentTarget }) => setExpires(currentTarget.value)} />
          <small>Empty: never.</small>
        </label>
        <label>
          Maximum number of computers
          <input type="number" min={1} max={1000} value={computers} onInput={({ currentTarget }) => setComputers(currentTarget.value)} />
          <small>The first ones that log in are registered. Empty: any number.</small>
        </label>
        {(of?.machines ?? []).map(({ machine }) => (
          <label key={machine}>
            <input
              type="checkbox"
              checked={gone.includes(machine)}
              onInput={({ currentTarget }) => setGone(toggled(gone, machine, currentTarget.checked))}
            />{' '}
            Unregister {machine}
          </label>
        ))}
        <footer>
          <button type="button" class="secondary" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" disabled={rights.length === 0}>
            {of === undefined ? 'Issue' : 'Change'}
          </button>
        </footer>
      </form>
    </Dialog>
  );
};
