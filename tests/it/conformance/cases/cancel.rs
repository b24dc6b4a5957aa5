//! Cancels.

use messages::orders::Status;
use testkit::venue::faults::Fault;

use super::super::bench::{Bench, Cell};
use super::super::house::Ask;
use super::fill;

pub fn open(b: &mut Bench) -> Cell {
    let id = b.rest(b.buy(99));
    b.cancel(id);
    b.settles(id, Status::Canceled)
}

pub fn partly_filled(b: &mut Bench) -> Cell {
    let id = fill::part(b);
    b.cancel(id);
    b.settles(id, Status::Canceled)
}

pub fn ended(b: &mut Bench) -> Cell {
    let id = b.rest(b.buy(99));
    b.market(98, None);
    b.reaches(id, Status::Filled);
    b.cancel(id);
    b.settles(id, Status::Filled)
}

pub fn answer_lost(b: &mut Bench) -> Cell {
    failing(b, Fault::LoseAnswer)
}

pub fn failed_before(b: &mut Bench) -> Cell {
    failing(b, Fault::FailBefore(503))
}

pub fn failed_after(b: &mut Bench) -> Cell {
    failing(b, Fault::FailAfter(504))
}

pub fn rate(b: &mut Bench) -> Cell {
    failing(b, Fault::TooMany(1))
}

/// The venue looks at nothing of which it cannot tell when it was said.
pub fn clock(b: &mut Bench) -> Cell {
    if b.house.is_paper() {
        return None;
    }
    let id = b.rest(b.buy(99));
    b.house.set_clock(-5_000);
    b.cancel(id);
    b.settles(id, Status::Canceled)
}

fn failing(b: &mut Bench, fault: Fault) -> Cell {
    if b.house.is_paper() {
        return None;
    }
    let id = b.rest(b.buy(99));
    b.house.once(b.house.point(Ask::Cancel), fault);
    b.cancel(id);
    b.settles(id, Status::Canceled)
}
