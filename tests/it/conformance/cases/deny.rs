//! What is refused here, before anybody else sees it.

use messages::Price;
use messages::orders::{OrderRequest, Status};

use super::super::bench::{Bench, Cell};

pub fn price_step(b: &mut Bench) -> Cell {
    let off = Price::from_raw(b.price(99).raw() + 100_000).unwrap();
    let id = b.place(OrderRequest { price: Some(off), ..b.buy(99) });
    b.settles(id, Status::Denied)
}

pub fn least_value(b: &mut Bench) -> Cell {
    let id = b.place(OrderRequest { quantity: b.goods.too_little, ..b.buy(99) });
    b.settles(id, Status::Denied)
}
