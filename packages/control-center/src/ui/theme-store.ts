// Dark, light, or what the system says. Kept by the browser; where it may not keep anything, the choice holds for this view.

export type Theme = 'auto' | 'light' | 'dark';
const KEY = 'keyhaven-theme';

export const storedTheme = (): Theme => {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === 'light' || kept === 'dark' ? kept : 'auto';
  } catch {
    return 'auto';
  }
};

export const applyTheme = (theme: Theme): void => {
  if (theme === 'auto') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
};

export const keepTheme = (theme: Theme): void => {
  applyTheme(theme);
  try {
    if (theme === 'auto') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Not kept.
  }
};

const KEYS_OFF = 'keyhaven-keys-off';
/** Whether single keys do nothing; some people speak to their computer, and others hit keys by chance. */
export const areKeysOff = (): boolean => {
  try {
    return localStorage.getItem(KEYS_OFF) !== null;
  } catch {
    return false;
  }
};
export const keepKeysOff = (off: boolean): void => {
  try {
    if (off) localStorage.setItem(KEYS_OFF, '1');
    else localStorage.removeItem(KEYS_OFF);
  } catch {
    // Not kept.
  }
};
