// The way out of PostgreSQL, as a part of the History page: how far it was gone, both sides, and its steps, but for the drop.
// Where no server is named there is nothing to see.

import { button, el, figures, stack, table } from '../dom.js';
import * as f from '../format.js';
import { listOf } from '../stream.js';
import { ACTS, perform } from './migration_acts.js';

const PHASES = ['off', 'dual_write', 'backfill', 'compare', 'gradual_reads', 'duckdb_primary', 'decommissioned'];
const SIDES = { duckdb: 'DuckDB', postgres: 'PostgreSQL' };

export function migration(view) {
  const [first, ...others] = [standing(view), reads(view), found(view)];
  const nodes = [first.node, ...others.map((part) => stack('half', part.node))];
  nodes.forEach((node) => (node.hidden = true));
  const again = view.poll(3000, '/migration', first.panel, (now) => {
    // Whoever leaves no server sees nothing of it.
    nodes.forEach((node) => (node.hidden = now.phase === 'off' && now.reads === null));
    [first, ...others].forEach((part) => part.show(now));
  });
  first.acts(again);
  return nodes;
}

/** The phase, and how both sides stand; what may be done about it. */
function standing(view) {
  const steps = el('ol', { class: 'phases', 'aria-label': 'Phases' });
  const actions = el('div', { class: 'actions wrap' });
  const panel = view.panel('Leaving PostgreSQL', { limit: 15000, wide: true });
  const next = el('p', { class: 'legend' });
  const all = figures({
    phase: 'Phase',
    server: 'Server',
    answers: 'Reads answered by',
    watermark: 'Brought over up to',
    duckdb: 'DuckDB is behind',
    sink: 'PostgreSQL',
    behind: 'PostgreSQL is behind',
    rows: 'Rows written there',
    backfill: 'Backfill',
    compare: 'Last comparison',
    working: 'Under way',
  });
  view.listen('health', (data) => {
    const health = listOf(data)[0];
    if (health) all.set({ duckdb: behind(health) });
  });
  let state = null;
  const show = (now) => {
    state = now;
    steps.replaceChildren(...PHASES.map((name) => phase(name, now.phase)));
    next.textContent = `Next: ${now.next.replaceAll('`', '')}`;
    all.set({
      phase: { text: f.words(now.phase).text, title: now.since ? `since ${now.since}` : '' },
      server: f.plain(now.server),
      answers: { text: answering(now) },
      watermark: now.watermark ? f.time(now.watermark) : { text: 'not begun' },
      sink: { ...f.plain(now.sink.state), title: now.sink.last_error ?? '', class: now.sink.last_error ? 'loss' : '' },
      behind: lag(now.sink),
      rows: f.count(now.sink.rows),
      backfill: backfilled(now.backfill),
      compare: compared(now.compare),
      working: working(now),
    });
    const word = now.sink.last_error ?? (now.sink.given_up ? givenUp(now.sink.given_up) : null);
    if (word) panel.trouble({ message: word });
  };
  const acts = (again) => {
    if (view.may('admin')) actions.append(...ACTS.map((act) => button(act.label, () => perform(act, state, again))));
  };
  return { panel, node: panel.add(steps, all.node, next, actions).node, show, acts };
}

const phase = (name, now) => {
  const isDone = PHASES.indexOf(now) > PHASES.indexOf(name);
  return el('li', { class: isDone && 'done', 'aria-current': name === now && 'step' }, f.words(name).text);
};

const behind = (health) => {
  const [ledger, market] = ['ledger', 'market'].map((log) => [health[`${log}_durable`], health[`${log}_in_tables`]]);
  const missing = [ledger, market].map(([durable, stored]) => (f.isUnknown(stored) ? null : durable - stored));
  return missing.includes(null) ? f.unknown() : records(missing[0] + missing[1]);
};

const records = (count) => ({ text: count > 0 ? `${f.count(count).text} records` : 'nothing' });

function lag({ state, ledger_lag: ledger, market_lag: market, lag_seconds: seconds }) {
  if (state === 'off' || seconds === null) return f.unknown();
  const missing = records(ledger + market);
  const since = ledger + market > 0 ? `, ${f.span(seconds * 1000)}` : '';
  return { text: missing.text + since, title: `${ledger} of the ledger, ${market} of the market` };
}

const givenUp = (count) =>
  `${f.count(count).text} market records were given up while the server was away; a comparison with repair brings their rows`;

function answering({ phase: now, percent, use_duckdb: override, is_frozen: frozen }) {
  if (override !== null) return `${override ? SIDES.duckdb : SIDES.postgres} (USE_DUCKDB)`;
  if (now === 'gradual_reads') return `DuckDB ${percent} %, PostgreSQL ${100 - percent} %`;
  if (['dual_write', 'backfill', 'compare'].includes(now)) return SIDES.postgres;
  return frozen ? 'DuckDB; PostgreSQL is frozen' : SIDES.duckdb;
}

const refusals = ({ refused, accepted }) => {
  if (!refused) return '';
  const left = refused > accepted ? ` (${f.count(refused - accepted).text} nobody has accepted)` : '';
  return `, ${f.count(refused).text} refused${left}`;
};

const backfilled = (done) =>
  done === null
    ? { text: 'not done' }
    : { text: `${f.count(done.rows).text} rows${refusals(done)}`, title: `${done.slices} slices, ${done.at}` };

function compared(done) {
  if (done === null) return { text: 'none' };
  const some = done.differing === 1 ? '1 slice differs' : `${f.count(done.differing).text} slices differ`;
  const found = done.differing ? some : 'equal';
  const clean = done.clean_since ? `equal since ${done.clean_since}` : done.differing ? '' : 'an answer differed since';
  return { text: `${found}, ${f.since(done.at).text}`, title: clean, class: done.differing ? 'loss' : 'gain' };
}

function working({ working: now, last }) {
  if (now) {
    const steps = now.all ? ` ${f.count(now.done).text} of ${f.count(now.all).text},` : '';
    return { text: `${now.what}: ${now.step},${steps} ${f.count(now.rows).text} rows`, title: `since ${now.since}` };
  }
  if (!last) return { text: 'nothing' };
  return { text: `${last.what}: ${last.text}`, title: last.at, class: last.is_good ? '' : 'loss' };
}

/** Both sides beside each other, as they answer. */
function reads(view) {
  const panel = view.panel('Reads by side', { kind: 'half' });
  const ms = (side, key) => f.ratio(f.isUnknown(side[key]) ? null : side[key].toFixed(3), 3);
  const shown = table({
    caption: 'Questions to history since the start, and how long the answers of the last five minutes took',
    empty: 'no server is named',
    key: (side) => side.name,
    columns: [
      { label: 'Side', cell: (side) => ({ text: SIDES[side.name] }) },
      { label: 'Asked', number: true, cell: (side) => f.count(side.count) },
      { label: 'Failed', number: true, cell: (side) => f.count(side.errors) },
      { label: 'p50, ms', number: true, cell: (side) => ms(side, 'p50_ms') },
      { label: 'p99, ms', number: true, cell: (side) => ms(side, 'p99_ms') },
    ],
  });
  const both = figures({ shadowed: 'Asked of both', mismatches: 'Answered differently' });
  const show = ({ reads: now }) => {
    shown.rows(now === null ? [] : Object.keys(SIDES).map((name) => ({ name, ...now[name] })));
    both.set({ shadowed: f.count(now?.shadowed), mismatches: f.count(now?.mismatches) });
  };
  return { node: panel.add(shown.node, both.node).node, show };
}

/** What the last comparison found that is not the same. */
function found(view) {
  const panel = view.panel('Rows that differ', { kind: 'half' });
  const value = (side) => (row) => ({ ...f.plain(row[side]), class: 'message' });
  const shown = table({
    caption: 'The last comparison since the start',
    empty: 'none was found',
    key: (row) => row.place,
    columns: [
      { label: 'Table', cell: (row) => f.plain(row.table) },
      { label: 'Row', cell: (row) => ({ ...f.plain(row.key), title: `${row.day} ${row.symbol}`, class: 'message' }) },
      { label: 'Column', cell: (row) => f.plain(row.column) },
      { label: 'DuckDB', cell: value('duckdb') },
      { label: 'PostgreSQL', cell: value('postgres') },
    ],
  });
  const show = ({ last }) => shown.rows(last?.what === 'compare' ? differing(last.report?.mismatches ?? []) : []);
  return { node: panel.add(shown.node).node, show };
}

/** A line for each column that differs; a row that only one side has is one line. */
function differing(mismatches) {
  const line = ({ side, ...row }, cell, place) => ({ ...row, ...cell, place });
  const lines = (row, n) =>
    row.columns.length
      ? row.columns.map((cell) => line(row, cell, `${n} ${cell.column}`))
      : [line(row, { column: 'the whole row', ...only(row.side) }, String(n))];
  return mismatches.flatMap(lines);
}

const only = (side) => ({
  duckdb: side === 'only_duckdb' ? 'is there' : 'is missing',
  postgres: side === 'only_postgres' ? 'is there' : 'is missing',
});
