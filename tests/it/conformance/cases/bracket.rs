//! Brackets: an entry with the order that takes the profit and the one that stops the loss. A cell says what became of both.

use messages::OrderId;
use messages::orders::{Exits, Status};

use super::super::bench::{Bench, Cell};

fn place(b: &mut Bench) -> OrderId {
    let exits = Exits { take_profit: Some(b.price(104)), stop_loss: Some(b.price(95)), stop_limit: None };
    let id = b.place_bracket(b.buy(99), exits);
    b.reaches(id, Status::Accepted)
}

/// The entry is filled, and the order that takes the profit works.
fn enter(b: &mut Bench) -> OrderId {
    let id = place(b);
    b.market(98, None);
    b.reaches(id, Status::Filled);
    b.reaches(id.part(1), Status::Accepted);
    id
}

/// What became of the two exits, once the last of them has ended.
fn ends(b: &Bench, id: OrderId) -> Cell {
    let ended = |part| b.settles(id.part(part), Status::Filled);
    Some(format!("{}, {}", ended(1)?, ended(2)?))
}

pub fn profit(b: &mut Bench) -> Cell {
    let id = enter(b);
    b.market(105, None);
    ends(b, id)
}

pub fn loss(b: &mut Bench) -> Cell {
    let id = enter(b);
    b.market(94, None);
    if b.house.is_paper() {
        return ends(b, id);
    }
    // Who holds the stop-loss watches trades.
    b.trade(94);
    let cell = ends(b, id);
    b.trade(100);
    cell
}

/// The runtime dies between the fill of the entry and the price of an exit.
pub fn restarted(b: &mut Bench) -> Cell {
    let id = enter(b);
    b.restart(&[]);
    b.ready();
    b.market(105, None);
    ends(b, id)
}

pub fn entry_canceled(b: &mut Bench) -> Cell {
    let id = place(b);
    b.cancel(id);
    b.reaches(id, Status::Canceled);
    ends(b, id)
}
