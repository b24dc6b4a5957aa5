// The pages, in the order of the navigation; the digit is their shortcut.

export const PAGES = [
  { name: 'overview', title: 'Overview' },
  { name: 'market', title: 'Market' },
  { name: 'orders', title: 'Orders' },
  { name: 'strategies', title: 'Strategies' },
  { name: 'history', title: 'History' },
  { name: 'system', title: 'System' },
  { name: 'logs', title: 'Logs' },
  { name: 'sql', title: 'SQL' },
].map((page, place) => ({ ...page, key: String(place + 1) }));
