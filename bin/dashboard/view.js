// What a page stands on: panels that show how old their content is, questions that repeat, topics that are heard. All of
// it ends when the page is left.

import * as api from './api.js';
import { el } from './dom.js';
import { span } from './format.js';

/** A titled part of a page. `mark()` says that its content is new; later than `limit` ms it is dimmed and says its age. */
class Panel {
  #at = null;
  #limit;
  #age = el('span', { class: 'age' });
  #trouble = el('p', { class: 'trouble', role: 'status', hidden: true });

  constructor(title, { limit = null, wide = false, actions = [], kind = '' } = {}) {
    this.#limit = limit;
    this.body = el('div', { class: 'body' });
    this.node = el(
      'section',
      { class: `panel ${wide ? 'whole' : ''} ${kind}`, 'aria-label': title },
      el('header', {}, el('h2', {}, title), this.#age, el('div', { class: 'actions' }, actions)),
      this.#trouble,
      this.body,
    );
  }

  add(...children) {
    this.body.append(...children.filter(Boolean));
    return this;
  }

  mark() {
    this.#at = Date.now();
    this.#trouble.hidden = true;
    this.tick();
  }

  /** Says why there is nothing newer. */
  trouble(problem) {
    this.#trouble.textContent = problem.line ?? problem.message;
    this.#trouble.hidden = false;
  }

  tick() {
    if (this.#limit === null) return;
    const age = this.#at === null ? null : Date.now() - this.#at;
    const isStale = age === null || age > this.#limit;
    this.node.classList.toggle('stale', isStale);
    const text = age === null ? 'no data yet' : isStale ? `stale: ${span(age)} old` : '';
    if (this.#age.textContent !== text) this.#age.textContent = text;
  }
}

export class View {
  #ends = [];
  #polls = new Set();
  #panels = [];
  isOpen = true;

  constructor(root, stream, args, who) {
    Object.assign(this, { root, stream, args, who });
    this.every(1000, () => this.#panels.forEach((panel) => panel.tick()));
    this.on(stream, 'state', () => stream.state === 'open' && this.#polls.forEach((again) => again()));
  }

  /** Whether who is logged in may do what the scope allows. */
  may(scope) {
    const order = ['read', 'trade', 'admin'];
    return order.indexOf(this.who.scope) >= order.indexOf(scope);
  }

  panel(title, options = {}) {
    const panel = new Panel(title, options);
    this.#panels.push(panel);
    panel.tick();
    return panel;
  }

  /** Hears a topic, with what it says always as a list. */
  listen(topic, hear, refused) {
    const end = this.stream.listen(topic, hear, refused);
    this.#ends.push(end);
    return end;
  }

  on(target, event, hear) {
    target.addEventListener(event, hear);
    this.#ends.push(() => target.removeEventListener(event, hear));
  }

  onClose(work) {
    this.#ends.push(work);
  }

  every(ms, work) {
    const timer = setInterval(work, ms);
    this.#ends.push(() => clearInterval(timer));
  }

  /** A function that has the work done within `ms`, once for all calls in between, and not while nobody looks. */
  soon(ms, work) {
    let isDue = false;
    this.every(ms, () => {
      if (!isDue || document.hidden) return;
      isDue = false;
      work();
    });
    return () => {
      isDue = true;
    };
  }

  /**
   * Asks now, again every `ms` and after each reconnection; `path` may be a function. Answers go to `hear`, refusals to
   * the panel. Returns a function that asks at once, which drops an answer that is still on its way.
   */
  poll(ms, path, panel, hear) {
    let turn = 0;
    const again = async () => {
      const mine = ++turn;
      try {
        const answer = await (typeof path === 'function' ? path() : api.get(path));
        if (!this.isOpen || mine !== turn) return;
        hear(answer);
        panel?.mark();
      } catch (error) {
        if (this.isOpen && mine === turn) panel?.trouble(error);
        if (!(error instanceof api.Problem)) throw error;
      }
    };
    this.#polls.add(again);
    this.every(ms, () => document.hidden || again());
    this.on(document, 'visibilitychange', () => document.hidden || again());
    again();
    return again;
  }

  close() {
    this.isOpen = false;
    this.#ends.forEach((end) => end());
    this.#ends = [];
    this.#polls.clear();
  }
}
