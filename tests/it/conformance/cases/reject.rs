//! What the venue refuses.

use messages::Quantity;
use messages::orders::{OrderRequest, Status};
use testkit::venue::faults::Fault;

use super::super::bench::{Bench, Cell};
use super::super::house::Ask;

/// Paper with a halt of its instrument.
const HALTED: &[&str] =
    &[r#"paper.halts=[{instrument="alpaca:AAPL",from="2020-01-01T00:00:00Z",to="2100-01-01T00:00:00Z"}]"#];

pub fn funds(b: &mut Bench) -> Cell {
    let quantity = Quantity::from_raw(b.goods.quantity.raw() * 150).unwrap();
    let id = b.place(OrderRequest { quantity, ..b.buy(99) });
    b.settles(id, Status::Rejected)
}

pub fn post_only(b: &mut Bench) -> Cell {
    let id = b.place(OrderRequest { post_only: true, ..b.buy(101) });
    b.settles(id, Status::Rejected)
}

pub fn halted(b: &mut Bench) -> Cell {
    let symbol = b.goods.instrument.symbol;
    let halt = |b: &Bench, halted| {
        b.house.outside(|books, _| books.instruments.get_mut(symbol.as_str()).unwrap().halted = halted);
    };
    if b.house.is_paper() {
        b.restart(HALTED);
    } else {
        halt(b, true);
    }
    let request = b.buy(99);
    let id = b.place_priced(&request);
    let cell = b.settles(id, Status::Accepted);
    halt(b, false);
    cell
}

pub fn rate(b: &mut Bench) -> Cell {
    failing(b, Fault::TooMany(1))
}

pub fn banned(b: &mut Bench) -> Cell {
    failing(b, Fault::Banned(1))
}

fn failing(b: &mut Bench, fault: Fault) -> Cell {
    if b.house.is_paper() {
        return None;
    }
    b.house.once(b.house.point(Ask::Place), fault);
    let id = b.place(b.buy(99));
    b.settles(id, Status::Accepted)
}

/// What is wrong with the clock costs one order; the next one goes through.
pub fn clock(b: &mut Bench) -> Cell {
    if b.house.is_paper() {
        return None;
    }
    b.house.set_clock(-5_000);
    let id = b.place(b.buy(99));
    let cell = b.settles(id, Status::Accepted);
    b.ready();
    cell
}
