//! Times in force.

use std::time::Duration;

use messages::orders::{Status, TimeInForce};
use testkit::feeds::serve::now;

use super::super::bench::{Bench, Cell};

pub fn ioc(b: &mut Bench) -> Cell {
    let id = b.place(b.buy_for(99, TimeInForce::Ioc));
    b.settles(id, Status::Expired)
}

pub fn ioc_partly_filled(b: &mut Bench) -> Cell {
    b.market(100, Some(b.goods.part));
    b.ready();
    let id = b.place(b.buy_for(101, TimeInForce::Ioc));
    b.settles(id, Status::Expired)
}

pub fn fok(b: &mut Bench) -> Cell {
    b.market(100, Some(b.goods.part));
    b.ready();
    let id = b.place(b.buy_for(101, TimeInForce::Fok));
    b.settles(id, Status::Expired)
}

pub fn day(b: &mut Bench) -> Cell {
    if b.house.is_paper() {
        // The calendar says when the day of a US stock ends.
        let end = now().after(Duration::from_secs(3));
        b.restart(&[&format!("calendar.us_equities_close=[\"{end}\"]")]);
        b.ready();
    }
    let id = b.place(b.buy_for(99, TimeInForce::Day));
    let rests = b.settles(id, Status::Accepted);
    if rests.as_deref() != Some(Status::Accepted.as_str()) {
        return rests;
    }
    b.house.outside(|books, _| books.end_day(now()));
    b.settles(id, Status::Expired)
}
