// Strategies: how each stands and what it has won; the chosen one with its curve, what it said, its parameters, its faults.

import * as api from '../api.js';
import { chart, line } from '../charts.js';
import { FILLS, LOGS, instrumentOf } from '../columns.js';
import { button, el, figures, show, table } from '../dom.js';
import * as f from '../format.js';
import { Keyed, newestFirst } from '../keyed.js';
import { flattenStrategy, steerStrategy } from '../steering.js';
import { listOf } from '../stream.js';

const FILLS_OF_CURVE = 2000;
const LINES = 100;

const stateOf = (s) => ({ ...f.words(s.state), class: `pill strategy ${s.state}`, title: s.last_fault ?? '' });

export function build(view) {
  const chosen = view.args.get('name');
  view.root.append(el('h1', {}, 'Strategies'), list(view, chosen).node);
  if (!chosen) return;
  view.root.append(
    one(view, chosen).node,
    curve(view, chosen).node,
    signals(view, chosen).node,
    fills(view, chosen).node,
  );
}

function list(view, chosen) {
  const panel = view.panel('All', { limit: 15000, wide: true });
  const link = (current) => {
    const node = el('a', {}, '');
    // The name of a row never changes; it is known once the row has its first state.
    queueMicrotask(() => {
      node.textContent = current().name;
      node.href = `#strategies?${new URLSearchParams({ name: current().name })}`;
      if (current().name === chosen) node.setAttribute('aria-current', 'true');
    });
    return node;
  };
  const shown = table({
    caption: 'Strategies',
    empty: 'no strategy runs; see [strategies.run] in the configuration',
    key: (s) => s.name,
    columns: [
      { label: 'Strategy', node: link },
      { label: 'State', cell: stateOf },
      { label: 'Since', cell: (s) => f.since(s.since) },
      { label: 'Realised', number: true, cell: (s) => f.result(s.results.realized_pnl, s.results.currency ?? '') },
      { label: 'Unrealised', number: true, cell: (s) => f.result(s.results.unrealized_pnl, s.results.currency ?? '') },
      { label: 'Open orders', number: true, cell: (s) => f.count(s.results.open_orders) },
      { label: 'Restarts', number: true, cell: (s) => f.count(s.generation) },
      { label: 'Faults', number: true, cell: (s) => f.count(s.faults) },
      {
        label: 'Last fault',
        cell: (s) => (s.last_fault ? { text: s.last_fault, title: s.last_fault, class: 'message' } : { text: 'none' }),
      },
    ],
  });
  const all = new Keyed((s) => s.name);
  const draw = () => {
    shown.rows(all.list.sort((a, b) => a.name.localeCompare(b.name)));
    panel.mark();
    if (!chosen && all.size > 0) location.replace(`#strategies?${new URLSearchParams({ name: all.list[0].name })}`);
  };
  view.listen('strategies', (data, isSnapshot) => {
    all.take(listOf(data), isSnapshot);
    draw();
  });
  view.poll(5000, '/strategies', panel, (said) => {
    all.take(api.rowsOf(said), true);
    draw();
  });
  return panel.add(shown.node);
}

function one(view, name) {
  const act = (what, text) =>
    button(what[0].toUpperCase() + what.slice(1), async () => {
      if (await steerStrategy(name, what, text)) again();
    });
  const actions = view.may('trade')
    ? [
        act('start', 'It begins its next generation with its saved state.'),
        act('stop', 'It stops in order; its open orders stay or are cancelled as on_stop says.'),
        act('restart', 'It stops in order and begins its next generation with its saved state.'),
        act('resume', 'It leaves its quarantine and begins its next generation.'),
        button('Flatten', async () => (await flattenStrategy(name)) && again(), { class: 'danger' }),
      ]
    : [];
  const panel = view.panel(name, { limit: 15000, actions });
  const all = figures({
    state: 'State',
    since: 'Since',
    generation: 'Generation',
    faults: 'Faults',
    abandoned: 'Hung threads',
    saved: 'State saved',
    strategy: 'Is a',
    instruments: 'Trades',
    faulty: 'Open orders at a fault',
    stopping: 'Open orders at a stop',
  });
  const fault = el('pre', { class: 'fault' });
  const parameters = el('pre', {});
  const again = view.poll(3000, `/strategies/${encodeURIComponent(name)}`, panel, (s) => {
    all.set({
      state: stateOf(s),
      since: f.since(s.since),
      generation: f.count(s.generation),
      faults: f.count(s.faults),
      abandoned: f.count(s.abandoned),
      saved: s.saved
        ? { text: `${f.since(s.saved.at).text}, ${f.bytes(s.saved.bytes).text}`, title: `${s.saved.at} UTC` }
        : { text: 'not yet' },
      strategy: f.plain(s.strategy),
      instruments: { text: s.instruments.join(', ') || 'all of the feed' },
      faulty: f.plain(s.on_fault),
      stopping: f.plain(s.on_stop),
    });
    show(fault, { text: s.last_fault ?? 'none since the start' });
    show(parameters, { text: JSON.stringify(s.parameters, null, 2) });
  });
  return panel.add(all.node, el('h3', {}, 'Last fault'), fault, el('h3', {}, 'Parameters'), parameters);
}

function curve(view, name) {
  const panel = view.panel('Realised PnL, before fees', { limit: 90000, kind: 'big' });
  const drawing = chart(view, `The realised result of ${name} over its newest fills, before fees`);
  const hint = el('p', { class: 'hint' });
  const known = new Keyed((trade) => trade.trade_id, { most: FILLS_OF_CURVE });
  let quotes = null;
  const draw = view.soon(2000, () => {
    if (!quotes) return;
    const trades = known.list.sort(newestFirst('executed_at')).reverse();
    const sums = byCurrency(trades, (trade) => quotes.get(instrumentOf(trade)) ?? 'of unknown currency');
    hint.textContent = inWords(trades, sums);
    // Amounts in two currencies are on no axis together.
    const points = sums.size === 1 ? [...sums.values()][0] : [];
    drawing.draw(() => [
      line(
        points.map((p) => p.at),
        points.map((p) => f.forChart(p.total)),
        { name, shape: 'hv' },
      ),
    ]);
  });
  view.poll(
    60000,
    api.at('/trades', { strategy: name, newest: true, limit: FILLS_OF_CURVE, fresh: false }),
    panel,
    (page) => {
      known.take(api.rowsOf(page), false);
      draw();
    },
  );
  view.listen('fills', (data) => {
    known.take(
      listOf(data).filter((trade) => trade.strategy_id === name),
      false,
    );
    draw();
  });
  view
    .until(() => api.get('/instruments'), panel)
    .then((all) => {
      quotes = new Map(api.rowsOf(all).map((rules) => [rules.instrument, rules.quote]));
      draw();
    });
  return panel.add(drawing.node, hint);
}

/** What fills brought, from the oldest on: by its currency a running sum, unknown from the first that is not known. */
function byCurrency(trades, currencyOf) {
  const sums = new Map();
  for (const trade of trades) {
    const currency = currencyOf(trade);
    const points = sums.get(currency) ?? [];
    const before = points.length === 0 ? '0' : points.at(-1).total;
    points.push({ at: trade.executed_at, total: before === null ? null : f.sum([before, trade.realized_pnl]) });
    sums.set(currency, points);
  }
  return sums;
}

function inWords(trades, sums) {
  if (trades.length === 0) return 'no fill yet';
  const totals = [...sums].map(([currency, points]) => f.result(points.at(-1).total, currency).text);
  const curve = sums.size > 1 ? '; no curve adds up currencies' : '';
  return `${totals.join(', ')} over its newest ${f.count(trades.length).text} fills, without open positions${curve}`;
}

function signals(view, name) {
  const panel = view.panel('What it said', { limit: 30000, kind: 'half' });
  const shown = table({ caption: `Log lines of ${name}`, empty: 'it has said nothing yet', columns: LOGS });
  view.poll(5000, api.at('/logs', { strategy: name, limit: LINES }), panel, (said) =>
    shown.rows(api.rowsOf(said).sort(newestFirst('timestamp'))),
  );
  return panel.add(shown.node);
}

function fills(view, name) {
  const panel = view.panel('Its fills', { limit: 90000, kind: 'half' });
  const shown = table({
    caption: `Fills of ${name}`,
    empty: 'no fill yet',
    columns: FILLS.slice(0, -1),
    key: (trade) => trade.trade_id,
  });
  view.poll(10000, api.at('/trades', { strategy: name, newest: true, limit: LINES, fresh: false }), panel, (page) =>
    shown.rows(api.rowsOf(page).sort(newestFirst('executed_at'))),
  );
  return panel.add(shown.node);
}
