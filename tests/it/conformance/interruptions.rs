//! What becomes of an order that is in a state when the connection breaks, or the runtime dies, while the venue lives on.
//!
//! Each case brings an order into its state, makes the venue unreachable, lets the venue do what it does meanwhile, breaks the
//! connection or kills the runtime, and lets it all be healthy again.

use messages::orders::{OrderRequest, OrderType, Status};
use messages::{OrderId, Quantity};
use testkit::venue::faults::Fault;

use super::bench::{Bench, Cell, SLOW};
use super::cases::fill;
use super::house::Ask;

/// How it is interrupted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Every connection is cut, and none can be made for a while.
    Disconnect,
    /// The runtime is killed and started again.
    Restart,
}

/// The venue is not reached any more, but for what its rules say; what is on its way is cut off.
fn lose(b: &Bench) {
    b.house.go_dark();
    b.house.cut();
}

/// Interrupts, and is healthy again.
fn interrupt(b: &mut Bench, how: How) {
    if how == How::Restart {
        b.restart(&[]);
    }
    b.house.heal();
    if b.house.is_paper() {
        b.ready();
    }
}

/// A request that the venue does, and whose answer nobody hears: the state that waits for it.
fn unanswered(b: &mut Bench, ask: Ask, status: Status, say: impl FnOnce(&mut Bench) -> OrderId) -> OrderId {
    let point = b.house.point(ask);
    b.house.once(point, Fault::LoseAnswer);
    b.house.go_dark();
    let id = say(b);
    b.has_failed(point);
    b.house.cut();
    b.reaches(id, status)
}

/// Paper is never disconnected.
fn has(b: &Bench, how: How) -> bool {
    !(b.house.is_paper() && how == How::Disconnect)
}

/// Its intent is written and finds no connection: nobody but us knows of it.
pub fn pending_submit(b: &mut Bench, how: How) -> Cell {
    if b.house.is_paper() {
        // From there to `submitted` it takes paper no time.
        return None;
    }
    lose(b);
    b.is_unreached();
    let id = b.place(b.buy(99));
    b.settles(id, Status::Accepted);
    interrupt(b, how);
    b.settles(id, Status::Accepted)
}

/// It has left, and its answer is lost. The venue has it; paper dies with it.
pub fn submitted(b: &mut Bench, how: How) -> Cell {
    if !has(b, how) {
        return None;
    }
    let id = if b.house.is_paper() {
        b.restart(SLOW);
        let request = b.buy(99);
        let id = b.place_priced(&request);
        b.reaches(id, Status::Submitted)
    } else {
        unanswered(b, Ask::Place, Status::Submitted, |b| b.place(b.buy(99)))
    };
    interrupt(b, how);
    b.settles(id, Status::Accepted)
}

/// It rests, and fills meanwhile.
pub fn accepted(b: &mut Bench, how: How) -> Cell {
    if !has(b, how) {
        return None;
    }
    let id = b.rest(b.buy(99));
    filled_meanwhile(b, how, id, None)
}

/// Its trigger was met, it rests at its limit, and fills meanwhile.
pub fn triggered(b: &mut Bench, how: How) -> Cell {
    if !has(b, how) {
        return None;
    }
    let (stop_price, order_type) = (Some(b.price(102)), OrderType::StopLimit);
    let id = b.rest(OrderRequest { stop_price, order_type, ..b.buy(99) });
    b.market(102, None);
    let status = if b.house.name() == "alpaca" { Status::Accepted } else { Status::Triggered };
    b.reaches(id, status);
    filled_meanwhile(b, how, id, None)
}

/// A part is filled, and the rest fills meanwhile.
pub fn partially_filled(b: &mut Bench, how: How) -> Cell {
    if !has(b, how) {
        return None;
    }
    let id = fill::part(b);
    filled_meanwhile(b, how, id, None)
}

fn filled_meanwhile(b: &mut Bench, how: How, id: OrderId, much: Option<Quantity>) -> Cell {
    lose(b);
    if !b.house.is_paper() {
        b.market(97, much);
    }
    interrupt(b, how);
    if b.house.is_paper() {
        b.market(97, much);
    }
    b.settles(id, Status::Filled)
}

/// Its cancel has left, and the answer is lost.
pub fn pending_cancel(b: &mut Bench, how: How) -> Cell {
    if !has(b, how) {
        return None;
    }
    let id = b.rest(b.buy(99));
    if b.house.is_paper() {
        b.restart(SLOW);
        b.cancel(id);
        b.reaches(id, Status::PendingCancel);
    } else {
        unanswered(b, Ask::Cancel, Status::PendingCancel, |b| {
            b.cancel(id);
            id
        });
    }
    interrupt(b, how);
    b.settles(id, Status::Canceled)
}

/// Its replacement has left, and the answer is lost: the new terms are in force where the venue has taken them.
pub fn pending_replace(b: &mut Bench, how: How) -> Cell {
    if !has(b, how) {
        return None;
    }
    let (id, price) = (b.rest(b.buy(99)), b.price(98));
    if b.house.is_paper() {
        b.restart(SLOW);
        b.until_priced();
        b.replace(id, None, Some(price));
        b.reaches(id, Status::PendingReplace);
    } else {
        unanswered(b, Ask::Replace, Status::PendingReplace, |b| {
            b.replace(id, None, Some(price));
            id
        });
    }
    interrupt(b, how);
    let order = b.wait(id, "an answer to the replacement", |order| {
        order.status == Status::Accepted || order.status.is_terminal()
    });
    let took = order.request.price == Some(price);
    Some(format!("{}, {}", order.status, if took { "replaced" } else { "unchanged" }))
}

/// It was filled in part and canceled, and nobody heard of either.
pub fn ended(b: &mut Bench, how: How) -> Cell {
    if b.house.is_paper() {
        return None;
    }
    let id = b.rest(b.buy(99));
    lose(b);
    b.market(98, Some(b.goods.part));
    b.house.outside(|books, _| {
        let open: Vec<u64> = books.open("main").map(|order| order.id).collect();
        open.into_iter().for_each(|id| books.cancel(id, None, testkit::feeds::serve::now()).unwrap());
    });
    interrupt(b, how);
    b.settles(id, Status::Canceled)
}
