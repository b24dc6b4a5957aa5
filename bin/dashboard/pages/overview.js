// Overview: what the account is worth and how that came, what is held, what is open, what is wrong.

import * as api from '../api.js';
import { chart, line } from '../charts.js';
import { NET_POSITIONS, ORDERS, POSITIONS, instrumentOf } from '../columns.js';
import { button, el, figures, say, table } from '../dom.js';
import * as f from '../format.js';
import { newestFirst, openAlerts, openOrders, openPositions, orderOf, positionKey } from '../keyed.js';
import { listOf } from '../stream.js';

// Points of the curve that are kept: with one a second an hour is seen, and the drawing stays quick.
const POINTS = 3600;
// Milliseconds between two drawings of a table: an eye sees no more.
const DRAWS = 200;

export function build(view) {
  const { root } = view;
  root.append(
    el('h1', {}, 'Overview'),
    worth(view).node,
    curve(view).node,
    alerts(view).node,
    positions(view).node,
    orders(view).node,
  );
}

function worth(view) {
  const panel = view.panel('Account', { limit: 5000, wide: true, kind: 'strip' });
  const all = figures({
    equity: 'Equity',
    today: 'PnL today',
    total: 'PnL in all',
    cash: 'Cash',
    gross: 'Gross exposure',
    net: 'Net exposure',
    leverage: 'Leverage',
    drawdown: 'Deepest drawdown',
    sides: 'Long / short',
  });
  view.listen('equity', (data, isSnapshot) => {
    const p = listOf(data)[0];
    if (!p) return;
    all.set({
      equity: f.money(p.portfolio_value, p.currency),
      today: f.result(p.daily_pnl),
      total: f.result(p.total_pnl),
      cash: f.money(p.cash_balance),
      gross: f.money(p.gross_exposure),
      net: f.result(p.net_exposure),
      leverage: f.ratio(p.leverage, 2, '×'),
      drawdown: f.money(p.max_drawdown),
      sides: { text: `${p.long_positions ?? 'unknown'} / ${p.short_positions ?? 'unknown'}` },
    });
    panel.mark(isSnapshot ? view.when(p.snapshot_time) : undefined);
  });
  return panel.add(all.node);
}

function curve(view) {
  const panel = view.panel('Equity', { limit: 90000, kind: 'big' });
  const drawing = chart(view, 'The equity of the account over time');
  const exact = table({
    caption: 'The newest snapshots',
    empty: 'no snapshot yet',
    columns: [
      { label: 'Time', cell: (s) => f.time(s.snapshot_time) },
      { label: 'Kind', cell: (s) => f.words(s.snapshot_type) },
      { label: 'Equity', number: true, cell: (s) => f.money(s.portfolio_value, s.currency) },
      { label: 'PnL', number: true, cell: (s) => f.result(s.total_pnl) },
    ],
  });
  let stored = [];
  let live = [];
  const draw = () => {
    const points = [...stored, ...live].slice(-POINTS);
    const x = points.map((p) => p.snapshot_time);
    const y = points.map((p) => f.forChart(p.portfolio_value));
    drawing.draw(
      () => [line(x, y, { name: 'equity' })],
      () => ({ yaxis: { tickformat: ',.2f' } }),
    );
  };
  view.poll(60000, '/equity?newest=true&limit=1000&fresh=false', panel, (page) => {
    stored = api.rowsOf(page);
    const last = stored.at(-1)?.snapshot_time ?? '';
    live = live.filter((p) => p.snapshot_time > last);
    exact.rows([...stored].reverse().slice(0, 50));
    draw();
    return view.when(last);
  });
  view.listen('equity', (data, isSnapshot) => {
    const known = listOf(data).filter((p) => p.portfolio_value !== null);
    live.push(...known);
    live.splice(0, Math.max(0, live.length - POINTS));
    if (!isSnapshot && known.length > 0) panel.mark();
  });
  view.every(2000, () => live.length > 0 && !document.hidden && draw());
  return panel.add(drawing.node, el('details', {}, el('summary', {}, 'Exact figures'), exact.node));
}

function positions(view) {
  const panel = view.panel('Positions', { limit: 5000, kind: 'half' });
  const shown = table({ caption: 'Open positions', empty: 'no open position', columns: POSITIONS, key: positionKey });
  const all = openPositions();
  const draw = view.soon(DRAWS, () =>
    shown.rows(all.list.sort((a, b) => positionKey(a).localeCompare(positionKey(b)))),
  );
  view.listen('positions', (data, isSnapshot) => {
    all.take(listOf(data), isSnapshot);
    panel.mark();
    draw();
  });
  // A book without a position is silent; that the stream is alive is known from health.
  view.listen('health', () => all.size === 0 && panel.mark());
  const net = table({
    caption: 'What the account holds: the sum over its strategies',
    empty: 'the account holds nothing',
    columns: NET_POSITIONS,
    key: instrumentOf,
  });
  view.poll(5000, '/positions/net', panel, (said) =>
    net.rows(api.rowsOf(said).filter((p) => p.strategies.length > 0)),
  );
  return panel.add(shown.node, net.node);
}

function orders(view) {
  const panel = view.panel('Open orders', { limit: 5000, kind: 'half' });
  const shown = table({
    caption: 'Open orders',
    empty: 'no open order',
    columns: ORDERS.filter((column) => !['Created', 'Type'].includes(column.label)),
    key: (order) => order.order_id,
  });
  const all = openOrders();
  const draw = view.soon(DRAWS, () => shown.rows(all.list.sort(newestFirst('created_at'))));
  view.listen('orders', (data, isSnapshot) => {
    all.take(listOf(data).map(orderOf), isSnapshot);
    draw();
  });
  // Orders are silent while nothing happens to them: what is shown holds as long as the stream is alive.
  view.listen('health', () => panel.mark());
  return panel.add(shown.node);
}

/** The rule, what it is about and what it says; who has seen it. */
function wordsOf(alert) {
  const about = alert.subject ? ` ${alert.subject}` : '';
  const seen = alert.acknowledged ? ` (seen by ${alert.acknowledged.by})` : '';
  return `${alert.severity}, ${alert.rule.replaceAll('_', ' ')}${about}: ${alert.text}${seen}`;
}

function alerts(view) {
  const panel = view.panel('Alerts', { limit: 5000 });
  const acknowledge = async (alert) => {
    try {
      await api.post(`/alerts/${encodeURIComponent(alert.alert_id)}/acknowledge`, { why: 'seen on the dashboard' });
    } catch (problem) {
      say(problem.line, 'error');
    }
  };
  const shown = table({
    caption: 'Open alerts',
    empty: 'no open alert',
    key: (alert) => alert.alert_id,
    columns: [
      { label: 'What', cell: (a) => ({ text: wordsOf(a), class: `message severity ${a.severity}` }) },
      { label: 'Since', cell: (a) => f.since(a.opened_at) },
      {
        label: '',
        node: (current) =>
          view.may('trade')
            ? button('Seen', () => acknowledge(current()), { title: 'acknowledge: it is told no more' })
            : '',
      },
    ],
  });
  const all = openAlerts();
  const draw = () => shown.rows(all.list.sort(newestFirst('opened_at')));
  view.listen('alerts', (data, isSnapshot) => {
    all.take(listOf(data), isSnapshot);
    draw();
  });
  view.every(1000, draw);
  view.listen('health', () => panel.mark());
  if (view.args.get('part') === 'alerts') queueMicrotask(() => panel.node.scrollIntoView());
  return panel.add(shown.node);
}
