// Orders: the ticket, what may be traded, the blotter.

import * as api from '../api.js';
import { FILLS, ORDERS, instrumentOf } from '../columns.js';
import { button, el, figures, select, setOptions, stack, table } from '../dom.js';
import * as f from '../format.js';
import { Keyed, isOpen, newestFirst, orderOf } from '../keyed.js';
import { acceptDifferences, cancelAll, flatten, killSwitch, reconcile, setState } from '../steering.js';
import { listOf } from '../stream.js';
import { cancel, details, replace } from './order.js';
import { ticket } from './ticket.js';

const SHOWN = 300;
const FILLS_SHOWN = 100;
// Orders that are asked for at the start.
const LOADED = 1000;
// Orders and fills that are kept in the page.
const KEPT = 2000;
// Milliseconds between two drawings of a table: an eye sees no more.
const DRAWS = 200;

export function build(view) {
  view.root.append(
    el('h1', {}, 'Orders'),
    ticket(view).node,
    stack('big', trading(view).node, fills(view).node),
    blotter(view).node,
  );
}

function trading(view) {
  const buttons = view.may('trade')
    ? [
        button('Resume', () => setState('ACTIVE')),
        button('Reduce only', () => setState('REDUCING')),
        button('Halt', () => setState('HALTED')),
        button('Cancel all', cancelAll),
        button('Reconcile', reconcile),
        button('Accept differences', acceptDifferences),
        button('Flatten', flatten, { class: 'danger' }),
        button('Kill switch', killSwitch, { class: 'danger' }),
      ]
    : [];
  const panel = view.panel('Trading', { limit: 15000, kind: 'big' });
  const all = figures({ state: 'State', by: 'Changed by', why: 'Why', at: 'When', books: 'Books' });
  const limits = el('dl', { class: 'limits' });
  const now = (said) =>
    all.set({
      state: { ...f.plain(said.state), class: `pill state ${said.state.toLowerCase()}` },
      by: f.plain(said.by),
      why: f.plain(said.why),
      at: f.since(said.changed_at),
    });
  // What new orders wait for, and what the last reconciliation found, in its first line.
  const books = ({ possible, waits_for, last }) => {
    const found = last ? last.words.split('\n')[0] : 'not held against the venue yet';
    const waits = { books: 'orders wait for the venue: ', accept: 'only what reduces is traded: ' }[waits_for] ?? '';
    all.set({ books: { text: possible ? `${waits}${found}` : 'the venue keeps none beside ours', title: last?.words } });
  };
  const limit = ({ scope, name, limit: most, used, trips }) =>
    el(
      'div',
      { title: trips },
      el('dt', {}, `${name.replaceAll('_', ' ')} (${scope})`),
      el('dd', {}, used === null ? most : `${used} of ${most}`),
    );
  const stop = ({ what, why }) => el('div', {}, el('dt', {}, what), el('dd', {}, why));
  view.poll(5000, '/trading', panel, now);
  view.poll(5000, '/risk', panel, (said) =>
    limits.replaceChildren(...said.stops.map(stop), ...said.limits.map(limit)),
  );
  view.poll(5000, '/reconcile', panel, books);
  view.listen('trading', (data) => listOf(data).forEach(now));
  return panel.add(
    all.node,
    el('div', { class: 'actions wrap' }, buttons),
    el('details', {}, el('summary', {}, 'Limits'), limits),
  );
}

function blotter(view) {
  const panel = view.panel('Blotter', { limit: 5000, wide: true });
  const status = select(
    [
      ['open', 'open'],
      ['all', 'all'],
      ['filled', 'filled'],
      ['canceled', 'canceled'],
      ['denied', 'denied'],
      ['rejected', 'rejected'],
      ['expired', 'expired'],
    ],
    { 'aria-label': 'Status', value: view.args.get('status') ?? 'open' },
  );
  const strategy = select([['', 'every strategy']], { 'aria-label': 'Strategy' });
  const side = select([['', 'both sides'], 'buy', 'sell'], { 'aria-label': 'Side' });
  const text = el('input', {
    type: 'search',
    placeholder: 'instrument, id, reason',
    'aria-label': 'Filter',
    'data-filter': true,
  });
  const act = (current) =>
    el(
      'span',
      { class: 'actions' },
      button('Details', () => details(current())),
      view.may('trade') && button('Replace', () => replace(current()), { class: 'of-open' }),
      view.may('trade') && button('Cancel', () => cancel(current()), { class: 'of-open' }),
    );
  const columns = [
    ...ORDERS,
    { label: 'Reason', wide: true, cell: (o) => (f.isUnknown(o.reason_code) ? { text: '' } : f.plain(o.reason_code)) },
    { label: '', node: act },
  ];
  const shown = table({
    caption: 'Orders',
    empty: 'no order fits the filter',
    columns,
    key: (order) => order.order_id,
  });
  const hint = el('p', { class: 'hint' });
  const live = new Keyed((order) => order.order_id, { most: KEPT, needs: isOpen });
  const draw = view.soon(DRAWS, () => {
    const rows = live.list.sort(newestFirst('created_at'));
    setOptions(strategy, [['', 'every strategy'], ...new Set(rows.map((o) => o.strategy_id))]);
    const wanted = text.value.trim().toLowerCase();
    const fits = (o) =>
      (status.value === 'all' || (status.value === 'open' ? isOpen(o) : o.status === status.value)) &&
      (!strategy.value || o.strategy_id === strategy.value) &&
      (!side.value || o.side === side.value) &&
      (!wanted ||
        [instrumentOf(o), o.order_id, o.client_order_id, o.reason_code, o.reason, o.correlation_id]
          .join(' ')
          .toLowerCase()
          .includes(wanted));
    const fitting = rows.filter(fits);
    const seen = upTo(SHOWN, fitting);
    hint.textContent = f.cut(seen.length, fitting.length, 'filter, or ask by SQL for the rest');
    shown.rows(seen);
    seen.forEach((o, place) => shown.node.querySelector('tbody').children[place].classList.toggle('ended', !isOpen(o)));
  });
  [status, strategy, side].forEach((choice) => choice.addEventListener('change', draw));
  text.addEventListener('input', draw);
  const ended = async () => {
    // A snapshot holds open orders only; what ended since is in the tables.
    const page = await view.until(() => api.get(`/orders?status=all&newest=true&limit=${LOADED}&fresh=false`), panel);
    const rows = api.rowsOf(page).filter((o) => !isOpen(o));
    live.take(rows, false);
    draw();
  };
  view.listen('orders', (data, isSnapshot) => {
    live.take(listOf(data).map(orderOf), isSnapshot);
    draw();
    if (isSnapshot) ended();
  });
  view.listen('health', () => panel.mark());
  const query = encodeURIComponent('select * from orders order by created_at desc limit 1000');
  const more = el('a', { href: `#sql?query=${query}` }, 'all by SQL');
  return panel.add(el('div', { class: 'toolbar' }, status, strategy, side, text, more), hint, shown.node);
}

/** The first of them, without cutting off an open one. */
function upTo(most, orders) {
  let room = most - orders.filter(isOpen).length;
  return orders.filter((order) => isOpen(order) || room-- > 0);
}

function fills(view) {
  const panel = view.panel('Fills', { limit: 5000, kind: 'big' });
  const shown = table({
    caption: 'The newest fills',
    empty: 'no fill yet',
    columns: FILLS,
    key: (trade) => trade.trade_id,
  });
  const all = new Keyed((trade) => trade.trade_id, { most: KEPT });
  const hint = el('p', { class: 'hint' });
  const draw = view.soon(DRAWS, () => {
    const rows = all.list.sort(newestFirst('executed_at')).slice(0, FILLS_SHOWN);
    shown.rows(rows);
    hint.textContent = f.cut(rows.length, all.size, 'ask by SQL for the rest');
  });
  view.listen('fills', (data, isSnapshot) => {
    all.take(listOf(data), isSnapshot);
    draw();
  });
  view.listen('health', () => panel.mark());
  return panel.add(hint, shown.node);
}
