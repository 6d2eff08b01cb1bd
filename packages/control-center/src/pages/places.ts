// The pages, in the order of the navigation (C2, C3); `letter` after g goes there.

export const pages = [
  { name: 'overview', title: 'Overview', group: '', letter: 'o' },
  { name: 'keys', title: 'Keys', group: 'Licenses', letter: 'k' },
  { name: 'products', title: 'Products', group: 'Licenses', letter: 'p' },
  { name: 'features', title: 'Features', group: 'Licenses', letter: 'f' },
  { name: 'sessions', title: 'Sessions', group: 'Licenses', letter: 's' },
  { name: 'update', title: 'Update/Attach', group: 'Licenses', letter: 'u' },
  { name: 'usage', title: 'Usage history', group: 'Watch', letter: 'y' },
  { name: 'log', title: 'Access Log', group: 'Watch', letter: 'l' },
  { name: 'network', title: 'Network', group: 'Watch', letter: 'n' },
  { name: 'configuration', title: 'Configuration', group: 'Manage', letter: 'c' },
  { name: 'diagnostics', title: 'Diagnostics', group: 'Manage', letter: 'd' },
  { name: 'help', title: 'Help', group: 'Manage', letter: 'h' },
  { name: 'about', title: 'About', group: 'Manage', letter: 'a' },
] as const;
