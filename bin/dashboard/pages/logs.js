// Logs: the newest lines as they are written, filtered; a correlation id leads from a line to its order, fills and positions.

import * as api from '../api.js';
import { FILLS, LOGS, ORDERS } from '../columns.js';
import { button, el, select, table } from '../dom.js';
import * as f from '../format.js';
import { newestFirst } from '../keyed.js';
import { listOf } from '../stream.js';

// Lines that are kept in the page.
const KEPT = 2000;
const SHOWN = 300;
// Milliseconds between two drawings: an eye sees no more.
const DRAWS = 250;
const LEVELS = ['error', 'warn', 'info', 'debug'];

export function build(view) {
  const correlation = view.args.get('correlation');
  view.root.append(el('h1', {}, 'Logs'));
  if (correlation) view.root.append(trail(view, correlation).node);
  view.root.append(lines(view, correlation).node);
}

function lines(view, correlation) {
  const panel = view.panel(correlation ? 'Its log lines' : 'Lines', { limit: 5000, wide: true });
  const level = select(LEVELS, { 'aria-label': 'At least this level', value: correlation ? 'debug' : 'info' });
  const component = el('input', {
    type: 'search',
    placeholder: 'component',
    'aria-label': 'Component',
    value: view.args.get('component') ?? '',
  });
  const text = el('input', {
    type: 'search',
    placeholder: 'text, strategy, order',
    'aria-label': 'Filter',
    'data-filter': true,
  });
  let isFollowing = true;
  const follow = button('Pause', () => {
    isFollowing = !isFollowing;
    follow.textContent = isFollowing ? 'Pause' : 'Follow';
    follow.setAttribute('aria-pressed', String(!isFollowing));
    draw();
  });
  const leads = (current) => {
    const node = el('a', { class: 'id' });
    queueMicrotask(() => {
      const id = current().correlation_id;
      node.textContent = id ? id.slice(0, 8) : '';
      if (id) node.href = `#logs?correlation=${encodeURIComponent(id)}`;
    });
    return node;
  };
  const columns = [
    LOGS[0],
    LOGS[1],
    { label: 'Component', cell: (l) => f.plain(l.component ?? l.service) },
    LOGS[2],
    { label: 'Strategy', wide: true, cell: (l) => ({ text: contextOf(l).strategy_id ?? '' }) },
    { label: 'Order', wide: true, cell: (l) => (contextOf(l).order_id ? f.id(contextOf(l).order_id) : { text: '' }) },
    { label: 'Correlation', node: leads },
  ];
  const shown = table({
    caption: 'Log lines, the newest first',
    empty: 'no line fits the filter',
    columns,
    key: (l) => l.place,
  });
  const hint = el('p', { class: 'hint' });
  let kept = [];
  let place = 0;
  const draw = view.soon(DRAWS, () => {
    const wanted = text.value.trim().toLowerCase();
    const part = component.value.trim().toLowerCase();
    const fits = (l) =>
      LEVELS.indexOf(l.level) <= LEVELS.indexOf(level.value) &&
      (!correlation || l.correlation_id === correlation) &&
      (!part ||
        String(l.component ?? l.service)
          .toLowerCase()
          .includes(part)) &&
      (!wanted || JSON.stringify(l).toLowerCase().includes(wanted));
    const fitting = kept.filter(fits);
    shown.rows(fitting.slice(-SHOWN).reverse());
    hint.textContent = f.cut(Math.min(SHOWN, fitting.length), fitting.length, 'filter, or ask by SQL for the rest');
  });
  const take = (fresh, isSnapshot) => {
    kept = [...(isSnapshot ? [] : kept), ...fresh.map((l) => ({ ...l, place: ++place }))].slice(-KEPT);
    if (isFollowing) draw();
  };
  [level, component, text].forEach((node) => node.addEventListener('input', draw));
  if (correlation) {
    const path = api.at('/logs', { correlation_id: correlation, limit: SHOWN });
    view.poll(5000, path, panel, (said) => take(api.rowsOf(said).sort(newestFirst('timestamp')).reverse(), true));
  } else {
    view.listen('logs', (data, isSnapshot) => take(listOf(data), isSnapshot));
    view.listen('health', () => panel.mark());
  }
  return panel.add(el('div', { class: 'toolbar' }, level, component, text, !correlation && follow), hint, shown.node);
}

/** Who and what a line is about; a line of the table has it in a column of its own. */
const contextOf = (line) => line.context ?? line;

/** What happened under one correlation id. */
function trail(view, correlation) {
  const panel = view.panel(`Correlation ${correlation}`, { wide: true });
  // An id is hexadecimal digits and dashes; anything else never gets into the question.
  if (!/^[0-9a-fA-F-]{1,36}$/.test(correlation))
    return panel.add(
      el('p', { class: 'trouble' }, 'this is no correlation id; follow one from a log line or an order'),
    );
  const orders = table({ caption: 'Its orders', empty: 'no order', columns: ORDERS, key: (o) => o.order_id });
  const fills = table({ caption: 'Its fills', empty: 'no fill', columns: FILLS, key: (t) => t.trade_id });
  const ask = (from) =>
    api.select(`select * from ${from} where correlation_id = '${correlation}'`, 200, { stale: false });
  const fail = (problem) => panel.trouble(problem);
  ask('orders').then((rows) => orders.rows(api.rowsOf(rows)), fail);
  ask('trades').then((rows) => fills.rows(api.rowsOf(rows)), fail);
  return panel.add(orders.node, fills.node, el('a', { href: '#logs' }, 'all log lines'));
}
