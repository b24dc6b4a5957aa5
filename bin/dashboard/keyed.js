// Rows by their key, as a topic tells of them: a snapshot replaces all, an update changes those that it names.

export class Keyed {
  #rows = new Map();

  /** `key(row)` names a row; a row for which `keeps(row)` is false leaves; beyond `most` the oldest that it does not `need` go. */
  constructor(key, { keeps = () => true, most = Infinity, needs = () => false } = {}) {
    Object.assign(this, { key, keeps, most, needs });
  }

  take(rows, isSnapshot) {
    if (isSnapshot) this.#rows.clear();
    for (const row of rows) {
      if (this.keeps(row)) this.#rows.set(this.key(row), row);
      else this.#rows.delete(this.key(row));
    }
    this.#trim();
  }

  #trim() {
    let excess = this.#rows.size - this.most;
    for (const [key, row] of this.#rows) {
      if (excess <= 0) return;
      if (this.needs(row)) continue;
      this.#rows.delete(key);
      excess -= 1;
    }
  }

  get list() {
    return [...this.#rows.values()];
  }

  get size() {
    return this.#rows.size;
  }
}

const ENDED = new Set(['denied', 'filled', 'canceled', 'rejected', 'expired']);

/** Rows of the tables do not say whether they are open, their status does. */
export const isOpen = (order) => !ENDED.has(order.status);

/** An order's updates come with their event. */
export const orderOf = (said) => said.order ?? said;

export const openOrders = () => new Keyed((order) => order.order_id, { keeps: isOpen });

export const openAlerts = () => new Keyed((alert) => alert.alert_id, { keeps: (alert) => !alert.closed_at });

export const positionKey = (p) => [p.account, p.exchange, p.symbol, p.strategy_id].join('|');

export const openPositions = () => new Keyed(positionKey, { keeps: (p) => p.side !== 'flat' });

/** Newest first by a column of times as texts, which sort as they are written. */
export const newestFirst = (column) => (a, b) => String(b[column]).localeCompare(String(a[column]));
