// What a person may do on the way out of PostgreSQL: the question before each step, and what is sent with the answer.

import * as api from '../api.js';
import { ask, confirm } from '../dialogs.js';
import { el, field, say, select, sending } from '../dom.js';
import * as f from '../format.js';

const SHARES = [0, 1, 10, 50, 100];

/** What may be done: the question to the person, and what is sent with the answer; `null` where it is left. */
export const ACTS = [
  {
    label: 'Begin',
    path: 'init',
    body: () =>
      confirm({
        title: 'Write to both sides',
        text: 'From here on rows are written to PostgreSQL as well, into a schema of our own. Your tables there are only read.',
        ok: 'Begin',
      }),
  },
  {
    label: 'Backfill',
    path: 'backfill',
    body: () =>
      confirm({
        title: 'Bring over what stood there before',
        text: 'What the mapping file names comes over, the newest first. It may be stopped and goes on where it was.',
        ok: 'Backfill',
      }),
  },
  {
    label: 'Compare',
    path: 'compare',
    body: async ({ backfill, phase: now }) => {
      // Rows that did not fit stay behind: whoever goes on must have seen how many.
      const isAsked = now === 'backfill' || backfill?.refused > backfill?.accepted;
      const refused = isAsked ? (backfill?.refused ?? 0) : 0;
      const text = 'Every row of both sides is held against the other, while rows go on coming.';
      if (!refused) return compare(text);
      const word = String(refused);
      const looked = `${text} ${word} rows did not fit and stay behind: look at the rejects files first.`;
      const said = await confirm({ title: 'Compare both sides', text: looked, ok: 'Compare', word });
      return said && { ...said, accept_rejects: refused };
    },
  },
  { label: 'Reads …', path: 'reads', body: (now) => share(now) },
  { label: 'Promote …', path: 'promote', body: () => promote() },
  {
    label: 'Decommission …',
    path: 'decommission',
    body: () =>
      confirm({
        title: 'Leave PostgreSQL',
        text: 'Every table there is exported to the cold store and verified, and nothing is dropped. From there no way leads back.',
        ok: 'Decommission',
        word: 'decommission',
        kind: 'danger',
      }),
  },
  {
    label: 'Roll back',
    path: 'rollback',
    body: ({ phase: now }) =>
      confirm({
        title: 'Go a step back',
        text: `The phase is ${f.words(now).text}; the one before it holds again. Work that is under way ends.`,
        ok: 'Roll back',
        kind: 'danger',
      }),
  },
  {
    label: 'Stop work',
    path: 'stop',
    body: () => confirm({ title: 'Stop what is under way', text: 'What is done stays done.', ok: 'Stop' }),
  },
];

/** Asks why, beside what else is chosen. */
async function choose(title, text, ok, label, choice, made) {
  const why = el('input', { maxlength: 200, autocomplete: 'off', placeholder: 'stands in the ledger with your name' });
  const content = el('div', {}, el('p', {}, text), field(label, choice), field('Why', why));
  const answer = () => ({ why: why.value.trim() || 'said on the dashboard', ...made(choice.value) });
  return ask({ title, content, ok, answer });
}

function share({ percent }) {
  const choice = select(SHARES.map((of) => [String(of), `${of} of a hundred`]));
  choice.value = String(SHARES.find((of) => of > percent) ?? 100);
  const text = `DuckDB answers ${percent} of a hundred questions now. If it is bad at it they go a step back by themselves.`;
  return choose('Let DuckDB answer', text, 'Move reads', 'DuckDB answers', choice, (of) => ({ percent: Number(of) }));
}

function compare(text) {
  const choice = select([
    ['shown', 'is shown'],
    ['repair', 'is put right by what the journal says'],
  ]);
  return choose('Compare both sides', text, 'Compare', 'What differs', choice, (how) => ({ repair: how === 'repair' }));
}

function promote() {
  const choice = select([
    ['standby', 'stays written: the way back loses nothing'],
    ['freeze', 'is frozen: nothing is written there any more'],
  ]);
  const text = 'DuckDB alone answers from now on.';
  return choose('Promote DuckDB', text, 'Promote', 'PostgreSQL', choice, (how) => ({ freeze: how === 'freeze' }));
}

/** Asks, sends what was said, and shows what came of it. */
export async function perform({ label, path, body }, state, again) {
  if (!state) return;
  const said = await body(state);
  if (!said) return;
  try {
    const { text } = await sending(label, () => api.post(`/migration/${path}`, said, { within: 30000 }));
    say(text, 'good');
  } catch (problem) {
    say(problem.line ?? problem.message, 'error');
  }
  again();
}
