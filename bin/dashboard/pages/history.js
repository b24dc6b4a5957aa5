// History: where rows stand by table and period, how much they take, what the archive did, is to do and may do now.

import * as api from '../api.js';
import { confirm } from '../dialogs.js';
import { button, el, figures, say, sending, stack, table } from '../dom.js';
import * as f from '../format.js';
import { migration } from './migration.js';

const TIERS = ['hot', 'disk', 'warm', 'cold'];
// Periods beyond which a strip has no room for gaps.
const DENSE = 200;
const tierOf = (row) => ({ ...f.plain(row.tier), class: `tier ${row.tier}` });

export function build(view) {
  const [timeline, totals, every] = tiers(view);
  view.root.append(
    el('h1', {}, 'History'),
    ...migration(view),
    timeline,
    stack('half', totals, archive(view).node),
    stack('half', every, tickets(view).node),
  );
}

function tiers(view) {
  const timeline = view.panel('Tiers by table and period', { limit: 90000, wide: true });
  const totals = view.panel('By table and tier', { limit: 90000, kind: 'half' });
  const every = view.panel('Periods', { limit: 90000, kind: 'half' });
  const legend = el(
    'p',
    { class: 'legend' },
    TIERS.slice(1).map((tier) => el('span', { class: `tier ${tier}` }, tier)),
  );
  const strips = el('div', { class: 'strips' });
  const sums = table({
    caption: 'Rows and bytes by table and tier',
    key: (s) => `${s.table} ${s.tier}`,
    columns: SUMS,
  });
  const parts = table({ caption: 'Periods', key: (p) => `${p.table} ${p.period} ${p.tier}`, columns: PERIODS });
  view.poll(15000, '/tiers', timeline, (standing) => {
    strips.replaceChildren(...strip(standing));
    sums.rows(summed(standing));
    parts.rows(standing.sort((a, b) => b.period.localeCompare(a.period) || a.table.localeCompare(b.table)));
    totals.mark();
    every.mark();
  });
  return [timeline.add(legend, strips).node, totals.add(sums.node).node, every.add(parts.node).node];
}

const SIZES = [
  { label: 'Files', number: true, cell: (s) => f.count(s.files) },
  { label: 'Rows', number: true, cell: (s) => f.count(s.rows) },
  { label: 'Bytes', number: true, cell: (s) => f.bytes(s.bytes) },
];

const ratio = (part) => f.ratio(part === null ? null : part.toFixed(2), 1, '×');

const SUMS = [
  { label: 'Table', cell: (s) => f.plain(s.table) },
  { label: 'Tier', cell: tierOf },
  { label: 'Periods', number: true, cell: (s) => f.count(s.periods) },
  ...SIZES,
  {
    label: 'Compression',
    number: true,
    cell: (s) => ratio(s.bytes && s.plain_bytes ? s.plain_bytes / s.bytes : null),
  },
];

const PERIODS = [
  { label: 'Table', cell: (p) => f.plain(p.table) },
  { label: 'Period', cell: (p) => f.plain(p.period) },
  { label: 'Tier', cell: tierOf },
  ...SIZES,
  { label: 'Compression', number: true, cell: (p) => ratio(p.ratio) },
];

/** A line for each table: its periods from the oldest, each in the colour of the tier that holds it. */
function strip(standing) {
  const names = [...new Set(standing.map((p) => p.table))].sort();
  const words = (p) => `${p.period}: ${p.tier}, ${f.count(p.rows).text} rows, ${f.bytes(p.bytes).text}`;
  return names.map((name) => {
    const own = standing.filter((p) => p.table === name).sort((a, b) => a.period.localeCompare(b.period));
    const cells = own.map((p) => el('li', { class: `tier ${p.tier}`, title: words(p) }));
    const reach = own.length === 1 ? own[0].period : `${own[0].period} – ${own.at(-1).period}`;
    const label = `${name}: ${own.length} periods, the oldest first; the table below has the figures`;
    return el(
      'div',
      { class: 'strip' },
      el('h3', {}, name),
      el('ol', { 'aria-label': label, class: own.length > DENSE && 'dense' }, cells),
      el('small', {}, reach),
    );
  });
}

/** Sums by table and tier. A part of unknown size makes its sum unknown. */
function summed(standing) {
  const groups = new Map();
  const add = (sum, value) => (f.isUnknown(value) || sum === null ? null : sum + value);
  for (const p of standing) {
    const key = `${p.table} ${p.tier}`;
    const group = groups.get(key) ?? {
      table: p.table,
      tier: p.tier,
      periods: 0,
      files: 0,
      rows: 0,
      bytes: 0,
      plain_bytes: 0,
    };
    group.periods += 1;
    for (const name of ['files', 'rows', 'bytes', 'plain_bytes']) group[name] = add(group[name], p[name]);
    groups.set(key, group);
  }
  return [...groups.values()].sort(
    (a, b) => a.table.localeCompare(b.table) || TIERS.indexOf(a.tier) - TIERS.indexOf(b.tier),
  );
}

const EVERYTHING = { dry_run: false, tables: [] };

/** The newest sample of the readers and the archive, which telemetry takes every few seconds. */
const SAMPLE = `select metric_name, arg_max(value, timestamp) as value from system_metrics
  where metric_name in ('readers_in_use', 'readers_waiting', 'archive_good_age_seconds', 'archive_failing')
    and timestamp > (select max(timestamp) from system_metrics) - interval 1 minute group by metric_name`;

function archive(view) {
  const actions = view.may('admin') ? [button('Run now', () => run())] : [];
  const panel = view.panel('Archive', { limit: 90000, kind: 'half', actions });
  const all = figures({
    schedule: 'Schedule, UTC',
    runs: 'Runs since the start',
    failed: 'Steps that failed',
    good: 'Last good run',
    readers: 'Readers in use',
    waiting: 'Questions that wait',
  });
  const due = table({
    caption: 'Due now',
    empty: 'nothing is due',
    key: (s) => `${s.table} ${s.period} ${s.part}`,
    columns: DUE,
  });
  const again = view.poll(15000, '/archive', panel, (said) =>
    all.set({
      schedule: { text: said.schedule || 'by hand only' },
      runs: f.count(said.runs),
      failed: f.count(said.steps_failed),
    }),
  );
  const look = view.poll(
    60000,
    (options) => api.ask('/archive/due', EVERYTHING, { within: 30000, ...options }),
    panel,
    (steps) => due.rows(steps),
  );
  view.poll(
    10000,
    (options) => api.select(SAMPLE, 10, options),
    panel,
    (rows) => {
      const found = Object.fromEntries(rows.map((row) => [row.metric_name, row.value]));
      const age = found.archive_good_age_seconds;
      const good = age === undefined ? f.unknown() : { text: `${f.span(age * 1000)} ago` };
      all.set({ readers: f.count(found.readers_in_use), waiting: f.count(found.readers_waiting), good });
    },
  );
  const run = async () => {
    const text =
      'Everything that is due by the limits of its table moves to its next tier now. Trading goes on beside it.';
    if (!(await confirm({ title: 'Run the archive', text, ok: 'Run now' }))) return;
    try {
      const act = () => api.post('/archive/run', EVERYTHING, { within: null });
      const { done, failed, bytes_written: written } = await sending('Archive', act);
      const words = `the archive has run: ${done.length} steps done, ${failed.length} failed, ${f.bytes(written).text} written`;
      say(failed.length ? `${words}; ${failed[0][1]}` : words, failed.length ? 'error' : 'good');
    } catch (problem) {
      say(problem.line ?? problem.message, 'error');
    }
    again();
    look();
  };
  return panel.add(all.node, el('h3', {}, 'Due now'), due.node);
}

/** `seal`, or a step with its tiers: `{move: {from, to}}`, `{delete: {from}}`. */
function actionOf({ action }) {
  if (typeof action === 'string') return action;
  const [[what, { from, to }]] = Object.entries(action);
  return to ? `${what} from ${from} to ${to}` : `${what} from ${from}`;
}

const DUE = [
  { label: 'Table', cell: (s) => f.plain(s.table) },
  { label: 'Period', cell: (s) => f.plain(s.period) },
  { label: 'What', cell: (s) => ({ text: actionOf(s) }) },
  { label: 'Rows', number: true, cell: (s) => f.count(s.rows) },
  { label: 'Bytes', number: true, cell: (s) => f.bytes(s.bytes) },
];

function tickets(view) {
  const panel = view.panel('Restore tickets', { limit: 180000, kind: 'half' });
  const shown = table({
    caption: 'Objects that are being restored from an archive class',
    empty: 'nothing was asked to be restored since the start',
    columns: [
      { label: 'Object', cell: (t) => ({ ...f.plain(t.path), class: 'message' }) },
      { label: 'State', cell: (t) => f.plain(t.state) },
    ],
  });
  view.poll(60000, '/archive/restores', panel, (tickets) => shown.rows(tickets));
  return panel.add(shown.node);
}
