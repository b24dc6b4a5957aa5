// What a page stands on: panels that show how old their content is, questions that repeat, topics that are heard. All of
// it ends when the page is left.

import * as api from './api.js';
import { el } from './dom.js';
import { span } from './format.js';

// Milliseconds until what had no answer, or gave way, is asked again.
const PAUSE = 3000;
const LATER = 500;

/** A titled part of a page. `mark()` says how new its content is; older than `limit` ms it is dimmed and says its age. */
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

  /** Its newest content is of `at`, by this browser's clock: of now, if nothing is said; `null` says nothing of its age. */
  mark(at = Date.now()) {
    if (at !== null) this.#at = Math.max(this.#at ?? 0, Math.min(at, Date.now()));
    this.#trouble.hidden = true;
    this.tick();
  }

  /** Says why there is nothing newer, and what comes `next`. */
  trouble(problem, next = '') {
    this.#trouble.textContent = (problem.line ?? problem.message) + next;
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

  /** When a time of the server was by this browser's clock; `null` for none. */
  when(text) {
    return this.stream.when(text);
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
   * Asks now, again every `ms` and after each reconnection, never twice at a time; `path` may be a function of the
   * request's options. Answers go to `hear`, which may say of when they are; refusals go to the panel. Returns a function
   * that asks at once, which drops an answer that is still on its way.
   */
  poll(ms, path, panel, hear) {
    let asking = null;
    const ask = async () => {
      const mine = (asking = new AbortController());
      const options = { signal: mine.signal, yields: true };
      try {
        const answer = await (typeof path === 'function' ? path(options) : api.get(path, options));
        if (this.isOpen && mine === asking) {
          const at = hear(answer);
          panel?.mark(at);
        }
      } catch (error) {
        if (error.name === 'AbortError') {
          if (!mine.signal.aborted) setTimeout(turn, LATER);
        } else if (!(error instanceof api.Problem)) throw error;
        else if (this.isOpen && mine === asking) panel?.trouble(error, askedAgain(error));
      } finally {
        if (mine === asking) asking = null;
      }
    };
    const turn = () => document.hidden || !this.isOpen || asking || ask();
    const again = () => {
      asking?.abort();
      ask();
    };
    this.#polls.add(again);
    this.every(ms, turn);
    this.on(document, 'visibilitychange', turn);
    this.onClose(() => asking?.abort());
    ask();
    return again;
  }

  /** Asks until there is an answer, and gives it; `null` when the page is left before. */
  async until(question, panel) {
    while (this.isOpen) {
      try {
        const answer = await question();
        panel.mark(null);
        return this.isOpen ? answer : null;
      } catch (error) {
        if (!(error instanceof api.Problem)) throw error;
        panel.trouble(error, askedAgain(error));
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    return null;
  }

  close() {
    this.isOpen = false;
    this.#ends.forEach((end) => end());
    this.#ends = [];
    this.#polls.clear();
  }
}

const askedAgain = ({ status }) => (status === 0 ? ' The page asks again by itself.' : '');
