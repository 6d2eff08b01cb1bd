import { useRef } from 'preact/hooks';

// "Edit Log Parameters": the pattern of a line of the access log, its values at a click, and a line as it would be.

const EXAMPLE: Readonly<Record<string, string>> = {
  timestamp: '2027-03-01 09:30:00',
  clientaddr: '192.0.2.7',
  clientport: '50123',
  clientid: 'anna@desk-7',
  method: 'POST',
  url: '/api/v1/apply',
  function: 'apply',
  functionparams: 'key=42',
  statuscode: '200',
  newline: '',
};

/** A line as the pattern makes it; a dash where it names what there is not, as in the log. */
const exampleOf = (pattern: string): string => pattern.replaceAll(/\{([a-z]+)\}/g, (_, name: string) => EXAMPLE[name] ?? '-');

export const LogPattern = ({
  value,
  disabled,
  onChange,
  id,
  'aria-describedby': about,
}: {
  readonly value: string;
  readonly disabled: boolean;
  readonly onChange: (value: string) => void;
  readonly id: string;
  readonly 'aria-describedby': string;
}) => {
  const at = useRef<HTMLTextAreaElement>(null);
  const put = (name: string): void => {
    const field = at.current;
    if (field === null) return;
    field.setRangeText(`{${name}}`, field.selectionStart, field.selectionEnd, 'end');
    onChange(field.value);
    field.focus();
  };
  return (
    <>
      <textarea
        ref={at}
        id={id}
        aria-describedby={about}
        rows={3}
        spellcheck={false}
        disabled={disabled}
        value={value}
        // A line has one end of line, and that is {newline}.
        onInput={({ currentTarget }) => onChange(currentTarget.value.replaceAll('\n', ''))}
      />
      <ul class="chips values" aria-label="Values for the log parameters">
        {Object.keys(EXAMPLE).map((name) => (
          <li key={name}>
            <button type="button" class="secondary small" disabled={disabled} onClick={() => put(name)}>
              {`{${name}}`}
            </button>
          </li>
        ))}
      </ul>
      <p class="quiet">
        Such a line: <code>{exampleOf(value)}</code>
      </p>
    </>
  );
};
