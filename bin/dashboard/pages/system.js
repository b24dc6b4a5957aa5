// System: the actors as they stand, how long things take, how far the tables are behind the journals, the feeds.

import * as api from '../api.js';
import { chart, line } from '../charts.js';
import { el, figures, select, setOptions, table } from '../dom.js';
import * as f from '../format.js';
import { listOf } from '../stream.js';

export function build(view) {
  view.root.append(
    el('h1', {}, 'System'),
    journals(view).node,
    actors(view).node,
    latency(view).node,
    feeds(view).node,
  );
}

function journals(view) {
  const panel = view.panel('Journals and tables', { limit: 5000, wide: true, kind: 'strip' });
  const all = figures({
    status: 'Health',
    ledger: 'Ledger durable',
    ledgerBehind: 'Tables behind ledger',
    market: 'Market durable',
    marketBehind: 'Tables behind market',
    hot: 'In memory since',
    room: 'Disk of the tables',
    packed: 'Segments packed',
    dropped: 'Segments dropped',
  });
  const behind = (durable, stored) =>
    f.isUnknown(durable) || f.isUnknown(stored) ? f.unknown() : f.count(Math.max(0, durable - stored));
  view.listen('health', (data) => {
    const h = listOf(data)[0];
    if (!h) return;
    all.set({
      status: { ...f.plain(h.status), class: `pill ${h.status === 'ok' ? 'well' : 'loud'}` },
      ledger: f.count(h.ledger_durable),
      ledgerBehind: behind(h.ledger_durable, h.ledger_in_tables),
      market: f.count(h.market_durable),
      marketBehind: behind(h.market_durable, h.market_in_tables),
      hot: f.time(h.hot_from),
      room: {
        text:
          h.tables_wait_for_room === undefined
            ? 'unknown'
            : h.tables_wait_for_room
              ? 'too full: the tables wait'
              : 'has room',
      },
      packed: f.count(h.market_segments_packed),
      dropped: f.count(h.market_segments_dropped),
    });
    panel.mark();
  });
  return panel.add(all.node);
}

function actors(view) {
  const panel = view.panel('Actors', { limit: 10000, kind: 'big' });
  const name = (a) => {
    const depth = a.depth ?? 0;
    const node = el('span', { class: 'branch' }, a.name);
    node.style.setProperty('--depth', String(depth));
    return node;
  };
  const shown = table({
    caption: 'The actors, each below its supervisor',
    key: (a) => a.name,
    columns: [
      { label: 'Actor', cell: name },
      { label: 'State', cell: (a) => ({ ...f.words(a.state), class: `pill strategy ${a.state}` }) },
      { label: 'Restarts', number: true, cell: (a) => f.count(a.restarts) },
      { label: 'Waiting', number: true, cell: (a) => f.count(a.waiting ?? a.queue_depth) },
      { label: 'Handled', number: true, cell: (a) => f.count(a.handled ?? a.messages) },
      { label: 'Last message', cell: (a) => f.plain(a.last_message) },
      { label: 'When', cell: (a) => f.since(a.last_at ?? a.last_message_at) },
    ],
  });
  view.poll(2000, '/actors', panel, (said) => shown.rows(branches(api.rowsOf(said.actors ?? said))));
  return panel.add(shown.node);
}

/** Rows in the order of the tree: each below its parent, one step deeper. Without parents, names say it: `strategies/ema`. */
function branches(all) {
  const parentOf = (a) => a.parent ?? (a.name.includes('/') ? a.name.slice(0, a.name.lastIndexOf('/')) : null);
  const names = new Set(all.map((a) => a.name));
  const below = (parent, depth) =>
    all
      .filter((a) => {
        const own = parentOf(a);
        return (names.has(own) ? own : null) === parent;
      })
      .flatMap((a) => [{ ...a, depth }, ...below(a.name, depth + 1)]);
  return below(null, 0);
}

const LATENCIES = `select timestamp, metric_name, labels.actor as actor, quantiles.p50 as p50, quantiles.p95 as p95, quantiles.p99 as p99, quantiles.p999 as p999
  from system_metrics where quantiles is not null and timestamp > (select max(timestamp) from system_metrics) - interval 1 hour order by timestamp`;

function latency(view) {
  const choice = select([], { 'aria-label': 'Metric' });
  const panel = view.panel('Latency', { limit: 60000, actions: [choice] });
  const drawing = chart(view, 'Quantiles of a latency over the last hour');
  const shown = table({
    caption: 'The newest quantiles',
    empty: 'nothing was measured yet',
    key: (m) => m.name,
    columns: [
      { label: 'Metric', cell: (m) => f.plain(m.name) },
      { label: 'p50', number: true, cell: (m) => f.ratio(m.p50, 1) },
      { label: 'p95', number: true, cell: (m) => f.ratio(m.p95, 1) },
      { label: 'p99', number: true, cell: (m) => f.ratio(m.p99, 1) },
      { label: 'p999', number: true, cell: (m) => f.ratio(m.p999, 1) },
    ],
  });
  let all = new Map();
  const draw = () => {
    const rows = all.get(choice.value) ?? [];
    const x = rows.map((r) => r.timestamp);
    const curve = (key, paint) =>
      line(
        x,
        rows.map((r) => r[key]),
        { name: key, colour: paint },
      );
    drawing.draw(
      () => [curve('p50', '--accent'), curve('p95', '--mark-buy'), curve('p99', '--loss')],
      () => ({ showlegend: true, legend: { orientation: 'h' }, yaxis: { rangemode: 'tozero' } }),
    );
  };
  choice.addEventListener('change', draw);
  const question = () =>
    api.post('/sql', { query: LATENCIES, format: 'json', max_rows: 20000, scope: 'local', stale: true });
  view.poll(15000, question, panel, (rows) => {
    all = new Map();
    for (const row of api.rowsOf(rows)) {
      const name = row.actor ? `${row.metric_name} ${row.actor}` : row.metric_name;
      all.set(name, [...(all.get(name) ?? []), row]);
    }
    setOptions(choice, [...all.keys()].sort());
    shown.rows([...all].map(([name, own]) => ({ name, ...own.at(-1) })).sort((a, b) => a.name.localeCompare(b.name)));
    draw();
  });
  return panel.add(drawing.node, shown.node);
}

function feeds(view) {
  const panel = view.panel('Feeds', { limit: 15000, wide: true });
  const micros = (value) => (f.isUnknown(value) ? f.unknown() : { ...f.ratio((value / 1000).toFixed(3), 3, ' ms') });
  const session = (row) => row.session ?? row;
  const shown = table({
    caption: 'Feeds and venues',
    empty: 'no feed from outside runs: the market is simulated, replayed or imported',
    key: (feed) => feed.name,
    columns: [
      { label: 'Feed', cell: (x) => f.plain(x.name) },
      { label: 'State', cell: (x) => f.words(session(x).state ?? (session(x).is_connected ? 'connected' : null)) },
      { label: 'Lag p50', number: true, cell: (x) => micros(x.lag?.p50_micros) },
      { label: 'Lag p99', number: true, cell: (x) => micros(x.lag?.p99_micros) },
      { label: 'Reconnects', number: true, cell: (x) => f.count(session(x).reconnects) },
      { label: 'Waiting', number: true, cell: (x) => f.count(x.waiting) },
      { label: 'Backlog', number: true, cell: (x) => f.count(x.backlog) },
      { label: 'Conflated', number: true, cell: (x) => f.count(x.conflated) },
      { label: 'Records', cell: (x) => ({ text: x.records ? 'yes' : 'no' }) },
    ],
  });
  view.poll(3000, '/feeds', panel, (said) => shown.rows(api.rowsOf(said.feeds ?? said)));
  return panel.add(shown.node);
}
