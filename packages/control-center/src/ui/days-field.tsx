/** How long something is lent. */
export const DaysField = ({ value, onValue }: { readonly value: string; readonly onValue: (value: string) => void }) => (
  <label>
    Days
    <input type="number" required min="0.01" step="any" value={value} onInput={({ currentTarget }) => onValue(currentTarget.value)} />
    <small>From now on. Parts of a day are possible: 0.5 is half a day.</small>
  </label>
);

/** How many seats are lent; empty = one, for the computer that borrows alone. */
export const SeatsField = ({
  value,
  most,
  here = false,
  onValue,
}: {
  readonly value: string;
  /** null = any number. */
  readonly most: number | null;
  /** This computer is the one that borrows. */
  readonly here?: boolean;
  readonly onValue: (value: string) => void;
}) => (
  <label>
    Seats
    <input
      type="number"
      min="1"
      max={most ?? undefined}
      step="1"
      value={value}
      placeholder={here ? 'one, here only' : 'one, there only'}
      onInput={({ currentTarget }) => onValue(currentTarget.value)}
    />
    <small>
      {most === null ? '' : `At most ${most} now. `}With a number, {here ? 'this computer' : 'the other computer'} serves them to others,
      too.
    </small>
  </label>
);
