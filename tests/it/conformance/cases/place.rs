//! New orders.

use messages::orders::{OrderRequest, Side, Status, TimeInForce};
use messages::{Exchange, Quantity};

use super::super::bench::{Bench, Cell};

pub fn market(b: &mut Bench) -> Cell {
    let id = b.place(OrderRequest::market(b.goods.instrument, Side::Buy, b.goods.quantity));
    b.settles(id, Status::Filled)
}

pub fn quote_quantity(b: &mut Bench) -> Cell {
    let whole = OrderRequest::market(b.goods.instrument, Side::Buy, Quantity::ZERO);
    // Parts of a share are traded for the day.
    let is_stock = b.goods.instrument.exchange == Exchange::Alpaca;
    let time_in_force = if is_stock { TimeInForce::Day } else { whole.time_in_force };
    let id = b.place(OrderRequest { quote_quantity: Some("600".parse().unwrap()), time_in_force, ..whole });
    b.settles(id, Status::Filled)
}

pub fn limit(b: &mut Bench) -> Cell {
    let id = b.place(b.buy(99));
    b.settles(id, Status::Accepted)
}

pub fn post_only(b: &mut Bench) -> Cell {
    let id = b.place(OrderRequest { post_only: true, ..b.buy(99) });
    b.settles(id, Status::Accepted)
}
