// Shortcuts. A key means something only where no text is being written and no dialog is open.

import { tell } from './dialogs.js';
import { el } from './dom.js';
import { PAGES } from './pages.js';

const OTHERS = [
  [
    'n',
    'a new order',
    () => {
      const ticket = document.querySelector('#ticket-instrument');
      if (ticket) ticket.focus();
      else location.hash = '#orders?new=1';
    },
  ],
  ['k', 'the kill switch', (shell) => shell.kill()],
  ['/', 'to the filter of the page', () => document.querySelector('main [data-filter]')?.focus()],
  ['t', 'light or dark', () => dispatchEvent(new Event('merganser-theme-switch'))],
  ['?', 'this list', () => list()],
];

function list() {
  const row = (key, what) => el('div', {}, el('dt', {}, el('kbd', {}, key)), el('dd', {}, what));
  const pages = PAGES.map((page) => row(page.key, page.title));
  const others = OTHERS.map(([key, what]) => row(key, what));
  tell(
    'Shortcuts',
    el('dl', { class: 'shortcuts' }, pages, others, row('Ctrl Enter', 'run the SQL'), row('Esc', 'leave a dialog')),
  );
}

const isWriting = (target) => target.closest?.('input, textarea, select, [contenteditable]');

export function listenToKeys(shell) {
  addEventListener('keydown', (event) => {
    if (
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      isWriting(event.target) ||
      document.querySelector('dialog[open]')
    )
      return;
    const page = PAGES.find((candidate) => candidate.key === event.key);
    const other = OTHERS.find(([key]) => key === event.key);
    if (!page && !other) return;
    event.preventDefault();
    if (page) location.hash = `#${page.name}`;
    else other[2](shell);
  });
}

export { list as listShortcuts };
