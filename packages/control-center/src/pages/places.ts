// The pages, in the order of the navigation (C2, C3).

export const pages = [
  { name: 'overview', title: 'Overview', group: '' },
  { name: 'keys', title: 'Keys', group: 'Licenses' },
  { name: 'products', title: 'Products', group: 'Licenses' },
  { name: 'features', title: 'Features', group: 'Licenses' },
  { name: 'sessions', title: 'Sessions', group: 'Licenses' },
  { name: 'update', title: 'Update/Attach', group: 'Licenses' },
  { name: 'usage', title: 'Usage history', group: 'Watch' },
  { name: 'log', title: 'Access Log', group: 'Watch' },
  { name: 'network', title: 'Network', group: 'Watch' },
  { name: 'configuration', title: 'Configuration', group: 'Manage' },
  { name: 'diagnostics', title: 'Diagnostics', group: 'Manage' },
  { name: 'help', title: 'Help', group: 'Manage' },
  { name: 'about', title: 'About', group: 'Manage' },
] as const;
