// The dashboard begins here: who is logged in, which page the address names, one stream for all of them.

import * as api from './api.js';
import { el } from './dom.js';
import { listenToKeys } from './keys.js';
import { login } from './pages/login.js';
import { PAGES } from './pages.js';
import { Shell } from './shell.js';
import { Stream } from './stream.js';
import { View } from './view.js';

const content = document.getElementById('content');
const stream = new Stream();
let shell = null;
let view = null;
let who = null;

/** The page and its arguments: `#orders?instrument=simulated%3ASIMBTC`. */
function address() {
  const [name, query = ''] = location.hash.slice(1).split('?');
  return { name: PAGES.some((page) => page.name === name) ? name : PAGES[0].name, args: new URLSearchParams(query) };
}

async function open() {
  const { name, args } = address();
  const page = PAGES.find((candidate) => candidate.name === name);
  const isFirst = view === null;
  view?.close();
  content.replaceChildren();
  content.dataset.page = name;
  view = new View(content, stream, args, who);
  shell.opened(page);
  document.title = `${page.title} · Merganser`;
  const mine = view;
  try {
    const { build } = await import(`./pages/${name}.js`);
    if (mine === view) build(view);
  } catch (error) {
    content.append(
      el('p', { class: 'trouble' }, 'This page did not load; it may be of an older Merganser. Reload it.'),
    );
    throw error;
  }
  // Whoever comes from another page goes on here; at the start the first stop is the skip link.
  if (!isFirst) content.focus({ preventScroll: true });
  scrollTo(0, 0);
}

// That this browser has logged in; the session itself no script can read.
const HAS_SESSION = 'merganser.session';

async function logIn(token) {
  await api.ask('/session', { token });
  localStorage.setItem(HAS_SESSION, 'yes');
}

/** A link with `#token=…` logs in; the token leaves the address at once. */
async function useLink() {
  const found = /^#token=(.+)$/.exec(location.hash);
  if (!found) return;
  history.replaceState(null, '', location.pathname);
  await logIn(decodeURIComponent(found[1]));
}

/** Who is logged in; `null` for nobody. */
async function look() {
  await useLink();
  return localStorage.getItem(HAS_SESSION) ? api.get('/session') : null;
}

async function begin() {
  let trouble = null;
  who = await look().catch((problem) => {
    trouble = problem.status === 401 && localStorage.getItem(HAS_SESSION) ? null : problem;
    if (problem.status === 0) setTimeout(begin, 2000);
    return null;
  });
  if (!who) {
    login(content, trouble, async (token) => {
      await logIn(token);
      begin();
    });
    return;
  }
  document.body.classList.add('in');
  stream.start();
  shell = new Shell(stream, who);
  listenToKeys(shell);
  addEventListener('hashchange', () => (location.hash.startsWith('#token=') ? location.reload() : open()));
  await open();
}

/** Whoever is logged out sees the login, and nothing of before. */
api.session.addEventListener('over', () => {
  localStorage.removeItem(HAS_SESSION);
  location.reload();
});
// A stream that is refused may be a session that is over: asking says so.
stream.addEventListener('state', () => stream.state === 'lost' && api.get('/status').catch(() => {}));
document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  content.focus();
});

begin();
