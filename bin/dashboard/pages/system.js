// System: the actors as they stand, how long things take, how far the tables are behind the journals, the feeds.

import * as api from '../api.js';
import { chart, line } from '../charts.js';
import { el, figures, select, setOptions, table } from '../dom.js';
import * as f from '../format.js';
import { listOf } from '../stream.js';

export function build(view) {
  view.root.append(el('h1', {}, 'System'), journals(view).node, actors(view).node, latency(view).node, ...feeds(view));
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
  const panel = view.panel('Actors', { limit: 10000, kind: 'half' });
  const name = (a) => {
    const node = el('span', { class: 'branch' }, a.name);
    node.style.setProperty('--depth', String(a.depth));
    return node;
  };
  const shown = table({
    caption: 'The actors, each below its supervisor',
    key: (a) => `${a.kind} ${a.name}`,
    columns: [
      { label: 'Actor', cell: name },
      { label: 'Kind', wide: true, cell: (a) => (a.kind === a.name ? { text: '' } : f.plain(a.kind)) },
      { label: 'State', cell: (a) => ({ ...f.words(a.state), class: `pill strategy ${a.state}` }) },
      { label: 'Restarts', number: true, cell: (a) => f.count(a.restarts) },
      { label: 'Waiting', number: true, cell: (a) => f.count(a.waiting) },
      { label: 'Handled', number: true, cell: (a) => f.count(a.handled) },
      { label: 'Last message', cell: (a) => (a.last_message ? f.words(a.last_message) : { text: 'none yet' }) },
      { label: 'When', cell: (a) => (a.last_at ? f.since(a.last_at) : { text: '' }) },
    ],
  });
  view.poll(2000, '/actors', panel, (all) => shown.rows(below(all, null, 0)));
  return panel.add(shown.node);
}

/** Those that a supervisor replaces, each with its own below it. */
function below(all, parent, depth) {
  const own = all.filter((a) => a.parent === parent);
  return own.flatMap((a) => [{ ...a, depth }, ...(a.name === parent ? [] : below(all, a.name, depth + 1))]);
}

const LATENCIES = `select timestamp, metric_name, labels::varchar as labels, quantiles.p50 as p50, quantiles.p95 as p95,
    quantiles.p99 as p99, quantiles.p999 as p999 from system_metrics
  where quantiles is not null and timestamp > (select max(timestamp) from system_metrics) - interval 1 hour order by timestamp`;
const FIRST = 'tick_to_order_seconds';

/** The name of a metric with its labels: `query_seconds sql`. */
function seriesOf({ metric_name: name, labels }) {
  const known = [...String(labels ?? '').matchAll(/'?(\w+)'?: ([^,}]+)/g)].filter(
    ([, key, value]) => key !== 'component' && value !== 'NULL',
  );
  return [name, ...known.map(([, , value]) => value.replaceAll("'", ''))].join(' ');
}

function latency(view) {
  const choice = select([], { 'aria-label': 'Metric' });
  const panel = view.panel('Latency', { limit: 60000, kind: 'half', actions: [choice] });
  const drawing = chart(view, 'Quantiles of a latency over the last hour, in milliseconds');
  const ms = (value) => (f.isUnknown(value) ? null : value * 1000);
  const figure = (key) => ({
    label: `${key}, ms`,
    number: true,
    cell: (m) => f.ratio(ms(m[key])?.toFixed(3) ?? null, 3),
  });
  const shown = table({
    caption: 'The newest quantiles, in milliseconds',
    empty: 'nothing was measured yet',
    key: (m) => m.name,
    columns: [
      { label: 'Metric', cell: (m) => f.words(m.name.replace('_seconds', '')) },
      figure('p50'),
      figure('p95'),
      figure('p99'),
      figure('p999'),
    ],
  });
  let all = new Map();
  const draw = () => {
    const rows = all.get(choice.value) ?? [];
    const x = rows.map((r) => r.timestamp);
    const curve = (key, paint) =>
      line(
        x,
        rows.map((r) => ms(r[key])),
        { name: key, colour: paint },
      );
    const layout = () => ({ showlegend: true, legend: { orientation: 'h', y: 1.15 }, yaxis: { rangemode: 'tozero' } });
    drawing.draw(() => [curve('p50', '--accent'), curve('p95', '--mark-buy'), curve('p99', '--loss')], layout);
  };
  choice.addEventListener('change', draw);
  const question = (options) => api.select(LATENCIES, 20000, options);
  view.poll(15000, question, panel, (rows) => {
    all = new Map();
    for (const row of rows.filter((r) => r.metric_name.endsWith('_seconds'))) {
      const name = seriesOf(row);
      all.set(name, [...(all.get(name) ?? []), row]);
    }
    const names = [...all.keys()].sort();
    setOptions(choice, names, choice.value || FIRST);
    shown.rows(names.map((name) => ({ name, ...all.get(name).at(-1) })));
    draw();
  });
  return panel.add(drawing.node, shown.node);
}

function feeds(view) {
  const panel = view.panel('Feeds', { limit: 15000, kind: 'half' });
  const symbols = view.panel('Symbols of feeds', { limit: 15000, kind: 'half' });
  const micros = (value) => (f.isUnknown(value) ? f.unknown() : f.ratio((value / 1000).toFixed(3), 3, ' ms'));
  const counted = (name) => (x) => f.count(x.session.counters[name]);
  const shown = table({
    caption: 'Feeds from outside',
    empty: 'no feed from outside runs: the market is simulated or replayed',
    key: (feed) => feed.name,
    columns: [
      { label: 'Feed', cell: (x) => f.plain(x.name) },
      {
        label: 'State',
        cell: (x) => ({
          ...f.words(x.session.state),
          title: x.session.why ?? '',
          class: `pill strategy ${x.session.state === 'live' ? 'running' : 'restarting'}`,
        }),
      },
      { label: 'Lag p50', number: true, cell: (x) => micros(x.lag?.p50_micros) },
      { label: 'Lag p99', number: true, cell: (x) => micros(x.lag?.p99_micros) },
      { label: 'Connects', number: true, cell: counted('connects') },
      { label: 'Lost', number: true, cell: counted('disconnects') },
      { label: 'Gaps', number: true, cell: counted('gaps') },
      { label: 'Waiting', number: true, cell: (x) => f.count(x.waiting) },
      { label: 'Conflated', number: true, cell: (x) => f.count(x.conflated) },
    ],
  });
  const each = table({
    caption: 'Symbols of the feeds',
    empty: 'no symbol is watched outside',
    key: (s) => `${s.feed} ${s.symbol}`,
    columns: [
      { label: 'Symbol', cell: (s) => f.plain(s.symbol) },
      { label: 'Feed', cell: (s) => f.plain(s.feed) },
      { label: 'State', cell: (s) => ({ ...f.words(s.state), class: { live: 'gain', closed: '' }[s.state] ?? 'loss' }) },
      { label: 'Book', cell: (s) => f.words(s.book) },
      { label: 'Last', cell: (s) => f.since(s.last) },
    ],
  });
  view.poll(3000, '/feeds', panel, (all) => {
    shown.rows(all);
    each.rows(all.flatMap((feed) => feed.session.symbols.map((symbol) => ({ ...symbol, feed: feed.name }))));
    symbols.mark();
  });
  symbols.add(each.node);
  return [panel.add(shown.node).node, symbols.node];
}
