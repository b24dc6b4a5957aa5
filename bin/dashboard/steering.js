// What changes the trading state: the kill switch, flatten, halt, reduce, resume, reconcile. Each asks first.

import * as api from './api.js';
import { confirm } from './dialogs.js';
import { say, sending } from './dom.js';

// Milliseconds: whoever steers may have to wait for venues, and for the ledger's disk.
const PATIENT = { within: 30000 };
// What closes may have to wait for a venue that counts requests by the minute.
const PATIENT_TO_CLOSE = { within: 120000 };

/** What was done, as the answer tells it. */
function inWords(said, title) {
  const parts = [said.done ?? title];
  if (said.state) parts.push(`trading is ${said.state}`);
  const canceled = said.canceled ?? said.orders;
  if (Number.isInteger(canceled)) parts.push(`${canceled} open orders were told to cancel`);
  if (said.left?.length) parts.push(`${said.left.length} positions are still open`);
  if (said.waiting) parts.push(`${said.waiting} orders that close have not left for their venue yet`);
  if (said.journaled === false) parts.push('the ledger could not write it yet; make room on its disk');
  return parts.join('; ');
}

async function steer(question, act) {
  const answer = await confirm(question);
  if (!answer) return false;
  try {
    const said = await sending(question.title, () => act(answer.why));
    const isWell = said.journaled !== false && !said.left?.length;
    // What was so grave that a word was typed stands until it was read.
    say(inWords(said, question.title), isWell ? 'good' : 'error', { stays: !isWell || Boolean(question.word) });
    return true;
  } catch (problem) {
    say(`${question.title}: ${problem.line ?? problem.message}`, 'error');
    return false;
  }
}

export const killSwitch = () =>
  steer(
    {
      title: 'Kill switch',
      word: 'KILL',
      ok: 'Halt and cancel all',
      kind: 'danger',
      text: 'Trading is HALTED and every open order is cancelled. Positions stay as they are. Nothing trades until somebody resumes.',
    },
    (why) => api.post('/trading', { state: 'HALTED', why, cancel_all: true }, PATIENT),
  );

export const flatten = () =>
  steer(
    {
      title: 'Flatten',
      word: 'FLATTEN',
      ok: 'Cancel all and close all',
      kind: 'danger',
      text: 'Every open order is cancelled and every position is closed at the market, at whatever price there is. Trading stays HALTED.',
    },
    (why) => api.post('/flatten', { why, then: 'HALTED' }, PATIENT_TO_CLOSE),
  );

export const flattenStrategy = (name) =>
  steer(
    {
      title: `Flatten ${name}`,
      word: 'FLATTEN',
      ok: 'Stop it and close all it holds',
      kind: 'danger',
      text: `${name} is stopped, its open orders are cancelled and its positions are closed at the market. Other strategies keep their orders and positions, and go on.`,
    },
    (why) => api.post('/flatten', { why, strategy: name }, PATIENT_TO_CLOSE),
  );

export const cancelAll = () =>
  steer(
    {
      title: 'Cancel all open orders',
      ok: 'Cancel all',
      kind: 'danger',
      text: 'Every open order of every strategy is cancelled. Strategies go on and may send new ones.',
    },
    (why) => api.remove(api.at('/orders', { why }), PATIENT),
  );

const STATES = {
  ACTIVE: ['Resume trading', 'Orders are let through again, within the limits.'],
  REDUCING: ['Reduce only', 'Only orders that make a position smaller are let through.'],
  HALTED: ['Halt trading', 'No new order is let through. Open orders stay, and may be cancelled.'],
};

export const setState = (state) => {
  const [title, text] = STATES[state];
  return steer({ title, text, ok: title, kind: state === 'HALTED' ? 'danger' : '' }, (why) =>
    api.post('/trading', { state, why, cancel_all: false }, PATIENT),
  );
};

export const reconcile = () =>
  steer(
    {
      title: 'Reconcile',
      ok: 'Reconcile',
      text: 'Orders, fills, positions and balances are held against the books of the venue. Where it keeps none, they are restored from the ledger, and it is asked about every open order.',
    },
    () => api.post('/reconcile', undefined, PATIENT),
  );

export const acceptDifferences = () =>
  steer(
    {
      title: 'Accept what differs',
      ok: 'Accept',
      kind: 'danger',
      text: 'An order that the venue does not have ends here, one that it still has is cancelled there, and what is held becomes what the venue says. New orders are taken again.',
    },
    (why) => api.post('/reconcile/accept', { why }, PATIENT),
  );

/** Start, stop, restart or resume a strategy. */
export const steerStrategy = (name, what, text) =>
  steer(
    {
      title: `${what[0].toUpperCase()}${what.slice(1)} ${name}`,
      text,
      ok: what,
      kind: what === 'stop' ? 'danger' : '',
    },
    (why) => api.post(`/strategies/${encodeURIComponent(name)}/${what}`, { why }, PATIENT),
  );
