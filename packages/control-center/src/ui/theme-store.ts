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
