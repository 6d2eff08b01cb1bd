import { useId } from 'preact/hooks';

/** A file whose text is wanted. */
export const FileField = ({
  label,
  help,
  onText,
}: {
  readonly label: string;
  readonly help?: string;
  readonly onText: (text: string) => void;
}) => {
  const id = useId();
  return (
    <label>
      {label}
      <input
        type="file"
        required
        aria-describedby={help === undefined ? undefined : id}
        onChange={({ currentTarget }) => {
          const [file] = currentTarget.files ?? [];
          if (file !== undefined) void file.text().then(onText);
        }}
      />
      {help === undefined ? null : <small id={id}>{help}</small>}
    </label>
  );
};
