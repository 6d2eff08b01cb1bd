import { useId } from 'preact/hooks';
import { Badge } from '../../ui/notice.tsx';
import { choiceName, choicesOf, labelOf, rangeOf, type Setting, sayValue, type Value } from './fields.ts';
import { LogPattern } from './log-pattern.tsx';

// One setting: how it is entered depends on what it may be.

type Editing = { readonly setting: Setting; readonly value: Value; readonly disabled: boolean; readonly onChange: (value: Value) => void };

const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line.trim() !== '');

const Input = ({ setting, value, disabled, onChange, id, about }: Editing & { readonly id: string; readonly about: string }) => {
  const common = { id, disabled, 'aria-describedby': about };
  const choices = choicesOf(setting);
  if (choices !== undefined)
    return (
      <select {...common} value={String(value ?? '')} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {choiceName(setting.path, choice)}
          </option>
        ))}
      </select>
    );
  switch (setting.type) {
    case 'array':
      return (
        <textarea
          {...common}
          rows={5}
          spellcheck={false}
          value={Array.isArray(value) ? value.join('\n') : ''}
          // What was typed stays as it is until it is saved: an empty line at the end is about to become one.
          onInput={({ currentTarget }) => onChange(currentTarget.value.split('\n'))}
          onBlur={({ currentTarget }) => onChange(linesOf(currentTarget.value))}
        />
      );
    case 'integer':
    case 'number':
      return (
        <input
          {...common}
          type="number"
          step={setting.type === 'integer' ? 1 : 'any'}
          {...rangeOf(setting)}
          value={value === null ? '' : String(value)}
          onInput={({ currentTarget }) => onChange(currentTarget.value === '' ? null : Number(currentTarget.value))}
        />
      );
    default:
      if (setting.path === 'log.pattern') return <LogPattern {...common} value={String(value ?? '')} onChange={onChange} />;
      return (
        <input
          {...common}
          type="text"
          spellcheck={false}
          value={value === null ? '' : String(value)}
          onInput={({ currentTarget }) => onChange(currentTarget.value === '' ? null : currentTarget.value)}
        />
      );
  }
};

const Marks = ({ setting }: { readonly setting: Setting }) => (
  <>
    {setting.source === 'command line' ? <Badge kind="quiet">set on the command line</Badge> : null}{' '}
    {JSON.stringify(setting.running) === JSON.stringify(setting.value) ? null : (
      <Badge kind="warn">after a restart; now {sayValue(setting.running)}</Badge>
    )}
  </>
);

export const Field = (editing: Editing) => {
  const { setting, value, disabled, onChange } = editing;
  const id = useId();
  const about = `${id}-about`;
  const isFlag = setting.type === 'boolean';
  return (
    <div class="field" data-setting={setting.path}>
      {isFlag ? (
        <label for={id}>
          <input
            id={id}
            type="checkbox"
            role="switch"
            disabled={disabled}
            aria-describedby={about}
            checked={value === true}
            onChange={({ currentTarget }) => onChange(currentTarget.checked)}
          />
          {labelOf(setting.path)} <Marks setting={setting} />
        </label>
      ) : (
        <>
          <label for={id}>
            {labelOf(setting.path)} <Marks setting={setting} />
          </label>
          <Input {...editing} id={id} about={about} />
        </>
      )}
      <small id={about}>
        {setting.effect.replaceAll('`', '').replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')} Default: {sayValue(setting.default)}.
        {setting.live ? '' : ' A change holds after a restart.'} <code>{setting.path}</code>
      </small>
    </div>
  );
};
