// History: where rows stand by table and day, how much they take, what the archive did and may do.

import * as api from '../api.js';
import { confirm } from '../dialogs.js';
import { button, el, figures, say, table } from '../dom.js';
import * as f from '../format.js';

const TIERS = ['hot', 'disk', 'warm', 'cold'];

export function build(view) {
  view.root.append(el('h1', {}, 'History'));
  const pieces = tiers(view);
  view.root.append(...pieces, archive(view).node, tickets(view).node);
}

const bytesOf = (piece) => piece.bytes ?? null;
const periodOf = (piece) => String(piece.period ?? piece.period_start ?? 'unknown').slice(0, 10);

function tiers(view) {
  const timeline = view.panel('Tiers by table and period', { limit: 90000, wide: true });
  const totals = view.panel('By table and tier', { limit: 90000, kind: 'half' });
  const every = view.panel('Partitions', { limit: 90000, kind: 'half' });
  const legend = el(
    'p',
    { class: 'legend' },
    TIERS.map((tier) => el('span', { class: `tier ${tier}` }, tier)),
  );
  const strips = el('div', { class: 'strips' });
  const sums = table({
    caption: 'Rows and bytes by table and tier',
    key: (s) => `${s.table} ${s.tier}`,
    columns: [
      { label: 'Table', cell: (s) => f.plain(s.table) },
      { label: 'Tier', cell: (s) => ({ ...f.plain(s.tier), class: `tier ${s.tier}` }) },
      { label: 'Periods', number: true, cell: (s) => f.count(s.periods) },
      { label: 'Rows', number: true, cell: (s) => f.count(s.rows) },
      { label: 'Bytes', number: true, cell: (s) => f.bytes(s.bytes) },
      {
        label: 'Bytes a row',
        number: true,
        cell: (s) => f.ratio(s.bytes !== null && s.rows > 0 ? (s.bytes / s.rows).toFixed(1) : null, 1),
      },
      { label: 'Against disk', number: true, cell: (s) => s.compression },
    ],
  });
  const parts = table({
    caption: 'Partitions',
    key: (p) => [p.table, periodOf(p), p.tier, p.part, p.location].join(' '),
    columns: [
      { label: 'Table', cell: (p) => f.plain(p.table) },
      { label: 'Period', cell: (p) => f.plain(periodOf(p)) },
      { label: 'Tier', cell: (p) => ({ ...f.plain(p.tier), class: `tier ${p.tier}` }) },
      { label: 'Rows', number: true, cell: (p) => f.count(p.rows) },
      { label: 'Bytes', number: true, cell: (p) => f.bytes(bytesOf(p)) },
      { label: 'Class', wide: true, cell: (p) => (p.storage_class ? f.plain(p.storage_class) : { text: '' }) },
    ],
  });
  view.poll(15000, '/tiers', timeline, (said) => {
    const pieces = api.rowsOf(said.partitions ?? said).map((p) => ({ ...p, table: p.table ?? p.table_name }));
    strips.replaceChildren(...strip(pieces));
    sums.rows(summed(pieces));
    parts.rows(pieces.sort((a, b) => periodOf(b).localeCompare(periodOf(a)) || a.table.localeCompare(b.table)));
    totals.mark();
    every.mark();
  });
  return [timeline.add(legend, strips).node, totals.add(sums.node).node, every.add(parts.node).node];
}

/** A line for each table: its periods from the oldest, each in the colour of the tier that holds it. */
function strip(pieces) {
  const tables = [...new Set(pieces.map((p) => p.table))].sort();
  return tables.map((name) => {
    const own = pieces.filter((p) => p.table === name).sort((a, b) => periodOf(a).localeCompare(periodOf(b)));
    const cells = own.map((p) =>
      el('li', {
        class: `tier ${p.tier}`,
        title: `${periodOf(p)}: ${p.tier}, ${f.count(p.rows).text} rows, ${f.bytes(bytesOf(p)).text}`,
      }),
    );
    return el(
      'div',
      { class: 'strip' },
      el('h3', {}, name),
      el('ol', { 'aria-label': `${name}: ${own.length} parts, the oldest first` }, cells),
      el('small', {}, own.length === 0 ? '' : `${periodOf(own[0])} – ${periodOf(own.at(-1))}`),
    );
  });
}

/** Sums by table and tier, with how much smaller a row is than on disk. A part of unknown size makes its sum unknown. */
function summed(pieces) {
  const groups = new Map();
  for (const p of pieces) {
    const key = `${p.table} ${p.tier}`;
    const group = groups.get(key) ?? { table: p.table, tier: p.tier, periods: 0, rows: 0, bytes: 0 };
    group.periods += 1;
    group.rows = f.isUnknown(p.rows) || group.rows === null ? null : group.rows + p.rows;
    group.bytes = f.isUnknown(bytesOf(p)) || group.bytes === null ? null : group.bytes + bytesOf(p);
    groups.set(key, group);
  }
  const perRow = (g) => (g?.bytes && g.rows ? g.bytes / g.rows : null);
  for (const g of groups.values()) {
    const disk = perRow(groups.get(`${g.table} disk`));
    const own = perRow(g);
    g.compression = g.tier === 'disk' ? { text: '' } : f.ratio(disk && own ? (disk / own).toFixed(1) : null, 1, '×');
  }
  return [...groups.values()].sort(
    (a, b) => a.table.localeCompare(b.table) || TIERS.indexOf(a.tier) - TIERS.indexOf(b.tier),
  );
}

function archive(view) {
  const actions = view.may('admin') ? [button('Run now', () => run())] : [];
  const panel = view.panel('Archive', { limit: 90000, kind: 'half', actions });
  const pool = figures({
    readers: 'Readers in use',
    waiting: 'Questions that wait',
    last: 'Last run',
    next: 'Next run',
  });
  const facts = el('dl', { class: 'limits' });
  const again = view.poll(15000, '/archive', panel, (said) => {
    pool.set({ last: f.since(said.last_run?.at ?? said.last_run), next: f.plain(said.next_run) });
    facts.replaceChildren(
      ...Object.entries(said)
        .filter(([, value]) => value === null || typeof value !== 'object')
        .map(([name, value]) =>
          el('div', {}, el('dt', {}, name.replaceAll('_', ' ')), el('dd', {}, String(value ?? 'unknown'))),
        ),
    );
  });
  const run = async () => {
    const text =
      'Everything that is due by the schedule of its table moves to its next tier now. Trading goes on beside it.';
    if (!(await confirm({ title: 'Run the archive', text, ok: 'Run now' }))) return;
    try {
      const said = await api.post('/archive/run', {});
      say(`the archive has run: ${typeof said === 'string' ? said : JSON.stringify(said)}`, 'good');
    } catch (problem) {
      say(problem.line, 'error');
    }
    again();
  };
  return panel.add(pool.node, facts);
}

function tickets(view) {
  const panel = view.panel('Restore tickets', { limit: 90000, kind: 'half' });
  const shown = table({
    caption: 'Objects that are being restored from an archive class',
    empty: 'nothing is being restored',
    columns: [
      { label: 'Object', cell: (t) => ({ ...f.plain(t.path), class: 'message' }) },
      { label: 'State', cell: (t) => f.plain(t.state) },
    ],
  });
  view.poll(30000, '/archive', panel, (said) => shown.rows(said.tickets ?? []));
  return panel.add(shown.node);
}
