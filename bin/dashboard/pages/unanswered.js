// Orders that were sent and of which no answer came: whether they arrived is not known. Sent again they carry the same key
// and so are the same order. They are remembered before they are sent, by this tab, even if it is loaded anew.

const REMEMBERED = 'merganser.unanswered';
const MOST = 50;

function all() {
  try {
    return new Map(JSON.parse(sessionStorage.getItem(REMEMBERED)) ?? []);
  } catch {
    return new Map();
  }
}

const keep = (orders) => sessionStorage.setItem(REMEMBERED, JSON.stringify([...orders].slice(-MOST)));

/** The key under which just this order was sent without an answer, if it was. */
export const keyOf = (order) => all().get(JSON.stringify(order)) ?? null;

/** It is about to be sent. */
export const began = (order, key) => keep(all().set(JSON.stringify(order), key));

/** It is known what became of it: the same once more is another order. */
export function settled(order) {
  const orders = all();
  orders.delete(JSON.stringify(order));
  keep(orders);
}

// A refusal for being too slow, as proxies give it, may come after the order.
const TOO_SLOW = 408;

/** Whether a refusal says that nothing was done; silence does not, nor does a failure in there. */
export const isDefinite = ({ status }) => status >= 400 && status < 500 && status !== TOO_SLOW;
