// What stands around every page: whose money it is, what may be traded, equity, alerts, the connection, the kill switch.

import * as api from './api.js';
import { button, el, say, show } from './dom.js';
import * as f from './format.js';
import { openAlerts } from './keyed.js';
import { listShortcuts } from './keys.js';
import { PAGES } from './pages.js';
import { listOf } from './stream.js';
import { killSwitch } from './steering.js';

const top = document.getElementById('top');
const nav = document.getElementById('pages');
const banner = document.getElementById('banner');

// Milliseconds after which what is said once a second is old.
const OLD = 5000;

const dispatch = (name) => () => dispatchEvent(new Event(name));

export class Shell {
  #stream;
  #who;
  #status = null;
  #alerts = openAlerts();
  #worth = null;
  #links = new Map();
  #parts = {
    money: el('span', { class: 'money unknown' }, 'money unknown'),
    name: el('span', { class: 'instance' }),
    trading: el('a', { class: 'pill', href: '#orders', 'aria-live': 'polite' }, 'unknown'),
    equity: el('span', { class: 'unknown' }, 'unknown'),
    today: el('span', { class: 'unknown' }, 'unknown'),
    alerts: el('a', { class: 'pill', href: '#overview?part=alerts', 'aria-live': 'assertive' }, 'alerts unknown'),
    connection: el('span', { class: 'pill', role: 'status' }, 'connecting'),
  };

  constructor(stream, who) {
    this.#stream = stream;
    this.#who = who;
    this.#build(who);
    stream.addEventListener('state', () => this.#connection());
    stream.addEventListener('closing', (event) => say(`the stream was closed: ${event.detail.detail}`, 'error'));
    stream.listen('trading', (data) => this.#trading(listOf(data)[0]));
    stream.listen('equity', (data) => this.#equity(listOf(data)[0]));
    stream.listen('alerts', (data, isSnapshot) => this.#heard(listOf(data), isSnapshot));
    stream.listen('health', () => {});
    setInterval(() => {
      this.#connection();
      this.#showWorth();
    }, 1000);
    this.#ask();
  }

  /** A page was opened. */
  opened(page) {
    for (const [name, link] of this.#links) {
      if (name === page.name) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    this.#links.get(page.name).scrollIntoView({ block: 'nearest', inline: 'center' });
  }

  kill() {
    if (this.#who.scope === 'read') return say('this token may only read; the kill switch needs one that may trade');
    return killSwitch();
  }

  #build(who) {
    const p = this.#parts;
    p.equity.dataset.base = p.today.dataset.base = 'value';
    const tools = el(
      'div',
      { class: 'tools' },
      button('?', listShortcuts, { class: 'icon of-keys', title: 'shortcuts', 'aria-label': 'shortcuts' }),
      button('◐', dispatch('merganser-theme-switch'), {
        class: 'icon',
        title: 'light or dark',
        'aria-label': 'light or dark',
      }),
      who.scope !== 'read' && button('Kill switch', () => this.kill(), { class: 'danger', id: 'kill' }),
    );
    top.replaceChildren(
      el('div', { class: 'brand' }, el('strong', {}, 'Merganser'), p.name, p.money),
      el(
        'div',
        { class: 'now' },
        p.trading,
        el('span', { class: 'pair' }, el('small', {}, 'Equity'), p.equity),
        el('span', { class: 'pair' }, el('small', {}, 'Today'), p.today),
        p.alerts,
        p.connection,
      ),
      tools,
    );
    nav.replaceChildren(
      ...PAGES.map((page) => {
        const link = el('a', { href: `#${page.name}` }, page.title, el('kbd', { 'aria-hidden': 'true' }, page.key));
        this.#links.set(page.name, link);
        return link;
      }),
      el('a', { href: '/api/docs' }, 'API'),
      button('Log out', () => this.#leave(), { class: 'quiet', title: `logged in as ${who.name} (${who.scope})` }),
    );
    top.hidden = nav.hidden = false;
  }

  async #ask() {
    try {
      this.#status = await api.get('/status');
      const {
        instance,
        account,
        is_simulated: isSimulated,
        orders_to: venue,
        profile,
        is_live: isLive,
        version,
        started_at: started,
      } = this.#status;
      const world = isLive ? 'LIVE' : profile;
      const place = world && profile !== venue ? `${venue} (${world})` : venue;
      this.#parts.name.textContent = `${instance} · ${account} · orders to ${place}`;
      this.#parts.name.title = `merganser ${version}, started ${started} UTC`;
      // Money that is not known to be real is never shown as real.
      const [text, kind] =
        isSimulated === false || isLive
          ? ['LIVE MONEY', 'live']
          : isSimulated
            ? ['SIMULATED MONEY', 'simulated']
            : ['MONEY UNKNOWN', 'unknown'];
      this.#parts.money.textContent = text;
      this.#parts.money.className = `money ${kind}`;
    } catch (problem) {
      if (problem.status !== 401) setTimeout(() => this.#ask(), 3000);
    }
  }

  #trading(said) {
    if (!said) return;
    const { trading } = this.#parts;
    trading.textContent = said.state;
    trading.className = `pill state ${String(said.state).toLowerCase()}`;
    trading.title = said.why ? `${said.by ?? 'unknown'}: ${said.why}` : 'the trading state';
  }

  #equity(portfolio) {
    if (!portfolio) return;
    const { portfolio_value: value, daily_pnl: today, currency } = portfolio;
    this.#worth = { at: Date.now(), equity: f.money(value, currency), today: f.result(today) };
    this.#showWorth();
  }

  /** What was said too long ago is not known any more, and says how old it is. */
  #showWorth() {
    if (!this.#worth) return;
    const { at, equity, today } = this.#worth;
    const age = Date.now() - at;
    const old = (cell) => (age < OLD ? cell : { ...cell, text: `${cell.text}, ${f.span(age)} ago`, class: 'unknown' });
    show(this.#parts.equity, old(equity));
    show(this.#parts.today, old(today));
  }

  #heard(alerts, isSnapshot) {
    this.#alerts.take(alerts, isSnapshot);
    const { size } = this.#alerts;
    this.#parts.alerts.textContent = size === 0 ? 'no alerts' : `${size} alert${size === 1 ? '' : 's'}`;
    this.#parts.alerts.className = `pill ${size > 0 ? 'loud' : ''}`;
  }

  #connection() {
    const { connection } = this.#parts;
    const isOpen = this.#stream.state === 'open';
    document.body.classList.toggle('lost', this.#stream.state === 'lost');
    const text = { open: 'live', lost: 'no connection', connecting: 'connecting' }[this.#stream.state];
    if (connection.textContent !== text) connection.textContent = text;
    connection.className = `pill ${isOpen ? 'well' : 'loud'}`;
    if (this.#stream.state !== 'lost') {
      banner.replaceChildren();
      return;
    }
    const wait = Math.max(0, Math.ceil((this.#stream.next - Date.now()) / 1000));
    const count = banner.querySelector('.wait') ?? el('span', { class: 'wait', 'aria-live': 'off' });
    count.textContent = wait > 0 ? ` Next attempt in ${wait} s. ` : ' Trying … ';
    if (!banner.firstChild) {
      banner.append(
        el(
          'p',
          {},
          'The connection to Merganser is lost. What is shown is from before.',
          count,
          button('Try now', () => this.#stream.hurry()),
        ),
      );
    }
  }

  async #leave() {
    await api.remove('/session').catch(() => {});
    sessionStorage.clear();
    location.hash = '';
    api.session.dispatchEvent(new Event('over'));
  }
}
