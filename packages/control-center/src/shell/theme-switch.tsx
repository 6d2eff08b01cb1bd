import { useState } from 'preact/hooks';
import { keepTheme, storedTheme, type Theme } from '../ui/theme-store.ts';

const NAMES: Readonly<Record<Theme, string>> = { auto: 'As the system', light: 'Light', dark: 'Dark' };

export const ThemeSwitch = () => {
  const [theme, setTheme] = useState(storedTheme);
  return (
    <select
      class="theme"
      aria-label="Colours"
      value={theme}
      onChange={({ currentTarget }) => {
        const wanted = currentTarget.value;
        const next = wanted === 'light' || wanted === 'dark' ? wanted : 'auto';
        keepTheme(next);
        setTheme(next);
      }}
    >
      {Object.entries(NAMES).map(([value, name]) => (
        <option key={value} value={value}>
          {name}
        </option>
      ))}
    </select>
  );
};
