//! Replacements. What the cell adds to the order's state: whether the new terms are in force.

use messages::orders::Status;
use messages::{OrderId, Price, Quantity};
use testkit::venue::faults::Fault;

use super::super::bench::{Bench, Cell, SLOW};
use super::super::house::Ask;
use super::{LATE, fill};

fn replaced(b: &mut Bench, id: OrderId, quantity: Option<Quantity>, price: Option<Price>) -> Cell {
    let before = b.wait(id, "an order", |_| true);
    b.replace(id, quantity, price);
    let after = b.wait(id, "an answer to the replacement", |order| {
        order.replacing.is_none() && order.status != Status::PendingReplace && order.updated_at > before.updated_at
    });
    let asked = (quantity.unwrap_or(before.request.quantity), price.or(before.request.price));
    let took = (after.request.quantity, after.request.price) == asked;
    Some(format!("{}, {}", after.status, if took { "replaced" } else { "unchanged" }))
}

pub fn price(b: &mut Bench) -> Cell {
    let id = b.rest(b.buy(99));
    let price = b.price(98);
    replaced(b, id, None, Some(price))
}

pub fn smaller(b: &mut Bench) -> Cell {
    let id = b.rest(b.buy(99));
    let part = b.goods.part;
    replaced(b, id, Some(part), None)
}

pub fn larger(b: &mut Bench) -> Cell {
    let id = b.rest(b.buy(99));
    let more = b.goods.quantity.checked_add(b.goods.part);
    replaced(b, id, more, None)
}

pub fn partly_filled(b: &mut Bench) -> Cell {
    let id = fill::part(b);
    let price = b.price(97);
    replaced(b, id, None, Some(price))
}

pub fn answer_lost(b: &mut Bench) -> Cell {
    failing(b, Fault::LoseAnswer)
}

pub fn failed_before(b: &mut Bench) -> Cell {
    failing(b, Fault::FailBefore(503))
}

/// Nobody can answer it: it is given up once it can no longer arrive.
pub fn never_arrived(b: &mut Bench) -> Cell {
    failing(b, Fault::Lose)
}

fn failing(b: &mut Bench, fault: Fault) -> Cell {
    if b.house.is_paper() {
        return None;
    }
    let (id, price) = (b.rest(b.buy(99)), b.price(98));
    b.house.once(b.house.point(Ask::Replace), fault);
    replaced(b, id, None, Some(price))
}

/// The order is filled before the replacement arrives.
pub fn too_late(b: &mut Bench) -> Cell {
    let (id, price) = (b.rest(b.buy(99)), b.price(97));
    if b.house.is_paper() {
        b.restart(SLOW);
        b.until_priced();
        b.replace(id, None, Some(price));
        b.reaches(id, Status::PendingReplace);
        b.market(98, None);
    } else {
        let point = b.house.told_fill(false);
        b.house.once(point, Fault::Reorder(LATE));
        b.market(98, None);
        b.has_failed(point);
        b.replace(id, None, Some(price));
    }
    b.settles(id, Status::Filled)
}
