//! Fills, and how they are told.

use messages::OrderId;
use messages::orders::Status;
use testkit::feeds::serve::now;
use testkit::venue::faults::Fault;

use super::super::bench::{Bench, Cell, SLOW};
use super::super::house::Ask;
use super::LATE;

pub fn resting(b: &mut Bench) -> Cell {
    let id = b.rest(b.buy(99));
    b.market(98, None);
    b.settles(id, Status::Filled)
}

/// An order of which a part is filled.
pub fn part(b: &mut Bench) -> OrderId {
    let id = b.rest(b.buy(99));
    b.market(98, Some(b.goods.part));
    b.reaches(id, Status::PartiallyFilled)
}

pub fn partial(b: &mut Bench) -> Cell {
    let id = part(b);
    b.settles(id, Status::PartiallyFilled)
}

pub fn completed(b: &mut Bench) -> Cell {
    let id = part(b);
    b.market(97, None);
    b.settles(id, Status::Filled)
}

/// The fill comes before the cancel, which is on its way.
pub fn while_canceling(b: &mut Bench) -> Cell {
    if b.house.is_paper() {
        let id = b.rest(b.buy(99));
        b.restart(SLOW);
        b.cancel(id);
        b.reaches(id, Status::PendingCancel);
        b.market(98, None);
        return b.settles(id, Status::Filled);
    }
    let (id, point) = (b.rest(b.buy(99)), b.house.point(Ask::Cancel));
    b.house.once(point, Fault::Lose);
    b.cancel(id);
    b.has_failed(point);
    b.market(98, None);
    b.settles(id, Status::Filled)
}

pub fn told_twice(b: &mut Bench) -> Cell {
    told_with(b, Fault::Duplicate)
}

pub fn told_with_unknown(b: &mut Bench) -> Cell {
    told_with(b, Fault::Unknown)
}

fn told_with(b: &mut Bench, fault: Fault) -> Cell {
    if b.house.is_paper() {
        return None;
    }
    let id = b.rest(b.buy(99));
    b.house.once(b.house.told_fill(false), fault);
    b.market(98, None);
    b.settles(id, Status::Filled)
}

/// The second fill is told before the first.
pub fn told_out_of_order(b: &mut Bench) -> Cell {
    if b.house.is_paper() {
        return None;
    }
    let id = b.rest(b.buy(99));
    b.house.once(b.house.told_fill(true), Fault::Reorder(LATE));
    b.market(98, Some(b.goods.part));
    b.market(97, None);
    b.settles(id, Status::Filled)
}

/// The venue takes back what it has told as traded.
pub fn busted(b: &mut Bench) -> Cell {
    if b.house.name() != "alpaca" {
        return None;
    }
    let id = part(b);
    b.house.outside(|books, _| {
        let trade = books.executions.last().expect("a fill").trade;
        books.bust(trade, now()).expect("a fill that stands");
    });
    let order = b.wait(id, "nothing is filled", |order| order.filled.is_zero());
    Some(order.status.to_string())
}

pub fn never_told(b: &mut Bench) -> Cell {
    not_told(b, Fault::Lose)
}

pub fn told_unreadably(b: &mut Bench) -> Cell {
    not_told(b, Fault::Malformed)
}

/// What nobody heard is found when the connection is made again.
fn not_told(b: &mut Bench, fault: Fault) -> Cell {
    if b.house.is_paper() {
        return None;
    }
    let (id, point) = (b.rest(b.buy(99)), b.house.told_fill(false));
    b.house.once(point, fault);
    b.market(98, None);
    b.has_failed(point);
    b.house.cut();
    b.settles(id, Status::Filled)
}
