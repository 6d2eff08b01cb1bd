import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** How long typing pauses before it is searched for. */
const TYPING_MS = 200;

export const SearchField = ({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (wanted: string) => void;
}) => {
  const [typed, setTyped] = useState(value);
  const told = useRef(value);
  // What comes from elsewhere is shown; the echo of what was typed is not: more may have been typed since.
  useLayoutEffect(() => {
    if (value === told.current) return;
    told.current = value;
    setTyped(value);
  }, [value]);
  useEffect(() => {
    const timer = setTimeout(() => {
      if (typed === told.current) return;
      told.current = typed;
      onChange(typed);
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={label}
      value={typed}
      maxLength={200}
      onInput={({ currentTarget }) => setTyped(currentTarget.value)}
    />
  );
};
