//! New orders of which nobody knows at first what became of them.

use messages::orders::Status;
use testkit::venue::faults::Fault;

use super::super::bench::{Bench, Cell};
use super::super::house::Ask;
use super::LATE;

fn placed(b: &mut Bench, fault: Fault) -> Cell {
    if b.house.is_paper() {
        return None;
    }
    b.house.once(b.house.point(Ask::Place), fault);
    let id = b.place(b.buy(99));
    b.settles(id, Status::Accepted)
}

pub fn answer_lost(b: &mut Bench) -> Cell {
    placed(b, Fault::LoseAnswer)
}

pub fn answer_unreadable(b: &mut Bench) -> Cell {
    placed(b, Fault::Malformed)
}

pub fn failed_before(b: &mut Bench) -> Cell {
    placed(b, Fault::FailBefore(503))
}

pub fn failed_after(b: &mut Bench) -> Cell {
    placed(b, Fault::FailAfter(504))
}

pub fn never_arrived(b: &mut Bench) -> Cell {
    placed(b, Fault::Lose)
}

pub fn answer_late(b: &mut Bench) -> Cell {
    placed(b, Fault::Delay(LATE))
}
